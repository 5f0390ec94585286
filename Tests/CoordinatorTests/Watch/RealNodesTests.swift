import Common
import Foundation
import TestSupport
import Testing

@testable import Coordinator

extension HeavyTests {
  /// Real node processes, their Redis, and a watch over them.
  @Suite struct RealNodesTests {
    private struct Cluster {
      let redis: PrivateRedis
      var nodes: [NodeUnderTest] = []
      let watch = WatchUnderTest()

      init(_ count: Int) async throws {
        redis = try await PrivateRedis()
        for index in 0..<count { try await add("n\(index + 1)", redisURL: redis.url) }
      }

      mutating func add(_ id: String, redisURL: String) async throws {
        let node = try await NodeUnderTest(redisURL: redisURL, settings: ["NODE_ID": id])
        try await node.waitUntilReady()
        nodes.append(node)
        try await announce(node)
        try await watch.wait(for: id, toBe: .up)
      }

      func announce(_ node: NodeUnderTest) async throws {
        let health = try await node.send(TestRequest("GET", "/health"))
        _ = try await watch.watch.announce(
          Announcement(
            id: health.text("nodeId") ?? "", bootId: health.text("bootId") ?? "",
            url: "http://127.0.0.1:\(node.port)", version: health.text("version") ?? "", state: "serving"))
      }

      func index(ofLeader id: String?) throws -> Int {
        try #require(Int(id?.dropFirst() ?? "")) - 1
      }
    }

    @Test
    func `kill -9 of the leader: it is DOWN, another one leads, and the failover stands in the history`() async throws {
      let cluster = try await Cluster(2)
      try await eventually("all is well") { await cluster.watch.view.healthy }
      let leader = try #require(await cluster.watch.view.leader)
      let index = try cluster.index(ofLeader: leader.id)
      cluster.nodes[index].process.kill()
      try await cluster.watch.wait(for: leader.id, toBe: .down)
      try await eventually("it is known why") {
        await cluster.watch.node(leader.id)?.probe.lastFailure == "connection refused"
      }
      try await eventually("the other one leads") {
        let now = await cluster.watch.view.leader
        return now != nil && now?.id != leader.id && now?.epoch ?? 0 > leader.epoch
      }
      try await eventually("that is all that is wrong") {
        await cluster.watch.view.problems.map(\.kind) == ["node-down"]
      }
      let view = await cluster.watch.view
      // There are more failovers if the machine was too slow for the new leader too.
      #expect(view.failovers >= 1)
      #expect(view.transitions.contains { $0.subject == "cluster" && $0.to.hasPrefix("n\(2 - index) (epoch ") })
    }

    @Test func `SIGSTOP: a node that still takes connections is DOWN, and UP again after SIGCONT`() async throws {
      let cluster = try await Cluster(1)
      let process = cluster.nodes[0].process
      for _ in 0..<2 {
        process.signal(SIGSTOP)
        let down = try await cluster.watch.wait(toBe: .down)
        #expect(down.reason == "no answer within 500 ms, 3 times in a row")
        process.signal(SIGCONT)
        try await cluster.watch.wait(toBe: .up)
      }
    }

    @Test func `a node that is cut off from Redis is told apart from one that is down`() async throws {
      var cluster = try await Cluster(1)
      let proxy = try await ChaosProxy(to: cluster.redis.port)
      try await cluster.add("n2", redisURL: "redis://127.0.0.1:\(proxy.port)/0")
      try await eventually("all is well") { await cluster.watch.view.healthy }
      for direction in ChaosProxy.Direction.allCases { try await proxy.set(direction, .init(drops: true)) }
      try await eventually("the problem is shown") {
        await cluster.watch.view.problems.contains { $0.kind == "redis-unreachable" && $0.node == "n2" }
      }
      try await eventually("both are up, one is not ready, and it is said why") {
        let view = await cluster.watch.view
        return view.nodes.map(\.state) == [.up, .up] && view.nodes.map(\.ready) == [true, false]
          && !view.problems.contains { $0.kind == "node-down" }
          && view.problems.first { $0.node == "n2" }?.text.contains("no link to Redis") == true
      }
      for direction in ChaosProxy.Direction.allCases { try await proxy.set(direction) }
      try await proxy.cutClients()
      try await eventually("all is well again") { await cluster.watch.view.healthy }
    }

    @Test
    func `a node that was killed and started again in its place is the same node as another process`() async throws {
      let cluster = try await Cluster(1)
      let before = try #require(await cluster.watch.node("n1"))
      let node = cluster.nodes[0]
      node.process.kill()
      let again = try await NodeUnderTest(
        redisURL: cluster.redis.url, settings: ["NODE_ID": "n1", "PORT": "\(node.port)"])
      try await again.waitUntilReady()
      try await cluster.announce(again)
      let after = try await cluster.watch.wait(toBe: .up)
      #expect(after.bootId != before.bootId && after.url == before.url)
    }
  }
}
