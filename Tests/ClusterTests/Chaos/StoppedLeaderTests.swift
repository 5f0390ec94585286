import Foundation
import TestSupport
import Testing

@testable import Node

extension HeavyTests {
  /// Leaders that do not know that their term is over.
  @Suite struct StoppedLeaderTests {
    /// Holds of a SKU that no shopper asks for, so that nothing but the sweep will release them.
    private struct Backlog {
      private static let sku = "backlog"
      let redis: PrivateRedis

      init(of holds: Int, ttlSeconds: Int, at cluster: TestCluster) async throws {
        redis = cluster.redis
        try await cluster.succeed(.setStock(Self.sku, total: holds))
        _ = try await concurrently(0..<holds, width: 64) { number in
          let reference = "\(Traffic.aside)backlog-\(number)"
          return try await cluster.succeed(.reserve(Self.sku, ttl: ttlSeconds, reference: reference))
        }
      }

      var left: Int { get throws { Int(try redis.cli("ZCARD", "holds:\(Self.sku)")) ?? 0 } }

      /// When the first is due, epoch milliseconds.
      var deadline: Int {
        get throws {
          let first = try redis.cli("--raw", "ZRANGE", "holds:\(Self.sku)", "0", "0", "WITHSCORES")
          return Int(first.split(separator: "\n").last ?? "") ?? 0
        }
      }

      func whenSwept(below count: Int) async throws {
        try await eventually("the backlog is being swept", every: .milliseconds(1)) { try left < count }
      }

      /// How many are left when nobody sweeps any more.
      func whenStill() async throws -> Int {
        var (last, since) = (try left, ContinuousClock.now)
        try await eventually("the backlog stays as it is", every: .milliseconds(10)) {
          let present = try left
          if present != last { (last, since) = (present, .now) }
          return ContinuousClock.now - since > .milliseconds(150)
        }
        return last
      }
    }

    @Suite(.cluster(nodes: 3, isProxied: true)) struct Stopped {
      private static let holds = 1200

      @Test("SIGSTOP in mid-sweep for longer than the TTL, CONT in the successor's sweep: it has no effect any more")
      func stop() async throws {
        try await expectOrder { cluster, traffic in
          let backlog = try await Backlog(of: Self.holds, ttlSeconds: 3, at: cluster)
          let leader = try await cluster.leader()
          // So that the sweep of the backlog takes a while; so does all else.
          traffic.expect(.refusals, at: cluster.nodes)
          for proxy in cluster.proxies { try await proxy.set(.toClient, .init(delay: .milliseconds(25))) }
          try await backlog.whenSwept(below: Self.holds)
          traffic.expect(.silence, at: [leader.node])
          let stopped = epochMilliseconds()
          leader.node.process.signal(SIGSTOP)
          let left = try backlog.left
          #expect(left > 0, "stopped in the middle")
          let successor = try await cluster.successor(of: leader, after: "SIGSTOP", at: stopped)

          try await backlog.whenSwept(below: left)
          // The successor pauses in its sweep, so that whatever is released now is released by the other one.
          try await cluster.proxies[successor.index].set(.toServer, .init(holds: true))
          let before = try await backlog.whenStill()
          #expect(before > 0, "continued in the middle")
          leader.node.process.signal(SIGCONT)
          try await eventually("it knows that its term is over") {
            let claim = try? await leader.node.send(.health, within: .seconds(1)).lease
            return claim?.leader == false && claim?.epoch != leader.epoch
          }
          #expect(try backlog.left == before, "it swept after its term")
          for proxy in cluster.proxies {
            for direction in ChaosProxy.Direction.allCases { try await proxy.set(direction) }
          }
          try await backlog.whenSwept(below: 1)
        }
      }
    }

    @Suite(.cluster(nodes: 3, isProxied: true)) struct Overtaken {
      private static let holds = 50

      @Test("a sweep on its way while the lease changes hands is fenced off: it releases nothing")
      func fenced() async throws {
        try await expectOrder { cluster, traffic in
          let leader = try await cluster.leader()
          let proxy = cluster.proxies[leader.index]
          let backlog = try await Backlog(of: Self.holds, ttlSeconds: 2, at: cluster)
          let deadline = try backlog.deadline
          try await eventually("soon due", every: .milliseconds(1)) { epochMilliseconds() > deadline - 150 }
          traffic.expect(.refusals, at: [leader.node])
          try await proxy.set(.toServer, .init(holds: true))
          try await eventually("its commands are held") { try await proxy.held(.toServer) > 0 }
          // What is held was sent before the deadline, and arrives after it.
          try await eventually("due", every: .milliseconds(1)) { epochMilliseconds() > deadline + 20 }
          let released = try await leader.node.releasedHolds
          try Self.takeLease(from: leader, in: cluster.redis)
          try await proxy.set(.toServer)

          try await eventually("fenced off") {
            let leads = try await leader.node.send(.health).lease.leader
            return try await leader.node.fencedSweeps > 0 && !leads
          }
          #expect(try await leader.node.releasedHolds == released)
          #expect(try backlog.left == Self.holds, "there is no leader that could have released them")
          try await cluster.leader(after: leader.epoch)
        }
      }

      /// In the name of a connection that is there, so that nobody else takes it before it lapses.
      private static func takeLease(from leader: TestCluster.Leader, in redis: PrivateRedis) throws {
        let oldest = try redis.cli("--raw", "CLIENT", "LIST").firstMatch(of: /id=(\d+)/)
        let connection = try #require(oldest).1
        let holder = try #require(try redis.cli("GET", "lease").split(separator: " ").first)
        let reply = try redis.cli(
          "EVAL", ScriptLibrary(tuning: .init()).acquireLease.source, "0", "9999999999999",
          String(repeating: "f", count: 32), "3000", "\(connection) node-\(leader.index) 127.0.0.1:1", String(holder))
        try #require(reply.contains("OK"), "\(reply)")
      }
    }
  }
}
