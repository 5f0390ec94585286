import Foundation
import TestSupport
import Testing

extension HeavyTests {
  /// Real nodes on a real Redis Cluster: three masters with a replica or two each.
  @Suite struct RedisClusterTests {
    @Test(arguments: ClusterFault.usual)
    func `whatever happens to a master or its slots, nothing impossible remains, and all nodes serve again`(
      fault: ClusterFault
    ) async throws {
      let group = try await RedisCluster(replicas: fault.replicas, nodeTimeout: fault.nodeTimeout)
      defer { group.end() }
      let cluster = try await TestCluster(nodes: 3, on: group, settings: fault.settings)
      let verdict = try await expectNothingImpossible(after: fault.rawValue, at: cluster) { traffic in
        try await fault.strike(group, cluster, traffic).map { [$0] } ?? []
      }
      if !fault.mayLose { #expect(verdict.lost == 0, "\(verdict.missing)") }
      for node in cluster.nodes {
        #expect(node.process.isRunning, "a node has ended: \(node.log)")
        node.process.kill()
      }
    }

    @Test func `while one master is dead, all that lies on others is sold, and the node says what is missing`()
      async throws
    {
      // Nobody takes its place.
      let group = try await RedisCluster(replicas: 0)
      defer { group.end() }
      let cluster = try await TestCluster(nodes: 1, on: group)
      let skus = (0..<60).map { "sku-\($0)" }
      for sku in skus { try await cluster.succeed(.setStock(sku, total: 1_000)) }
      // Not the one that has the lease: that is another test's.
      let dead = try await group.whenMasters()[1]
      let lost = try StoreSnapshot(of: dead).stocks.map(\.sku)
      #expect(!lost.isEmpty && lost.count < skus.count / 2)
      dead.kill()
      let node = cluster.nodes[0]
      try await eventually("what lies on the dead one is refused with 503") {
        try await node.send(.reserve(lost[0])).status == 503
      }
      for sku in skus {
        let answer = try await node.send(.reserve(sku))
        #expect(answer.status == (lost.contains(sku) ? 503 : 201), "\(sku): \(answer)")
        if lost.contains(sku) { #expect(answer.header("Retry-After") != nil) }
      }
      try await eventually("it says what is missing") {
        let warnings = (try await node.send(.health).json["redis"] as? [String: Any])?["warnings"] as? [String] ?? []
        return warnings.contains { $0.hasPrefix("no link to Redis at 127.0.0.1:\(dead.port), which serves") }
      }
      #expect(await node.isReady)
      try dead.startAgain()
      try await eventually("it is served again") { try await node.send(.reserve(lost[0])).status == 201 }
      try await cluster.expectInvariants()
      node.process.kill()
    }

    @Test
    func
      `a node takes the number of shards from the store; one that was given another ends; a server that loses its data is noticed`()
      async throws
    {
      let group = try await RedisCluster(replicas: 0)
      defer { group.end() }
      let first = try await NodeUnderTest(redisURL: group.url, settings: ["SHARDS": "6"])
      try await first.waitUntilReady()
      #expect(try await first.send(.setStock("A", total: 3)).status == 201)
      // It listens anew, so the port must be known beforehand.
      let second = try await NodeUnderTest(redisURL: group.url, settings: ["PORT": "\(FreePort.find())"])
      try await second.waitUntilReady()
      #expect(try await second.send(.reserve("A")).status == 201)
      let third = try await NodeUnderTest(redisURL: group.url, settings: ["SHARDS": "7"])
      try await eventually("it has ended") { !third.process.isRunning }
      #expect(third.process.exitCode == 78)
      try group.servers[1].cli("FLUSHALL")
      for node in [first, second] {
        try await eventually("the loss of one server's data is told") {
          let store = try await node.send(.health).json["store"] as? [String: Any]
          return store?["loss"] is [String: Any] && store?["shards"] as? Int == 6
        }
        node.process.kill()
      }
    }
  }
}
