import Foundation
import TestSupport
import Testing

extension HeavyTests {
  /// A Redis with a wrong configuration: each reason is shown in `/health`, `/health/ready` and the log.
  @Suite struct StoreFaultTests {
    private static func redis(_ node: NodeUnderTest, _ member: String) async throws -> [String] {
      (try await node.send(.health).json["redis"] as? [String: Any])?[member] as? [String] ?? []
    }

    /// A node whose Redis user has all rights except those that these rules remove.
    private func node(_ redis: PrivateRedis, without rules: String...) async throws -> NodeUnderTest {
      _ = try Shell.run(
        "redis-cli",
        ["-p", "\(redis.port)", "ACL", "SETUSER", "shop", "on", ">password-of-redis", "~*", "&*", "+@all"] + rules)
      let url = redis.url.replacingOccurrences(of: "redis://", with: "redis://shop:password-of-redis@")
      return try await NodeUnderTest(redisURL: url)
    }

    @Test func `a Redis that takes no writes is told in its own words; the node is not ready meanwhile`() async throws {
      let redis = try await PrivateRedis()
      let node = try await NodeUnderTest(redisURL: redis.url)
      try await node.waitUntilReady()
      try redis.cli("CONFIG", "SET", "min-replicas-to-write", "1")
      try await eventually("not ready") { try await node.send(.ready).status == 503 }
      let words = "Redis takes no writes: NOREPLICAS Not enough good replicas to write.: the shop cannot sell"
      #expect(try await node.send(.ready).json["reasons"] as? [String] == [words])
      #expect(try await Self.redis(node, "faults") == [words])
      #expect(try await node.send(.health).text("state") == "degraded")
      #expect(try await node.send(.live).status == 200)
      try redis.cli("CONFIG", "SET", "min-replicas-to-write", "0")
      try await node.waitUntilReady()
      #expect(try await Self.redis(node, "faults") == [])
      #expect(node.logLines(with: "NOREPLICAS").count { $0.contains("Redis is not as it must be") } == 1)
      #expect(node.logLines(with: "well again").count == 1)
    }

    @Test func `a Redis in cluster mode is refused at start: exit code 78 and one clear line`() async throws {
      let redis = try await PrivateRedis(options: ["--cluster-enabled", "yes"])
      let directory = try TemporaryDirectory()
      let process = try NodeUnderTest.start(redisURL: redis.url, settings: [:], logs: directory)
      try await eventually("the node ends") { !process.isRunning }
      let said = process.log.split(separator: "\n").filter { !$0.hasPrefix("{") }
      #expect(process.exitCode == 78 && said.count == 1, "\(said)")
      #expect(said.first?.contains("cluster mode") == true)
    }

    @Test func `keys of ours that have another type are named, with what they are and must be`() async throws {
      let redis = try await PrivateRedis()
      try redis.cli("RPUSH", "events", "x")
      try redis.cli("SET", "skus", "x")
      let node = try await NodeUnderTest(redisURL: redis.url)
      try await eventually("it tells") { try await Self.redis(node, "faults").count == 1 }
      let fault = try await Self.redis(node, "faults").first
      #expect(fault?.contains("The key events in Redis is a list and must be a stream") == true)
      #expect(try await Self.redis(node, "warnings").first?.contains("key skus in Redis is a string") == true)
      #expect(try await node.send(.ready).text.contains("key events in Redis is a list"))
      try redis.cli("DEL", "events", "skus")
      try await node.waitUntilReady()
    }

    @Test
    func `rights taken away are told by command and key, whether or not the user may ask for them`() async throws {
      for mayAsk in [true, false] {
        let redis = try await PrivateRedis()
        let node = try await node(redis, without: mayAsk ? "+acl" : "-acl")
        try await node.waitUntilReady()
        #expect(try await Self.redis(node, "warnings") == [])
        try redis.cli("ACL", "SETUSER", "shop", "-decrby")
        try await eventually("it tells") { try await !Self.redis(node, "faults").isEmpty }
        let fault = try await Self.redis(node, "faults").first
        #expect(fault?.contains("may not run DECRBY on inventory:*: the shop cannot sell") == true, "\(fault ?? "")")
        #expect(!(await node.isReady))
        try redis.cli("ACL", "SETUSER", "shop", "-@all")
        try await eventually("it tells that nothing is allowed") {
          try await node.send(.ready).text.contains("NOPERM")
        }
        try redis.cli("ACL", "SETUSER", "shop", "+@all")
        try await node.waitUntilReady()
      }
    }

    @Test
    func `a right that a request misses is told at once, long before rights are asked about again`() async throws {
      let redis = try await PrivateRedis()
      let node = try await node(redis, without: "+acl")
      try await node.waitUntilReady()
      #expect(try await node.send(.setStock("A", total: 5)).status == 201)
      try redis.cli("ACL", "SETUSER", "shop", "-decrby")
      #expect(try await node.send(.reserve("A")).status >= 500)
      // All checks ran when the node became ready. They run again ten seconds later.
      try await eventually("it tells", within: .seconds(7)) { try await !Self.redis(node, "faults").isEmpty }
    }

    @Test func `where INFO is forbidden the node serves, and says that the guard of memory is off`() async throws {
      let redis = try await PrivateRedis()
      let node = try await node(redis, without: "-info", "-acl")
      try await node.waitUntilReady()
      #expect(try await Self.redis(node, "warnings").first?.contains("how full Redis is (INFO: NOPERM") == true)
      let warnings = try await node.send(.ready).json["warnings"] as? [String]
      #expect(warnings?.count == 1 && warnings?.first?.contains("is off") == true)
    }

    @Test func `settings under which data is lost, or memory ends, are warned of, and the node serves`() async throws {
      let redis = try await PrivateRedis(options: ["--appendfsync", "no", "--maxmemory", "0"])
      let node = try await NodeUnderTest(redisURL: redis.url)
      try await node.waitUntilReady()
      let warnings = try await Self.redis(node, "warnings")
      #expect(warnings.count == 2 && warnings[0].contains("appendfsync no") && warnings[1].contains("no maxmemory"))
      let health = try await node.send(.health)
      #expect((health.json["redis"] as? [String: Any])?["version"] as? String != nil)
      #expect(abs((health.json["redis"] as? [String: Any])?["clockOffsetMs"] as? Int ?? 9999) < 1000)
      try redis.cli("CONFIG", "SET", "appendfsync", "always", "maxmemory", "1gb")
      try await eventually("well again") { try await Self.redis(node, "warnings").isEmpty }
    }
  }
}
