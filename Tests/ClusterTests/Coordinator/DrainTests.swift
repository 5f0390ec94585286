import Foundation
import TestSupport
import Testing

extension CoordinatedTests {
  /// Commands that operators give to nodes through the coordinator.
  @Suite struct DrainTests {
    private let redis: PrivateRedis

    /// One Redis for each test, because the nodes of a Redis have one leader.
    init() async throws { redis = try await PrivateRedis() }

    private func expect(_ node: NodeUnderTest, drains reason: String) async throws {
      try await eventually("it drains: \(reason)") {
        let ready = try await node.send(.ready)
        return ready.status == 503 && ready.text.contains(reason)
      }
    }

    @Test func `drain: not ready, keeps serving, closes connections, leads no more; undrain: as before`() async throws {
      let coordinator = try await CoordinatorUnderTest()
      let leader = try await coordinator.admit("n1", redisURL: redis.url)
      try await eventually("it leads") { try await coordinator.picture.leader?.id == "n1" }
      let other = try await coordinator.admit("n2", redisURL: redis.url)
      try #require(try await other.send(.setStock("drain", total: 10)).status == 201)

      for request in [TestRequest.change("drain", "n1"), .change("drain", "n1").bearer("wrong")] {
        #expect(try await coordinator.send(request).problem == "unauthorized")
        #expect(try await coordinator.send(request.asNode).problem == "unauthorized")
      }
      #expect(try await coordinator.picture.node("n1")?.wanted == "serve")
      #expect(try await coordinator.send(.change("drain", "n3").asAdmin).problem == "unknown-node")

      #expect(try await coordinator.send(.change("drain", "n1").asAdmin).status == 200)
      try await expect(leader, drains: "an operator wants it")
      let served = try await leader.send(.reserve("drain"))
      #expect(served.status == 201 && served.closesConnection)
      #expect(try await coordinator.wait(for: "n1", toBe: "DRAINING").reason == "drained by default")
      try await eventually("the other one leads") { try await coordinator.picture.leader?.id == "n2" }
      let claim = try await leader.send(.health).lease
      #expect(!claim.leader && claim.termsWon == claim.termsLost)
      #expect(leader.log.contains("lease given back"))

      #expect(try await coordinator.send(.change("undrain", "n1").asAdmin).status == 200)
      try await leader.waitUntilReady()
      #expect(try await leader.send(.reserve("drain")).closesConnection == false)
      try await coordinator.wait(for: "n1", toBe: "UP")
      other.process.kill()
      try await eventually("it leads again") { try await leader.send(.health).lease.leader }
    }

    @Test func `a draining node that was told to stop does not come back when it is undrained`() async throws {
      let coordinator = try await CoordinatorUnderTest()
      let node = try await coordinator.admit("n1", redisURL: redis.url, settings: ["DRAIN_DELAY": "120"])
      #expect(try await coordinator.send(.change("drain", "n1").asAdmin).status == 200)
      try await expect(node, drains: "an operator wants it")
      let terms = try await node.send(.health).lease.termsWon
      node.process.signal(SIGTERM)
      try await expect(node, drains: "the process stops")
      #expect(try await coordinator.send(.change("undrain", "n1").asAdmin).status == 200)
      try await eventually("it has learned of it") {
        try await !node.send(.ready).text.contains("an operator wants it")
      }
      try await expect(node, drains: "the process stops")
      let health = try await node.send(.health)
      #expect(try health.closesConnection && !health.lease.leader && health.lease.termsWon == terms)
      node.process.signal(SIGTERM)
      try await eventually("it ends") { !node.process.isRunning }
      #expect(node.process.exitCode == 0)
    }

    @Test func `a drain that is taken back while a sweep is under way ends no term, then or later`() async throws {
      let coordinator = try await ScriptedCoordinator()
      let node = try await NodeUnderTest(redisURL: redis.url, settings: coordinator.settings())
      // A sweep is given up after 400 ms, so drain and undrain must both come within that time.
      try await untilShown("a drain that comes and goes within one sweep, in one term") {
        try await keepsItsTerm(node, coordinator)
      }
    }

    /// Whether the node still leads in the same term. It does if drain and undrain came within one sweep.
    private func keepsItsTerm(_ node: NodeUnderTest, _ coordinator: ScriptedCoordinator) async throws -> Bool {
      try await eventually("it leads") { try await node.send(.health).lease.leader }
      let (before, released) = (try await node.send(.health).lease, try await node.releasedHolds)
      let drains = coordinator.states.count { $0 == "draining" }
      // While the answer is on its way, a sweep begins. It does not end before the drain is withdrawn.
      coordinator.replyOnce(.slowly(ScriptedCoordinator.text(wanting: "drain"), pause: .milliseconds(2))) { [redis] in
        redis.signal(SIGSTOP)
      }
      try await eventually("it was told to drain, and to serve") {
        coordinator.states.count { $0 == "draining" } > drains && coordinator.states.last != "draining"
      }
      redis.signal(SIGCONT)
      try await eventually("there is stock") { try await node.send(.setStock("back", total: 1)).status < 300 }
      try await eventually("a hold is made") { try await node.send(.reserve("back", ttl: 1)).status == 201 }
      // Anything that waits for the end of a sweep has happened by the end of this one.
      try await eventually("what expires then is swept") { try await node.releasedHolds > released }
      let after = try await node.send(.health).lease
      return after.leader && after.epoch == before.epoch
    }

    @Test func `without an admin token nothing can be changed`() async throws {
      let coordinator = try await CoordinatorUnderTest(settings: ["ADMIN_TOKEN": ""])
      let announced = try await coordinator.send(.announcement(url: "http://127.0.0.1:1").asNode)
      try #require(announced.status == 200)
      for change in ["drain", "undrain", "recheck"] {
        for request in [TestRequest.change(change, "n1"), .change(change, "n1").asAdmin] {
          #expect(try await coordinator.send(request).problem == "admin-disabled")
        }
      }
      #expect(try await coordinator.picture.node("n1")?.wanted == "serve")
    }
  }
}
