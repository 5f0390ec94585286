import Foundation
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

    @Test("SIGTERM: at once not ready, full service with Connection: close for the lame-duck time, then exit 0")
    func lameDuck() async throws {
      let (redis, node) = try await start(drainDelay: "2")
      let idle = try await RawConnection(port: node.port)
      let used = try await RawConnection(port: node.port)
      used.send(TestRequest.live.bytes)
      try #require(try await used.answer().closesConnection == false)

      let told = ContinuousClock.now
      node.process.signal(SIGTERM)
      try await eventually("not ready") { try await node.send(.ready).status == 503 }
      #expect(ContinuousClock.now - told < .seconds(1), "not only after the lame-duck time")
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
      try await idle.waitForEnd()
      #expect(ContinuousClock.now - told >= .seconds(2))
      try await expectCleanEnd(node)
      #expect(redis.serves)
    }

    @Test("a second SIGTERM skips the wait")
    func secondSignal() async throws {
      let (_, node) = try await start(drainDelay: "120")
      node.process.signal(SIGTERM)
      try await eventually("draining") { try await node.send(.ready).status == 503 }
      node.process.signal(SIGTERM)
      try await expectCleanEnd(node)
    }

    @Test("what is in flight when the listener closes is finished")
    func inFlight() async throws {
      let (redis, node) = try await start(drainDelay: "0")
      let incomplete = try await RawConnection(port: node.port)
      let request = String(decoding: TestRequest.reserve("stop", reference: "incomplete").bytes, as: UTF8.self)
      incomplete.send(String(request.dropLast(5)))
      let waiting = try await RawConnection(port: node.port)
      redis.signal(SIGSTOP)
      waiting.send(TestRequest.reserve("stop").key("waiting").bytes)
      try await eventually("the request waits for Redis") {
        let requests = try await node.send(.health).json["requests"] as? [String: Any]
        return requests?["inFlight"] as? Int ?? 0 >= 2
      }
      node.process.signal(SIGTERM)
      try await eventually("the listener is closed") { (try? await RawConnection(port: node.port)) == nil }
      redis.signal(SIGCONT)
      let finished = try await waiting.answer()
      #expect(finished.status == 201 && finished.closesConnection, "\(finished)")
      incomplete.send(String(request.suffix(5)))
      let completed = try await incomplete.answer()
      #expect(completed.status == 201 && completed.closesConnection, "\(completed)")
      try await expectCleanEnd(node)
    }

    @Test("no request fails while a node stops and its clients go elsewhere at the first hint")
    func clientsOfTwoNodes() async throws {
      let (redis, leaving) = try await start(drainDelay: "1")
      let staying = try await NodeUnderTest(redisURL: redis.url)
      try await staying.waitUntilReady()
      let answered = try await concurrently(0..<8) { client in
        var answers: [TestAnswer] = []
        // As a load balancer does it: to a node for as long as it is ready.
        while leaving.process.isRunning {
          let node = client == 0 ? staying : await leaving.isReady ? leaving : staying
          answers.append(
            try await node.send(.reserve("stop", reference: "client-\(client)").key("\(client)/\(answers.count)")))
          if answers.count == 20, client == 0 { leaving.process.signal(SIGTERM) }
        }
        return answers
      }.flatMap(\.self)
      #expect(answered.count > 160)
      #expect(answered.allSatisfy { $0.status == 201 || $0.problem == "insufficient-stock" })
      try await expectCleanEnd(leaving)
    }
  }
}
