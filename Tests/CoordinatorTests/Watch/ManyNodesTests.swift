import Common
import TestSupport
import Testing

@testable import Coordinator

extension HeavyTests {
  @Suite struct ManyNodesTests {
    @Test func `200 nodes that die all at once are all found, and only they, and all come back`() async throws {
      // The test process holds both ends of each connection.
      FileDescriptorLimit.raise()
      let watch = WatchUnderTest(maxNodes: 201)
      let lives = try await StandIn(.sample(id: "lives").leading(epoch: 1))
      var nodes: [StandIn] = []
      for number in 1...200 { nodes.append(try await StandIn(.sample(id: "n\(number)"))) }
      for node in nodes + [lives] { _ = try await watch.watch.announce(node.announcement) }
      // A node that answers late once on a busy machine is still alive.
      let isAlive: Set<NodeStatus> = [.up, .suspect]
      func wait(for states: Set<NodeStatus>) async throws {
        try await eventually("all are \(states)", within: .seconds(240), every: .milliseconds(300)) {
          await watch.view.nodes.allSatisfy { ($0.id == "lives" ? isAlive : states).contains($0.state) }
        }
      }
      try await wait(for: isAlive)
      for node in nodes { node.reply(.silence) }
      try await wait(for: [.down])
      try await eventually("all are told, and only they") {
        let view = await watch.view
        return view.problems.count { $0.kind == "node-down" } == 200 && view.totals.up == 1
      }
      for node in nodes { node.reply(nil) }
      try await wait(for: isAlive)
    }
  }
}
