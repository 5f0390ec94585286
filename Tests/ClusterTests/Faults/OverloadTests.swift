import Foundation
import TestSupport
import Testing

/// What a node answers when it has too much in hand, or a Redis that says nothing.
extension HeavyTests {
  @Suite struct OverloadTests {
    /// A node whose Redis has just been stopped, so that requests stay in flight.
    private func nodeOfSilentRedis(
      _ settings: [String: String] = [:]
    ) async throws -> (redis: PrivateRedis, node: NodeUnderTest, held: [String]) {
      let redis = try await PrivateRedis()
      let node = try await NodeUnderTest(redisURL: redis.url, settings: settings)
      try await node.waitUntilReady()
      try #require(try await node.send(.setStock("silent", total: 100)).status == 201)
      let held = try await concurrently(0..<3) { _ in try await node.send(.reserve("silent")).id }
      redis.signal(SIGSTOP)
      return (redis, node, held)
    }

    @Test("every call is answered in time by a node whose Redis says nothing: writes are unknown, reads unavailable")
    func everyCall() async throws {
      let (redis, node, held) = try await nodeOfSilentRedis()
      let writes: [TestRequest] = [
        .reserve("silent"), .confirm(held[0]), .cancel(held[1]), .extend(held[2], ttl: 900),
        .setStock("other", total: 1), .adjustStock("silent", by: 1), .deleteStock("silent"),
      ]
      let keyed = writes.enumerated().map { $1.key("silent-\($0)") }
      let reads: [TestRequest] = [.reservation(held[0]), .inventory("silent"), .listStock(), .audit()]
      // All at once: the link is given up a second after the first of them.
      async let written = concurrently(writes + keyed) { try await node.send($0) }
      async let read = concurrently(reads) { try await node.send($0) }
      for answer in try await written {
        #expect(answer.problem == "outcome-unknown" && answer.status == 504, "\(answer)")
        #expect(answer.elapsed < LedgerEntry.answerLimit)
      }
      for answer in try await read {
        #expect(answer.problem == "store-unavailable" && answer.header("Retry-After") != nil, "\(answer)")
        #expect(answer.elapsed < LedgerEntry.answerLimit)
      }
      redis.signal(SIGCONT)
      try await node.waitUntilReady()
      let counters = try await node.send(.inventory("silent")).counters
      #expect(counters == [97, 3, 0], "what was told to be unknown must not happen now")
    }

    @Test("too many requests in flight: 503 overloaded with Retry-After, while health is still told")
    func inFlight() async throws {
      let (redis, node, _) = try await nodeOfSilentRedis(["MAX_IN_FLIGHT": "3"])
      let answers = try await concurrently(0..<10) { _ in try await node.send(.reserve("silent")) }
      let refused = answers.filter { $0.problem == "overloaded" }
      #expect(refused.count == 7 && refused.allSatisfy { $0.status == 503 && $0.header("Retry-After") != nil })
      #expect(refused.allSatisfy { $0.elapsed < .seconds(1) }, "at once")
      #expect(try await node.send(.live).status == 200)
      #expect(try await node.send(.health).status == 200)
      redis.signal(SIGCONT)
      try await node.waitUntilReady()
      #expect(try await node.send(.reserve("silent")).status == 201)
    }

    @Test("too many connections: 503 overloaded, and closed; room is found again")
    func connections() async throws {
      let redis = try await PrivateRedis()
      let node = try await NodeUnderTest(redisURL: redis.url, settings: ["MAX_CONNECTIONS": "3"])
      var open: [RawConnection] = []
      for _ in 0..<3 {
        let connection = try await RawConnection(port: node.port)
        connection.send(TestRequest.live.bytes)
        #expect(try await connection.answer().status == 200)
        open.append(connection)
      }
      let surplus = try await RawConnection(port: node.port)
      let refused = try await surplus.answer()
      #expect(refused.problem == "overloaded" && refused.header("Retry-After") != nil && refused.closesConnection)
      try await surplus.waitForEnd()
      open[0].close()
      try await eventually("a connection is taken") {
        let next = try await RawConnection(port: node.port)
        next.send(TestRequest.live.bytes)
        return try await next.answer().status == 200
      }
    }
  }
}
