import Foundation
import TestSupport
import Testing

extension CoordinatedTests {
  /// The shop does not need a coordinator.
  @Suite(.cluster(nodes: 0)) struct IndependenceTests {
    private let redis = TestCluster.current.redis

    enum Fault: CaseIterable {
      case silent, refusing, garbled, huge, endingConnections

      fileprivate var reply: LittleServer.Reply {
        switch self {
        case .silent: .silence
        case .refusing:
          LittleServer.answer(401, #"{"detail":"no \#(String(repeating: "x", count: 10_000))","status":401}"#)
        case .garbled: LittleServer.answer(200, "{\"wanted\":\"dance\"}\u{0}\n")
        case .huge: LittleServer.answer(200, #"{"wanted":"drain"}"# + String(repeating: " ", count: 1 << 20))
        case .endingConnections: .last("")
        }
      }

      /// The log message about it.
      fileprivate var words: String {
        switch self {
        case .silent: "no answer in time"
        case .refusing: "the coordinator answered 401: no xxx"
        case .garbled: "the coordinator's answer can't be read"
        case .huge: "the answer is too large"
        case .endingConnections: "the coordinator can't be asked"
        }
      }
    }

    private func expectService(of node: NodeUnderTest) async throws {
      try await node.waitUntilReady()
      #expect(try await node.send(.setStock("shop", total: 1000)).status < 300)
      let reserved = try await node.send(.reserve("shop"))
      #expect(reserved.status == 201 && !reserved.closesConnection)
    }

    @Test
    func `whatever a coordinator does, the node serves, tells it once, and once that it is well again`() async throws {
      _ = try await concurrently(Fault.allCases) { fault in try await outlive(fault) }
    }

    private func outlive(_ fault: Fault) async throws {
      let coordinator = try await ScriptedCoordinator()
      coordinator.reply(fault.reply)
      let node = try await NodeUnderTest(redisURL: redis.url, settings: coordinator.settings())
      try await expectService(of: node)
      try await eventually("it was announced again and again") { coordinator.requests.count >= 4 }
      try await expectService(of: node)
      let told = node.logLines(with: "not announced")
      #expect(told.count == 1 && told[0].contains(fault.words) && told[0].utf8.count < 1000, "\(fault): \(told)")

      coordinator.reply(LittleServer.answer(200, #"{"wanted":"serve"}"#))
      try await eventually("it says that it is well") { node.log.contains("announced again") }
      let asked = coordinator.requests.count
      try await eventually("it was announced once more") { coordinator.requests.count > asked }
      #expect(node.logLines(with: "announced").count == 2, "\(fault): \(node.log)")
    }

    @Test func `where nobody listens the node serves too, and is announced as soon as somebody does`() async throws {
      let port = try FreePort.find()
      let node = try await NodeUnderTest(
        redisURL: redis.url, settings: ["COORDINATOR_URL": "http://127.0.0.1:\(port)", "CLUSTER_TOKEN": "t"])
      try await expectService(of: node)
      try await eventually("it has tried again and again") {
        try await node.send(.health).number("uptimeSeconds") ?? 0 > 4
      }
      try await expectService(of: node)
      let coordinator = try await ScriptedCoordinator(port: port)
      try await eventually("it says that it is well") { node.log.contains("announced again") }
      #expect(coordinator.states.first == "serving")
      let told = node.logLines(with: "not announced")
      #expect(told.count == 1 && told[0].contains("connection refused"), "\(told)")
    }

    @Test
    func `SIGTERM: the coordinator is told at once that the node drains, and at the end that it leaves`() async throws {
      let coordinator = try await ScriptedCoordinator()
      let node = try await NodeUnderTest(redisURL: redis.url, settings: coordinator.settings(["DRAIN_DELAY": "1"]))
      try await node.waitUntilReady()
      let bootID = try #require(try await node.send(.health).text("bootId"))
      let asked = coordinator.requests.count
      // It has just announced itself. The next announcement is due in two seconds, and the process ends after one.
      try await eventually("announced") { coordinator.requests.count > asked }
      node.process.signal(SIGTERM)
      try await eventually("the process ends") { !node.process.isRunning }
      #expect(node.process.exitCode == 0)
      #expect(coordinator.states.last == "draining")
      // The state may be announced again if draining takes longer than planned.
      #expect(coordinator.states.drop { $0 != "draining" }.allSatisfy { $0 == "draining" })
      let id = try #require(node.log.firstMatch(of: /"node":"([^"]+)"/)).1
      #expect(coordinator.requests.last?.hasPrefix("DELETE /api/v1/nodes/\(id)?bootId=\(bootID) HTTP/1.1\r\n") == true)
      #expect(coordinator.requests.last?.contains("Authorization: Bearer t\r\n") == true)
    }

    @Test func `SIGTERM: a coordinator without an answer delays the end by one announcement at most`() async throws {
      let coordinator = try await ScriptedCoordinator()
      let node = try await NodeUnderTest(redisURL: redis.url, settings: coordinator.settings(["DRAIN_DELAY": "0"]))
      try await node.waitUntilReady()
      coordinator.reply(.silence)
      let asked = coordinator.requests.count
      try await eventually("announced in vain") { coordinator.requests.count > asked }
      let told = ContinuousClock.now
      node.process.signal(SIGTERM)
      try await eventually("the process ends") { !node.process.isRunning }
      // An announcement is given up after a second. A farewell to the same silent coordinator would take another.
      #expect(ContinuousClock.now - told < .seconds(5) + ControlTimer.shared.allowance(since: told))
      #expect(node.process.exitCode == 0)
      #expect(!coordinator.requests.contains { $0.hasPrefix("DELETE") })
    }
  }
}
