import Foundation
import TestSupport

/// A fault of the master. Another server replaces it, and it comes back as a replica.
enum MasterFault: String, CaseIterable {
  case kill = "kill -9"
  case stop = "SIGSTOP"
  case command = "SENTINEL FAILOVER"
  /// The master, a Sentinel and a node are cut off from all others for a time.
  case split = "split brain"

  /// Whether the old master still takes writes while there is a new one.
  var leavesTwoMasters: Bool { self == .command || self == .split }

  struct Course {
    /// The time during which reported changes may be lost.
    let doubt: ClosedRange<Int>
    /// The group's epochs before and after the fault.
    let epochs: (before: Int, after: Int)
  }

  /// Causes the fault. Returns when everything is repaired and all nodes serve.
  func strike(_ group: SentinelGroup, _ cluster: TestCluster, _ traffic: Traffic) async throws -> Course {
    let ttl = traffic.habits.ttlSeconds.lowerBound
    let replicas = group.servers.count - 1
    let past = try await group.master(replicas: replicas)
    let before = group.epoch
    let began = epochMilliseconds()
    try await group.whenReplicasHoldAll()
    try await hit(past, of: group, cutOffWith: cluster.nodes[0])
    try await group.master(otherThan: past, replicas: replicas - 1)
    // The node that is cut off with the old master may serve or not.
    try await cluster.whenAllServe(ttlSeconds: ttl, but: self == .split ? cluster.nodes[0] : nil)
    try await traffic.flows()
    let served = epochMilliseconds()
    try await heal(past, of: group)
    try await eventually("the past master is a replica") {
      let masters = group.masters
      return masters.count == 1 && masters[0] !== past
    }
    try await group.master(otherThan: past, replicas: replicas)
    try await cluster.whenAllServe(ttlSeconds: ttl)
    // A master that was dead or stopped must get no write when it comes back, even if it does not know yet that it was
    // replaced. Changes reported from then on are kept.
    let ended = leavesTwoMasters ? epochMilliseconds() : served
    return Course(doubt: began...ended, epochs: (before, group.epoch))
  }

  private func hit(_ master: PrivateRedis, of group: SentinelGroup, cutOffWith node: NodeUnderTest) async throws {
    switch self {
    case .kill: master.kill()
    case .stop: master.signal(SIGSTOP)
    case .command: try await group.failOver()
    case .split: try await group.part([master.pid, group.sentinels[0].pid, node.process.pid])
    }
  }

  private func heal(_ past: PrivateRedis, of group: SentinelGroup) async throws {
    switch self {
    case .kill: try past.startAgain()
    case .stop: past.signal(SIGCONT)
    case .command: break
    case .split: try await group.unite()
    }
  }
}
