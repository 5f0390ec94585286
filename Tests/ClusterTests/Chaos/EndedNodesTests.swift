import Foundation
import TestSupport
import Testing

extension HeavyTests {
  /// Nodes are killed or told to stop while shoppers' holds keep expiring.
  @Suite struct EndedNodesTests {
    @Suite(.cluster(nodes: 3)) struct Killed {
      @Test
      func `kill -9 of the leader: another one soon leads and sweeps; only its own clients notice`() async throws {
        try await expectOrder { cluster, traffic in
          let leader = try await cluster.leader()
          traffic.expect(.silence, at: [leader.node])
          let killed = epochMilliseconds()
          leader.node.process.kill()
          try await cluster.successor(of: leader, after: "kill -9", at: killed)
          try await traffic.flows()
          try await cluster.startAgain(leader.index)
        }
      }
    }

    @Suite(.cluster(nodes: 4)) struct KilledInARow {
      @Test func `three leaders killed one after the other: the last node leads and sweeps alone`() async throws {
        try await expectOrder { cluster, traffic in
          var leader = try await cluster.leader()
          var ended: [Int] = []
          for round in 1...3 {
            traffic.expect(.silence, at: [leader.node])
            let killed = epochMilliseconds()
            leader.node.process.kill()
            ended.append(leader.index)
            leader = try await cluster.successor(of: leader, after: "kill -9, \(round) in a row", at: killed)
          }
          try await traffic.flows()
          _ = try await concurrently(ended) { try await cluster.startAgain($0) }
        }
      }
    }

    @Suite(.cluster(nodes: 3)) struct AllKilled {
      @Test
      func `all nodes killed: holds that expire while nobody runs are back soon after the nodes are`() async throws {
        try await expectOrder { cluster, traffic in
          let leader = try await cluster.leader()
          // At least one hold that is not due before all nodes are down.
          try await cluster.succeed(
            .reserve(Traffic.plenty, ttl: 10, reference: "\(Traffic.aside)stranded").key("stranded"))
          traffic.expect(.silence, at: cluster.nodes)
          for node in cluster.nodes { node.process.kill() }
          let stranded = try StoreSnapshot(of: cluster.masters).reservations.filter { $0.value.status == "ACTIVE" }
          #expect(!stranded.isEmpty)
          let last = stranded.values.map(\.expiresAt).max() ?? 0
          try await eventually("all have expired") { epochMilliseconds() > last }
          let unswept = try StoreSnapshot(of: cluster.masters).reservations.filter { $0.value.status == "ACTIVE" }
          #expect(stranded.keys.allSatisfy { unswept[$0] != nil }, "nobody runs")

          let started = epochMilliseconds()
          _ = try await concurrently(cluster.nodes.indices) { try await cluster.startAgain($0) }
          try await cluster.successor(of: leader, after: "all nodes killed, from starting them again", at: started)
          try await eventually("all are released") {
            let snapshot = try StoreSnapshot(of: cluster.masters)
            return stranded.keys.allSatisfy { snapshot.reservations[$0]?.status == "EXPIRED" }
          }
        }
      }
    }

    @Suite(.cluster(nodes: 2, settings: ["DRAIN_DELAY": "300"])) struct Told {
      /// How often the lease is checked while no node may stand for election. It takes some seconds: longer than an
      /// election.
      private static let looks = 60

      @Test func `SIGTERM of the leader: it gives the lease back, stands for no election, exits with 0`() async throws {
        try await expectOrder { cluster, traffic in
          let first = try await cluster.leader()
          let told = epochMilliseconds()
          first.node.process.signal(SIGTERM)
          let second = try await cluster.successor(of: first, after: "SIGTERM", at: told)
          let (redis, key) = try #require(try cluster.place(of: "lease:releases"))
          let releases = try redis.cli("--raw", "XRANGE", key, "-", "+")
          #expect(releases.hasSuffix("epoch\n\(first.epoch)"), "not given back: \(releases)")

          // Now only the draining node is left.
          traffic.expect(.silence, at: [second.node])
          second.node.process.kill()
          try await eventually("the lease has lapsed") { try cluster.lease == nil }
          let health = try await first.node.send(.health)
          #expect(health.text("state") == "draining")
          let claim = try health.lease
          #expect(!claim.leader && claim.termsWon == claim.termsLost)
          for _ in 0..<Self.looks {
            let lease = try cluster.lease
            #expect(lease == nil, "a draining node stood for election")
            try await Task.sleep(for: .milliseconds(50))
          }
          #expect(try await first.node.send(.health).text("state") == "draining")
          traffic.expect(.silence, at: [first.node])
          // Ends the drain delay, which is longer than any machine needs for this test.
          first.node.process.signal(SIGTERM)
          try await eventually("the node ends") { !first.node.process.isRunning }
          #expect(first.node.process.exitCode == 0)
          _ = try await concurrently([first.index, second.index]) { try await cluster.startAgain($0) }
        }
      }
    }
  }
}
