import TestSupport
import Testing

extension HeavyTests {
  @Suite(.cluster(nodes: 3, isProxied: true)) struct LeaderLinkTests {
    /// What happens to the leader's link to Redis.
    private enum Fault: String, CaseIterable {
      case cut = "link cut"
      case held = "link held"
      case dropped = "link dropping all"
      case delayed, sliced, cutInReply

      func strike(_ leader: TestCluster.Leader, of cluster: TestCluster, _ traffic: Traffic) async throws {
        let proxy = cluster.proxies[leader.index]
        let began = epochMilliseconds()
        switch self {
        case .cut:
          try await proxy.setForLater(.toServer, .init(drops: true))
          try await proxy.cutClients()
        case .held: try await proxy.set(.toServer, .init(holds: true))
        case .dropped: for direction in both { try await proxy.set(direction, .init(drops: true)) }
        case .delayed: for direction in both { try await proxy.set(direction, .init(delay: .milliseconds(120))) }
        case .sliced: for direction in both { try await proxy.set(direction, .init(slices: true)) }
        case .cutInReply:
          for _ in 0..<5 {
            try await proxy.set(.toClient, .init(cutAfter: 30))
            try await proxy.setForLater(.toClient)
            try await traffic.flows(20)
          }
        }
        switch self {
        case .cut, .held, .dropped: try await cluster.successor(of: leader, after: rawValue, at: began)
        // The node may stay the leader or not.
        case .delayed, .sliced, .cutInReply: try await traffic.flows(200)
        }
      }

      private var both: [ChaosProxy.Direction] { ChaosProxy.Direction.allCases }

      /// Ends connections whose streams have lost bytes.
      func heal(_ proxy: ChaosProxy) async throws {
        if self == .cut || self == .dropped { try await proxy.cutClients() }
        for direction in both { try await proxy.set(direction) }
      }
    }

    @Test func `the leader's link is cut, held, dropped, slowed, and cut in mid-reply: never harm`() async throws {
      try await expectOrder { cluster, traffic in
        for fault in Fault.allCases {
          let leader = try await cluster.leader()
          traffic.expect(.refusals, at: [leader.node])
          try await fault.strike(leader, of: cluster, traffic)
          try await traffic.flows(50)
          try await fault.heal(cluster.proxies[leader.index])
          try await cluster.expectRecovery(ttlSeconds: 1)
          traffic.expectNoMoreTrouble()
          try await traffic.flows(50)
        }
      }
    }
  }
}
