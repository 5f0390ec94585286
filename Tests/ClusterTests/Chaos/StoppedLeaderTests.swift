import Foundation
import TestSupport
import Testing

@testable import Store

extension HeavyTests {
  /// Leaders that do not know yet that their term is over.
  @Suite struct StoppedLeaderTests {
    /// Holds of a SKU that no shopper asks for, so that only the sweep releases them.
    private struct Backlog {
      private static let sku = "backlog"
      let redis: PrivateRedis

      /// Makes the holds so that none is due before all exist. This may take several attempts.
      init(of holds: Int, leadSeconds: Int, at cluster: TestCluster) async throws {
        redis = cluster.redis
        _ = try await cluster.insist(.setStock(Self.sku, total: holds), key: "backlog-\(UUID())", copies: 1)
        var leadSeconds = leadSeconds
        while true {
          let (attempt, ttl) = (UUID(), leadSeconds)
          _ = try await concurrently(0..<holds, width: 64) { number in
            let reference = "\(Traffic.aside)backlog-\(attempt)-\(number)"
            _ = try await cluster.insist(
              .reserve(Self.sku, ttl: ttl, reference: reference), key: reference, copies: 1)
          }
          if try left == holds, try epochMilliseconds() < deadline { return }
          try await whenSwept(below: 1)
          leadSeconds *= 2
        }
      }

      var left: Int { get throws { Int(try redis.cli("ZCARD", "holds:\(Self.sku)")) ?? 0 } }

      /// When the first hold is due, in epoch milliseconds.
      var deadline: Int {
        get throws {
          let first = try redis.cli("--raw", "ZRANGE", "holds:\(Self.sku)", "0", "0", "WITHSCORES")
          return Int(first.split(separator: "\n").last ?? "") ?? 0
        }
      }

      /// Waits until fewer than `count` holds of all backlogs are left.
      static func left(below count: Int, at cluster: TestCluster) async throws {
        try await eventually("the backlogs are swept") {
          try Int(cluster.redis.cli("ZCARD", "holds:\(sku)")) ?? 0 < count
        }
      }

      func whenSwept(below count: Int) async throws {
        try await eventually("the backlog is being swept", every: .milliseconds(1)) { try left < count }
      }

      /// How many are left once nobody sweeps any more.
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

    /// Whether the lease still has this epoch. If so, everything seen before belongs to this term. If not, the machine
    /// was too slow to show the effect, which is no fault.
    private static func lasts(_ epoch: Int64, at cluster: TestCluster) throws -> Bool {
      try cluster.lease?.epoch == epoch
    }

    private static func heal(_ cluster: TestCluster) async throws {
      for proxy in cluster.proxies {
        for direction in ChaosProxy.Direction.allCases { try await proxy.set(direction) }
      }
    }

    @Suite(.cluster(nodes: 3, isProxied: true)) struct Stopped {
      private static let holds = 1200

      @Test func `SIGSTOP in mid-sweep, SIGCONT in the successor's sweep: the old sweep has no effect`() async throws {
        try await expectOrder { cluster, traffic in
          try await untilShown("a leader stopped in its sweep and continued in the next one's") {
            traffic.expect(.refusals, at: cluster.nodes)
            let isShown = try await Self.stopInMidSweep(cluster, traffic)
            try await heal(cluster)
            try await Backlog.left(below: 1, at: cluster)
            return isShown
          }
        }
      }

      /// Checks that nothing is swept after its term. Returns whether both moments were met.
      private static func stopInMidSweep(_ cluster: TestCluster, _ traffic: Traffic) async throws -> Bool {
        let backlog = try await Backlog(of: holds, leadSeconds: 3, at: cluster)
        let leader = try await cluster.leader()
        // The delay slows everything down, so the sweep of the backlog takes a while.
        for proxy in cluster.proxies { try await proxy.set(.toClient, .init(delay: .milliseconds(60))) }
        try await backlog.whenSwept(below: holds)
        traffic.expect(.silence, at: [leader.node])
        let stopped = epochMilliseconds()
        leader.node.process.signal(SIGSTOP)
        defer { leader.node.process.signal(SIGCONT) }
        let left = try backlog.left
        let successor = try await cluster.successor(of: leader, after: "SIGSTOP", at: stopped)
        guard left > 0 else { return false }

        try await backlog.whenSwept(below: left)
        // The successor pauses in its sweep, so anything released now is released by the old leader.
        try await cluster.proxies[successor.index].set(.toServer, .init(holds: true))
        let before = try await backlog.whenStill()
        leader.node.process.signal(SIGCONT)
        try await eventually("it knows that its term is over") {
          let claim = try? await leader.node.send(.health, within: .seconds(5)).lease
          return claim != nil && claim?.epoch != leader.epoch
        }
        let after = try backlog.left
        guard before > 0, try lasts(successor.epoch, at: cluster) else { return false }
        #expect(after == before, "it swept after its term")
        return true
      }
    }

    @Suite(.cluster(nodes: 3, isProxied: true)) struct Overtaken {
      private static let holds = 50

      @Test func `a sweep on its way while the lease changes hands is fenced off: it releases nothing`() async throws {
        try await expectOrder { cluster, traffic in
          try await untilShown("a sweep that is overtaken on its way") {
            let leader = try await cluster.leader()
            traffic.expect(.refusals, at: [leader.node])
            let isShown = try await Self.overtake(leader, cluster)
            try await heal(cluster)
            try await Backlog.left(below: 1, at: cluster)
            return isShown
          }
        }
      }

      /// Checks that an overtaken sweep releases nothing. Returns whether a sweep was overtaken.
      private static func overtake(_ leader: TestCluster.Leader, _ cluster: TestCluster) async throws -> Bool {
        let proxy = cluster.proxies[leader.index]
        let backlog = try await Backlog(of: holds, leadSeconds: 2, at: cluster)
        let deadline = try backlog.deadline
        try await eventually("soon due", every: .milliseconds(1)) { epochMilliseconds() > deadline - 150 }
        try await proxy.set(.toServer, .init(holds: true))
        try await eventually("its commands are held") { try await proxy.held(.toServer) > 0 }
        // The held bytes were sent before the deadline and arrive after it.
        try await eventually("due", every: .milliseconds(1)) { epochMilliseconds() > deadline + 20 }
        let (released, fenced) = (try await leader.node.releasedHolds, try await leader.node.fencedSweeps)
        guard try backlog.left == holds, try takeLease(from: leader, in: cluster.redis) else { return false }
        let usurper = try cluster.lease
        try await proxy.set(.toServer)

        var isFenced = false
        try await eventually("fenced off, or another one leads") {
          let isOver = try await !leader.node.send(.health).lease.leader
          isFenced = try await leader.node.fencedSweeps > fenced && isOver
          return try isFenced || cluster.lease?.epoch != usurper?.epoch
        }
        let after = (released: try await leader.node.releasedHolds, left: try backlog.left)
        guard isFenced, let usurper, try lasts(usurper.epoch, at: cluster) else { return false }
        #expect(after.released == released)
        #expect(after.left == holds, "there is no leader that could have released them")
        try await cluster.leader(after: usurper.epoch)
        return true
      }

      /// Takes the lease in the name of an existing connection, so that nobody else takes it before it expires.
      ///
      /// - Returns: whether the lease still belonged to `leader`.
      private static func takeLease(from leader: TestCluster.Leader, in redis: PrivateRedis) throws -> Bool {
        let oldest = try redis.cli("--raw", "CLIENT", "LIST").firstMatch(of: /id=(\d+)/)
        let connection = try #require(oldest).1
        let record = try redis.cli("GET", "lease").split(separator: " ")
        guard record.count > 1, record[1] == "\(leader.epoch)" else { return false }
        let reply = try redis.cli(
          "EVAL", ScriptLibrary(tuning: .init()).acquireLease.script.source, "0", "9999999999999",
          String(repeating: "f", count: 32), "3000", "\(connection) node-\(leader.index) 127.0.0.1:1", String(record[0])
        )
        return reply.contains("OK")
      }
    }
  }
}
