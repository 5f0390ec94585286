import Foundation
import TestSupport

/// What is done to a Redis Cluster while shoppers buy.
enum ClusterFault: String, CaseIterable {
  case kill = "kill -9 of a master"
  /// Nodes acknowledge what one of its two replicas has.
  case awaitedKill = "kill -9 of a master, with a replica awaited"
  case stop = "SIGSTOP of a master"
  case command = "CLUSTER FAILOVER"
  case reshard = "reshard"

  /// Those of each run. All are tried by `Scripts/cluster.sh test topologies`: each takes most of a minute.
  static var usual: [ClusterFault] {
    ProcessInfo.processInfo.environment["HOLDFAST_TEST_TOPOLOGY"] == "cluster" ? allCases : [.kill, .reshard]
  }

  /// Whether something that was acknowledged may be lost.
  var mayLose: Bool { self == .kill || self == .stop }
  /// Of each master.
  var replicas: Int { self == .awaitedKill ? 2 : 1 }
  /// Another server is to take the master's place soon.
  var nodeTimeout: Int { mayLose || self == .awaitedKill ? 1500 : 5000 }
  /// Of the nodes.
  var settings: [String: String] { self == .awaitedKill ? ["MIN_REPLICAS": "1"] : [:] }

  /// Causes the fault. Returns when everything is repaired and all nodes serve.
  ///
  /// - Returns: the time during which reported changes may be lost.
  func strike(_ group: RedisCluster, _ cluster: TestCluster, _ traffic: Traffic) async throws -> ClosedRange<Int>? {
    let ttl = traffic.habits.ttlSeconds.lowerBound
    let masters = try await group.whenMasters()
    let began = epochMilliseconds()
    try await group.whenReplicasHoldAll()
    switch self {
    case .kill, .awaitedKill, .stop:
      let past = masters[0]
      if self == .stop { past.signal(SIGSTOP) } else { past.kill() }
      try await eventually("a replica has taken its place") { group.masters.count == masters.count }
      try await cluster.whenAllServe(ttlSeconds: ttl)
      try await traffic.flows()
      if self == .stop { past.signal(SIGCONT) } else { try past.startAgain() }
    case .command: try await group.failOver(masters[0])
    case .reshard:
      try await group.reshard(slots: 2000, from: masters[0], to: masters[1])
      try await group.reshard(slots: 2000, from: masters[1], to: masters[2])
    }
    try await group.whenWhole()
    try await cluster.whenAllServe(ttlSeconds: ttl)
    return mayLose ? began...epochMilliseconds() : nil
  }
}
