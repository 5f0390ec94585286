import Foundation
import TestSupport
import Testing

extension CoordinatedTests {
  /// Nodes that announce themselves to a coordinator, and what it shows about them.
  @Suite struct WatchedNodesTests {
    private let redis: PrivateRedis

    /// One Redis for each test, because the nodes of a Redis have one leader.
    init() async throws { redis = try await PrivateRedis() }

    @Test
    func `nodes that announce themselves are UP, with a leader; a stopped one is DRAINING, then LEFT`() async throws {
      let coordinator = try await CoordinatorUnderTest()
      let nodes = try await concurrently(["n1", "n2"]) { [redis] id in
        try await coordinator.admit(id, redisURL: redis.url, settings: ["DRAIN_DELAY": "300"])
      }
      var picture = try await coordinator.picture
      try await eventually("all is well") {
        picture = try await coordinator.picture
        return picture.healthy
      }
      #expect(picture.nodes.map(\.id) == ["n1", "n2"] && picture.nodes.map(\.url) == nodes.map(\.url))
      #expect(picture.nodes.allSatisfy { $0.ready })
      try await eventually("all tell of the same leader") {
        let (told, leader) = (
          try await coordinator.send(TestRequest("GET", "/leader")), try await coordinator.picture.leader
        )
        let epoch = try await nodes[leader?.id == "n1" ? 0 : 1].send(.health).lease.epoch
        return leader != nil && told.text("id") == leader?.id && epoch == leader?.epoch
      }

      nodes[0].process.signal(SIGTERM)
      try await coordinator.wait(for: "n1", toBe: "DRAINING")
      #expect(nodes[0].process.isRunning, "seen while it drains, not when it is gone")
      // Ends the drain delay, which is longer than any machine needs to see it.
      nodes[0].process.signal(SIGTERM)
      #expect(try await coordinator.wait(for: "n1", toBe: "LEFT").reason == "said that it leaves")
      try await eventually("n1 ends") { !nodes[0].process.isRunning }
      #expect(nodes[0].process.exitCode == 0)
      try await eventually("the other one leads, and all is well") {
        let picture = try await coordinator.picture
        return picture.healthy && picture.leader?.id == "n2"
      }
    }

    @Test func `killed, stopped, and cut off from Redis are told apart; who goes on is UP again`() async throws {
      let coordinator = try await CoordinatorUnderTest()
      let proxy = try await ChaosProxy(to: redis.port)
      let nodes = try await concurrently(["killed", "stopped", "cut", "well"]) { [redis] id in
        let redisURL = id == "cut" ? "redis://127.0.0.1:\(proxy.port)/0" : redis.url
        return try await coordinator.admit(id, redisURL: redisURL)
      }
      try await eventually("all is well") { try await coordinator.picture.healthy }

      nodes[0].process.kill()
      nodes[1].process.signal(SIGSTOP)
      for direction in ChaosProxy.Direction.allCases { try await proxy.set(direction, .init(drops: true)) }
      let killed = try await coordinator.wait(for: "killed", toBe: "DOWN")
      #expect(killed.reason.contains("connection refused"), "\(killed.reason)")
      let stopped = try await coordinator.wait(for: "stopped", toBe: "DOWN")
      #expect(stopped.reason.contains("no answer within"), "\(stopped.reason)")
      try await eventually("each is told as what it is") {
        let problems = try await coordinator.picture.problems.filter { $0.node != nil }
        return Set(problems.map { "\($0.node ?? "") \($0.kind)" })
          == ["killed node-down", "stopped node-down", "cut redis-unreachable"]
      }
      try await eventually("the one that is cut off is UP, and not ready") {
        let cut = try await coordinator.picture.node("cut")
        return cut?.state == "UP" && cut?.ready == false
      }

      nodes[1].process.signal(SIGCONT)
      for direction in ChaosProxy.Direction.allCases { try await proxy.set(direction) }
      try await proxy.cutClients()
      try await coordinator.wait(for: "stopped", toBe: "UP")
      try await eventually("only the killed one is missed") {
        let picture = try await coordinator.picture
        return picture.problems.map(\.kind) == ["node-down"] && picture.nodes.filter(\.ready).count == 3
      }
    }

    @Test
    func `a node that was killed and is started again in its place is taken over as a new process`() async throws {
      let coordinator = try await CoordinatorUnderTest()
      let node = try await coordinator.admit("n1", redisURL: redis.url)
      let before = try #require(try await coordinator.picture.node("n1"))
      node.process.kill()
      let again = try await NodeUnderTest(
        redisURL: redis.url, settings: coordinator.settings(ofNode: "n1", ["PORT": "\(node.port)"]))
      try await eventually("the new process is UP") {
        let seen = try await coordinator.picture.node("n1")
        return seen?.bootId != before.bootId && seen?.state == "UP"
      }
      let after = try #require(try await coordinator.picture.node("n1"))
      #expect(try await after.bootId == again.send(.health).text("bootId") && after.url == before.url)
      #expect(again.logLines(with: "not announced").isEmpty)
    }
  }
}
