import Foundation
import RedisClient
import TestSupport
import Testing

@testable import Store

/// Who leads, according to Redis and to the nodes.
extension TestCluster {
  struct Leader {
    var index: Int
    var node: NodeUnderTest
    var epoch: Int64
    /// When its term began, in epoch milliseconds.
    var since: Int64
  }

  /// The lease in Redis. Nil if nobody holds it or Redis does not answer.
  var lease: LeaseRecord? {
    get throws {
      guard let (redis, key) = try place(of: "lease") else { return nil }
      var tokens = ReplyTokens(Array(try redis.cli("GET", key).utf8)[...])
      return LeaseRecord(&tokens)
    }
  }

  /// Waits for the leader of a term after `epoch`, until the leader itself knows that it leads.
  @discardableResult
  func leader(after epoch: Int64 = 0) async throws -> Leader {
    var leader: Leader?
    try await eventually("a node leads", every: .milliseconds(5)) {
      guard let lease = try lease, lease.epoch > epoch, let index = Int(lease.nodeID.dropFirst("node-".count)) else {
        return false
      }
      let node = nodes[index]
      let claim = try? await node.send(.health, within: .seconds(1)).lease
      guard claim?.leader == true, claim?.epoch == lease.epoch else { return false }
      leader = Leader(index: index, node: node, epoch: lease.epoch, since: lease.acquiredAt)
      return true
    }
    return try #require(leader)
  }

  /// Waits for the next leader and prints how long after `instant` its term began. The limit includes an allowance
  /// for a busy machine.
  @discardableResult
  func successor(
    of leader: Leader, after fault: String, at instant: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Leader {
    let began = ContinuousClock.now
    let next = try await self.leader(after: leader.epoch)
    let took = next.since - Int64(instant)
    print("failover: \(fault): \(took) ms")
    let allowance = Int64(ControlTimer.shared.allowance(since: began) / .milliseconds(1))
    #expect(took <= Self.longestFailover + allowance, sourceLocation: sourceLocation)
    return next
  }

  /// TTL + 300 ms, with a margin for the scheduler.
  private static let longestFailover: Int64 = 3300 + 3000

  /// The epochs of all terms, from the logs of all nodes.
  private var terms: [Int64] {
    (nodes + pastNodes).flatMap { node in
      node.log.matches(of: /"message":"leads from now on".*?"epoch":"?(\d+)/).compactMap { Int64($0.1) }
    }
  }

  /// Checks that no two nodes ever led with the same epoch, and that one leads now with the greatest epoch.
  func expectOneLeader(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    // Reports of several nodes can be compared only within one term.
    try await untilShown("a term that lasts for as long as all nodes are asked") {
      let leader = try await leader()
      var claims: [LeaseClaim] = []
      for (index, node) in nodes.enumerated() where index != leader.index {
        claims.append(try await node.send(.health).lease)
      }
      let terms = terms
      guard try await self.leader().epoch == leader.epoch else { return false }
      #expect(!claims.contains { $0.leader }, "two leaders", sourceLocation: sourceLocation)
      #expect(Set(terms).count == terms.count, "two terms of one epoch: \(terms)", sourceLocation: sourceLocation)
      #expect(terms.max() == leader.epoch, "\(terms)", sourceLocation: sourceLocation)
      return true
    }
  }
}

/// What `/health` says about the lease.
struct LeaseClaim: Decodable {
  var leader: Bool
  var epoch: Int64?
  var termsWon, termsLost: Int
}

extension TestAnswer {
  private struct Health: Decodable {
    struct Sweeper: Decodable {
      var backlog: Int?
    }

    var lease: LeaseClaim
    var sweeper: Sweeper
  }

  private var health: Health { get throws { try JSONDecoder().decode(Health.self, from: Data(body)) } }

  var lease: LeaseClaim { get throws { try health.lease } }
  /// The backlog at the node's last check. Nil before the first one.
  var backlog: Int? { get throws { try health.sweeper.backlog } }
}

extension NodeUnderTest {
  /// Holds that its sweeps have released so far. From the metrics, because `/health` is updated less often.
  var releasedHolds: Int { get async throws { try await counter("holdfast_sweep_released_total") } }
  /// Its sweeps that Redis refused because their term was over.
  var fencedSweeps: Int { get async throws { try await counter("holdfast_sweep_fenced_total") } }

  private func counter(_ name: String) async throws -> Int {
    let lines = try await send(TestRequest("GET", "/metrics")).text.split(separator: "\n")
    let value = lines.first { $0.hasPrefix("\(name) ") }?.dropFirst(name.count + 1)
    return Int(try #require(value.flatMap { Double($0) }))
  }
}
