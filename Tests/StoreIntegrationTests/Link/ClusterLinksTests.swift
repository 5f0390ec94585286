import NIOConcurrencyHelpers
import RedisClient
import TestSupport
import Testing

extension AgainstRedis {
  /// Links to the masters of a real Redis Cluster.
  @Suite struct ClusterLinksTests {
    /// One key on each of three masters, by the ranges that they begin with.
    private static let keys = (0..<3).map { number in
      let range = number * HashSlot.count / 3..<(number + 1) * HashSlot.count / 3
      return "key-\((0...).first { range.contains(HashSlot.of("key-\($0)".utf8)) } ?? 0)"
    }

    @Test func `each command goes to the master of its slot, over one link to each`() async throws {
      let group = try await RedisCluster(replicas: 0)
      let links = try await ClusterHandle(group.url)
      for (key, server) in zip(Self.keys, group.servers) {
        #expect(try await links.reply("SET", key, "x") == .status("OK"))
        #expect(try server.cli("GET", key) == "x")
      }
      let status = try await links.status
      #expect(status.isUp && status.unservedShards == 0 && status.warnings.isEmpty, "\(status)")
      #expect(status.server?.split(separator: ",").count == 3)
      for server in group.servers {
        #expect(try server.cli("CLIENT", "LIST").split(separator: "\n").count { $0.contains("holdfast:test") } == 1)
      }
    }

    @Test func `slots that move under way are found again, and each command takes effect once or is said not to have`()
      async throws
    {
      let group = try await RedisCluster(replicas: 0)
      let links = try await ClusterHandle(group.url)
      for key in Self.keys { _ = try await links.reply("SET", key, "0") }
      let before = try await links.reconnects(of: Self.keys[0])
      let isOver = NIOLockedValueBox(false)
      let counting = Task {
        var count = 0
        while !isOver.withLockedValue({ $0 }) {
          // Each is answered, and none twice.
          guard try await links.reply("INCR", Self.keys[0]) == .integer(Int64(count + 1)) else { return -count }
          count += 1
        }
        return count
      }
      // All slots of the first.
      try await group.reshard(slots: HashSlot.count / 3, from: group.servers[0], to: group.servers[1])
      isOver.withLockedValue { $0 = true }
      let count = try await counting.value
      #expect(count > 0)
      #expect(try group.servers[1].cli("GET", Self.keys[0]) == "\(count)")
      #expect(try await links.reply("INCR", Self.keys[0]) == .integer(Int64(count + 1)))
      #expect(try await links.reconnects(of: Self.keys[0]) > before)
      try await eventually("the server without slots has no link any more") {
        try !group.servers[0].cli("CLIENT", "LIST").contains("holdfast:test")
      }
      #expect(try await links.status.warnings == [])
    }

    @Test func `a replica that takes its dead master's place is found; the other masters are not touched`() async throws
    {
      let group = try await RedisCluster(nodeTimeout: 1500)
      let links = try await ClusterHandle(group.url)
      for key in Self.keys { _ = try await links.reply("SET", key, "0") }
      try await group.whenReplicasHoldAll()
      let others = try await Self.keys.dropFirst().asyncMap { try await links.reconnects(of: $0) }
      group.servers[0].kill()
      try await eventually("a replica is master") { group.masters.count == 3 }
      #expect(try await links.reply("INCR", Self.keys[0]) == .integer(1))
      try await eventually("nothing is missing any more") { try await links.status.unservedShards == 0 }
      #expect(try await Self.keys.dropFirst().asyncMap { try await links.reconnects(of: $0) } == others)
      for key in Self.keys.dropFirst() { #expect(try await links.reply("INCR", key) == .integer(1)) }
    }

    @Test func `a Redis that is no Cluster is told apart from one that does not answer`() async throws {
      let redis = try await PrivateRedis()
      let links = try await ClusterHandle("redis+cluster://127.0.0.1:\(redis.port)")
      _ = await links.send(["GET", "a"])
      try await eventually("it says so") {
        try await links.status.lastProblem?.contains("does not run in cluster mode") == true
      }
      redis.kill()
      try await eventually("it says so") {
        try await links.status.lastProblem?.contains("refuses connections: nothing listens there") == true
      }
    }
  }
}

extension Sequence where Element: Sendable {
  fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await transform(element)) }
    return values
  }
}
