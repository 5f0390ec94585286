import Foundation
import TestSupport
import Testing

/// What a node answers when it is overloaded or its Redis is silent.
extension HeavyTests {
  @Suite struct OverloadTests {
    /// A node with three holds, and open connections to it, on which requests arrive at once.
    private func node(
      _ settings: [String: String] = [:], connections: Int
    ) async throws -> (redis: PrivateRedis, node: NodeUnderTest, held: [String], connections: [RawConnection]) {
      let redis = try await PrivateRedis()
      let node = try await NodeUnderTest(redisURL: redis.url, settings: settings)
      try await node.waitUntilReady()
      try #require(try await node.send(.setStock("silent", total: 100)).status == 201)
      let held = try await concurrently(0..<3) { _ in try await node.send(.reserve("silent")).id }
      let open = try await concurrently(0..<connections) { _ in
        let connection = try await RawConnection(port: node.port)
        connection.send(TestRequest.live.bytes)
        #expect(try await connection.answer().status == 200)
        return connection
      }
      return (redis, node, held, open)
    }

    @Test
    func `Redis says nothing: every call is answered in time, writes as unknown, reads as unavailable`() async throws {
      // Only requests within the first second find a link that is not given up yet.
      try await untilShown("all calls have come before the link was given up") { try await answersEveryCall() }
    }

    /// Checks the answers. Returns whether all calls came while the link was still trusted.
    private func answersEveryCall() async throws -> Bool {
      let (redis, node, held, connections) = try await node(connections: 18)
      let writes: [TestRequest] = [
        .reserve("silent"), .confirm(held[0]), .cancel(held[1]), .extend(held[2], ttl: 900),
        .setStock("other", total: 1), .adjustStock("silent", by: 1), .deleteStock("silent"),
      ]
      let keyed = writes.enumerated().map { $1.key("silent-\($0)") }
      let reads: [TestRequest] = [.reservation(held[0]), .inventory("silent"), .listStock(), .audit()]
      try #require(connections.count == writes.count + keyed.count + reads.count)
      // All are sent at once, because the link is given up a second after the first.
      redis.signal(SIGSTOP)
      let began = ContinuousClock.now
      for (connection, request) in zip(connections, writes + keyed + reads) { connection.send(request.bytes) }
      let answers = try await concurrently(connections) { connection in
        let answer = try await connection.answers(2)[1]
        let limit = LedgerEntry.answerLimit + ControlTimer.shared.allowance(since: began)
        #expect(ContinuousClock.now - began < limit, "\(answer)")
        return answer
      }
      redis.signal(SIGCONT)
      let isEarly = answers.prefix(2 * writes.count).allSatisfy { $0.problem == "outcome-unknown" }
      for answer in answers.prefix(2 * writes.count) where answer.problem == "outcome-unknown" {
        #expect(answer.status == 504, "\(answer)")
      }
      for answer in answers where answer.problem != "outcome-unknown" {
        #expect(answer.problem == "store-unavailable" && answer.header("Retry-After") != nil, "\(answer)")
      }
      for answer in answers.suffix(reads.count) { #expect(answer.problem == "store-unavailable", "\(answer)") }
      try await node.waitUntilReady()
      let counters = try await node.send(.inventory("silent")).counters
      #expect(counters == [97, 3, 0], "what was told to be unknown must not happen now")
      node.process.kill()
      return isEarly
    }

    @Test
    func `too many requests in flight: 503 overloaded with Retry-After, while health is still told`() async throws {
      // Three requests wait as long as they may. The others must arrive meanwhile.
      try await untilShown("ten requests are there at once") { try await refusesSevenOfTen() }
    }

    /// Checks the answers. Returns whether three requests were in flight when the others came.
    private func refusesSevenOfTen() async throws -> Bool {
      let (redis, node, _, connections) = try await node(["MAX_IN_FLIGHT": "3"], connections: 10)
      redis.signal(SIGSTOP)
      for connection in connections { connection.send(TestRequest.reserve("silent").bytes) }
      try await eventually("seven are answered, or more") { connections.count { $0.answers.count == 2 } >= 7 }
      let answers = connections.compactMap { $0.answers.count == 2 ? $0.answers[1] : nil }
      let refused = answers.filter { $0.problem == "overloaded" }
      let health = [try await node.send(.live).status, try await node.send(.health).status]
      redis.signal(SIGCONT)
      #expect(health == [200, 200])
      #expect(refused.allSatisfy { $0.status == 503 && $0.header("Retry-After") != nil })
      // There is room as soon as the requests in flight have been answered.
      try await eventually("there is room again") { try await node.send(.reserve("silent")).status == 201 }
      node.process.kill()
      // They were refused at once, because the requests in flight have not been answered yet.
      return refused.count == 7 && answers.count == 7
    }

    @Test func `too many connections: 503 overloaded, and closed; room is found again`() async throws {
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
