import Foundation
import TestSupport
import Testing

@Suite struct HealthTests {
  @Suite(.cluster(nodes: 1)) struct Serving {
    @Test func `/health tells who the node is, how it stands, and what it sees of Redis`() async throws {
      let cluster = TestCluster.current!
      try await cluster.succeed(.setStock("health", total: 1))
      let health = try await cluster.succeed(.health)
      #expect(health.header("Content-Type") == "application/json")
      #expect(health.text("nodeId") == "node-0")
      #expect(health.text("bootId")?.isEmpty == false)
      #expect(health.text("version")?.isEmpty == false)
      #expect((0..<3600).contains(health.number("uptimeSeconds") ?? -1))
      #expect(health.text("state") == "serving")
      #expect(health.json["reasons"] as? [String] == [])
      let redis = try #require(health.json["redis"] as? [String: Any])
      #expect(redis["connected"] as? Bool == true)
      #expect(redis["pending"] is Int && redis["reconnects"] as? Int == 0)
      let warnings = try #require(redis["warnings"] as? [String])
      // The masters of the tests take writes when they are cut off, too.
      let expected = TestCluster.hasReplicas ? ["Redis has min-replicas-to-write 0"] : []
      #expect(warnings.count == expected.count, "\(warnings)")
      #expect(zip(warnings, expected).allSatisfy { $0.hasPrefix($1) }, "\(warnings)")
      let requests = try #require(health.json["requests"] as? [String: Any])
      #expect(
        ["inFlight", "ratePerSecond", "errorsPerSecond", "total", "errors"].allSatisfy { requests[$0] is NSNumber })
      try await eventually("it leads, as the only one, and has looked how far behind the sweep is") {
        let health = try await cluster.send(.health)
        let lease = try #require(health.json["lease"] as? [String: Any])
        let sweeper = try #require(health.json["sweeper"] as? [String: Any])
        guard lease["leader"] as? Bool == true, sweeper["backlog"] is Int else { return false }
        #expect(lease["holder"] as? String == "node-0" && lease["termsWon"] as? Int == 1)
        #expect((lease["epoch"] as? Int ?? 0) > 1_700_000_000_000, "milliseconds of Redis's clock")
        #expect((0...3000).contains(lease["remainingMs"] as? Int ?? -1))
        #expect(sweeper["backlog"] as? Int == 0 && sweeper["oldestOverdueMs"] is NSNull)
        return true
      }
      try await eventually("a round trip was measured") {
        let redis = try await cluster.send(.health).json["redis"] as? [String: Any]
        return (redis?["roundTripMs"] as? Double ?? 0) > 0
      }
    }

    @Test func `every start of a node has a boot id of its own`() async throws {
      let cluster = TestCluster.current!
      let other = try await NodeUnderTest(redisURL: cluster.redis.url)
      let bootIDs = [try await cluster.send(.health), try await other.send(.health)].map { $0.text("bootId") }
      #expect(bootIDs[0] != bootIDs[1])
    }
  }

  @Test func `without Redis a node starts, is alive, not ready, and says why; with Redis it serves`() async throws {
    let redis = try await PrivateRedis()
    redis.kill()
    let node = try await NodeUnderTest(redisURL: redis.url)
    #expect(try await node.send(.live).status == 200)
    let ready = try await node.send(.ready)
    #expect(ready.problem == "not-ready" && ready.status == 503)
    #expect((ready.json["reasons"] as? [String])?.isEmpty == false)
    #expect(try await node.send(.health).text("state") == "starting")
    let refused = try await node.send(.reserve("a"))
    #expect(refused.problem == "store-unavailable" && refused.header("Retry-After") != nil)
    try redis.startAgain()
    try await node.waitUntilReady()
    #expect(try await node.send(.setStock("a", total: 1)).status == 201)
    #expect(try await node.send(.health).text("state") == "serving")
  }
}

extension HeavyTests {
  @Suite struct LostLinkTests {
    @Test func `a node whose link is down is ready for a second more, then not; it is alive throughout`() async throws {
      let redis = try await PrivateRedis()
      let node = try await NodeUnderTest(redisURL: redis.url)
      try await node.waitUntilReady()
      try await eventually("the backlog is known") { try await backlog(of: node) == 0 }
      let lost = ContinuousClock.now
      redis.kill()
      try await eventually("the link is seen to be down") {
        let health = try await node.send(.health)
        return (health.json["redis"] as? [String: Any])?["connected"] as? Bool == false
      }
      try await eventually("not ready") {
        #expect(try await node.send(.live).status == 200)
        return try await node.send(.ready).status == 503
      }
      // The node notices the loss at once, but stays ready for 1 s.
      #expect(ContinuousClock.now - lost > .seconds(1))
      #expect(try await node.send(.health).text("state") == "degraded")
      try await eventually("what was known of the backlog is not told for ever") { try await backlog(of: node) == nil }
      try redis.startAgain()
      try await eventually("Redis serves") { redis.serves }
      try await expectReadySoon(node)
      #expect(try await node.send(.health).text("state") == "serving")
    }

    private func backlog(of node: NodeUnderTest) async throws -> Int? {
      (try await node.send(.health).json["sweeper"] as? [String: Any])?["backlog"] as? Int
    }

    @Test func `a Redis that accepts connections but does not answer makes the node not ready`() async throws {
      let redis = try await PrivateRedis()
      let node = try await NodeUnderTest(redisURL: redis.url)
      try await node.waitUntilReady()
      redis.signal(SIGSTOP)
      try await eventually("not ready") { try await node.send(.ready).status == 503 }
      #expect(try await node.send(.live).status == 200)
      redis.signal(SIGCONT)
      try await expectReadySoon(node)
    }

    /// The node is ready within 2 s after Redis serves. The half second is for the way to this process.
    private func expectReadySoon(_ node: NodeUnderTest) async throws {
      let began = ContinuousClock.now
      try await node.waitUntilReady()
      let took = ContinuousClock.now - began
      #expect(took < .milliseconds(2500) + ControlTimer.shared.allowance(since: began))
    }
  }
}
