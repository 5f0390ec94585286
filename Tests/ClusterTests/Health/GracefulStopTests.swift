import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

extension HeavyTests {
  @Suite struct GracefulStopTests {
    private func start(drainDelay: String) async throws -> (redis: PrivateRedis, node: NodeUnderTest) {
      let redis = try await PrivateRedis()
      let node = try await NodeUnderTest(redisURL: redis.url, settings: ["DRAIN_DELAY": drainDelay])
      try await node.waitUntilReady()
      try #require(try await node.send(.setStock("stop", total: 1000)).status == 201)
      return (redis, node)
    }

    private func expectCleanEnd(_ node: NodeUnderTest) async throws {
      try await eventually("the process ends") { !node.process.isRunning }
      #expect(node.process.exitCode == 0)
      await #expect(throws: NoAnswer.self) { try await node.send(.live) }
    }

    @Test func `SIGTERM: at once not ready, full service with Connection: close for the lame-duck time`() async throws {
      // Longer than any machine needs for these checks. A second signal ends it.
      let (redis, node) = try await start(drainDelay: "120")
      let idle = try await RawConnection(port: node.port)
      let used = try await RawConnection(port: node.port)
      used.send(TestRequest.live.bytes)
      try #require(try await used.answer().closesConnection == false)

      node.process.signal(SIGTERM)
      try await eventually("not ready") { try await node.send(.ready).status == 503 }
      let ready = try await node.send(.ready)
      #expect(ready.problem == "not-ready" && ready.text.contains("draining"))
      #expect(try await node.send(.health).text("state") == "draining")
      #expect(try await node.send(.live).status == 200)

      let reserved = try await node.send(.reserve("stop"))
      #expect(reserved.status == 201 && reserved.closesConnection)
      used.send(TestRequest.reserve("stop").bytes)
      let last = try await used.answers(2)[1]
      #expect(last.status == 201 && last.closesConnection, "a connection of before is served to its end")
      try await used.waitForEnd()

      #expect(!idle.isEnded, "an idle connection is closed only after the lame-duck time")
      #expect(node.process.isRunning)
      node.process.signal(SIGTERM)
      try await idle.waitForEnd()
      try await expectCleanEnd(node)
      #expect(redis.serves)
    }

    @Test
    func `SIGTERM: idle connections are closed after the lame-duck time, not before; the process ends`() async throws {
      let (_, node) = try await start(drainDelay: "2")
      let idle = try await RawConnection(port: node.port)
      let told = ContinuousClock.now
      node.process.signal(SIGTERM)
      try await idle.waitForEnd()
      #expect(ContinuousClock.now - told >= .seconds(2))
      try await expectCleanEnd(node)
    }

    @Test func `a second SIGTERM skips the wait`() async throws {
      let (_, node) = try await start(drainDelay: "120")
      node.process.signal(SIGTERM)
      try await eventually("draining") { try await node.send(.ready).status == 503 }
      node.process.signal(SIGTERM)
      try await expectCleanEnd(node)
    }

    @Test func `what is in flight when the listener closes is finished`() async throws {
      // A request waits at most a second and a half for Redis, so Redis must continue by then.
      try await untilShown("a request that waited for Redis meanwhile is finished") { try await finishesWhatWaits() }
    }

    /// Checks the answers. Returns whether the request that waited for Redis was in time.
    private func finishesWhatWaits() async throws -> Bool {
      let (redis, node) = try await start(drainDelay: "0")
      let incomplete = try await RawConnection(port: node.port)
      let request = String(decoding: TestRequest.reserve("stop", reference: "incomplete").bytes, as: UTF8.self)
      incomplete.send(String(request.dropLast(5)))
      let waiting = try await RawConnection(port: node.port)
      redis.signal(SIGSTOP)
      waiting.send(TestRequest.reserve("stop").key("waiting").bytes)
      var isWaiting = false
      try await eventually("the request waits for Redis, or no longer") {
        let requests = try await node.send(.health).json["requests"] as? [String: Any]
        isWaiting = requests?["inFlight"] as? Int ?? 0 >= 2
        return isWaiting || !waiting.answers.isEmpty
      }
      node.process.signal(SIGTERM)
      try await eventually("the listener is closed") { (try? await RawConnection(port: node.port)) == nil }
      let wasInFlight = isWaiting && waiting.answers.isEmpty
      redis.signal(SIGCONT)
      let finished = try await waiting.answer()
      #expect(finished.status == 201 || finished.status >= 503, "\(finished)")
      guard wasInFlight, finished.status == 201 else {
        node.process.kill()
        return false
      }
      #expect(finished.closesConnection)
      // The rest of the other request may come within its own time limit.
      incomplete.send(String(request.suffix(5)))
      guard let completed = try? await incomplete.answer(), completed.status == 201 else {
        node.process.kill()
        return false
      }
      #expect(completed.closesConnection, "\(completed)")
      try await expectCleanEnd(node)
      return true
    }

    /// What the clients of two nodes have experienced.
    private struct Errands {
      var answersBefore: [Int: Int] = [:]
      /// Answers of the other node, once a client has seen that the first one is not ready.
      var answersElsewhere: [Int: Int] = [:]
    }

    @Test func `no request fails while a node stops and its clients go elsewhere at the first hint`() async throws {
      let (clients, most) = (8, 20)
      // Long enough for all clients to move away. On a busy machine any time may pass between a readiness check and the
      // request that follows it.
      let (redis, leaving) = try await start(drainDelay: "300")
      let staying = try await NodeUnderTest(redisURL: redis.url)
      try await staying.waitUntilReady()
      let errands = NIOLockedValueBox(Errands())
      async let shopping = concurrently(0..<clients) { client in
        var answers: [TestAnswer] = []
        // Like a load balancer, a client uses a node as long as it is ready.
        while errands.withLockedValue({ $0.answersElsewhere[client] ?? 0 }) < most {
          let isReady = await leaving.isReady
          let node = isReady ? leaving : staying
          answers.append(
            try await node.send(.reserve("stop", reference: "client-\(client)").key("\(client)/\(answers.count)")))
          errands.withLockedValue { errands in
            if isReady { errands.answersBefore[client, default: 0] += 1 }
            if !isReady { errands.answersElsewhere[client, default: 0] += 1 }
          }
        }
        return answers
      }
      try await eventually("all clients are at it") {
        errands.withLockedValue { $0.answersBefore.values.count { $0 >= most } == clients }
      }
      leaving.process.signal(SIGTERM)
      let answered = try await shopping.flatMap(\.self)
      #expect(answered.count >= 2 * most * clients)
      #expect(answered.allSatisfy { $0.status == 201 || $0.problem == "insufficient-stock" })
      leaving.process.signal(SIGTERM)
      try await expectCleanEnd(leaving)
    }
  }
}
