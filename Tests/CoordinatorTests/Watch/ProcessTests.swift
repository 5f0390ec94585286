import Common
import Foundation
import TestSupport
import Testing

@testable import Coordinator

extension HeavyTests {
  /// The coordinator as a process of its own.
  @Suite struct ProcessTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private var file: URL { directory.url.appending(path: "registry.json") }

    private func announce(_ node: StandIn, to coordinator: CoordinatorUnderTest) async throws {
      let json = String(decoding: try JSONEncoder().encode(node.announcement), as: UTF8.self)
      let request = TestRequest("POST", "/api/v1/nodes", json: json).bearer(CoordinatorUnderTest.clusterToken)
      #expect(try await coordinator.send(request).status == 200)
    }

    private func state(of id: String, at coordinator: CoordinatorUnderTest) async throws -> String? {
      let nodes = try await coordinator.send(TestRequest("GET", "/api/v1/cluster")).json["nodes"] as? [[String: Any]]
      return nodes?.first { $0["id"] as? String == id }?["state"] as? String
    }

    @Test func `nodes are asked directly and without credentials, whatever proxy and .netrc there are`() async throws {
      let (node, proxy) = (try await StandIn(), try await LittleServer { _ in LittleServer.answer() })
      try Data("machine 127.0.0.1 login anna password secret".utf8).write(to: directory.url.appending(path: ".netrc"))
      var environment = ["HOME": directory.url.path]
      for name in ["http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"] { environment[name] = proxy.url }
      let coordinator = try await CoordinatorUnderTest(environment: environment)
      try await announce(node, to: coordinator)
      try await eventually("the node is UP") { try await state(of: "n1", at: coordinator) == "UP" }
      #expect(proxy.connections == 0)
      #expect(!node.requestTexts.contains { $0.lowercased().contains("authorization:") })
    }

    @Test
    func `told to stop with probes under way, the coordinator ends with code 0 and keeps what it knew`() async throws {
      let (well, silent) = (try await StandIn(), try await StandIn(.sample(id: "n2")))
      let coordinator = try await CoordinatorUnderTest(settings: ["STATE_FILE": file.path])
      try await announce(well, to: coordinator)
      try await announce(silent, to: coordinator)
      silent.reply(.silence)
      try await eventually("one is UP and one is asked in vain") {
        let (one, other) = (try await state(of: "n1", at: coordinator), try await state(of: "n2", at: coordinator))
        return one == "UP" && other == "DOWN"
      }
      coordinator.process.signal(SIGTERM)
      try await eventually("it has ended") { !coordinator.process.isRunning }
      #expect(coordinator.process.exitCode == 0)
      guard case .contents(let contents) = RegistryFile(path: file.path).load() else {
        Issue.record("no registry was left")
        return
      }
      // The first node may have answered late once.
      #expect(contents.nodes.map(\.id) == ["n1", "n2"] && contents.nodes.last?.state == .down)
      #expect(contents.nodes.first?.state == .up || contents.nodes.first?.state == .suspect)
    }

    @Test func `stopped for long and resumed, the coordinator finds no node dead and the same leader`() async throws {
      let node = try await StandIn(.sample().leading(epoch: 7))
      let coordinator = try await CoordinatorUnderTest()
      try await announce(node, to: coordinator)
      try await eventually("it leads") { try await coordinator.send(TestRequest("GET", "/leader")).status == 200 }
      coordinator.process.signal(SIGSTOP)
      let stopped = ContinuousClock.now
      try await eventually("four seconds have gone by") { ContinuousClock.now - stopped > .seconds(4) }
      let asked = node.requests
      coordinator.process.signal(SIGCONT)
      try await eventually("it goes on asking") { node.requests >= asked + 4 }
      let view = try await coordinator.send(TestRequest("GET", "/api/v1/cluster")).json
      let states = try #require(view["transitions"] as? [[String: Any]]).compactMap { $0["to"] as? String }
      #expect(states.contains("UP") && !states.contains("DOWN") && !states.contains("no leader"))
    }

    @Test func `a node that tells the wildest numbers does not bring the coordinator down`() async throws {
      var report = HealthReport.sample()
      (report.redis.usedBytes, report.redis.limitBytes, report.uptimeSeconds) = (.max, 1, .min)
      (report.sweeper.backlog, report.lease.remainingMs) = (.max, .min)
      let node = try await StandIn(report)
      let coordinator = try await CoordinatorUnderTest()
      try await announce(node, to: coordinator)
      try await eventually("the node is UP") { try await state(of: "n1", at: coordinator) == "UP" }
      let asked = node.requests
      try await eventually("it goes on asking") { node.requests >= asked + 3 }
      #expect(try await coordinator.send(TestRequest("GET", "/")).status == 200)
      #expect(coordinator.process.isRunning)
    }
  }
}
