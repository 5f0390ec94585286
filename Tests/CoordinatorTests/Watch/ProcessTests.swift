import Common
import Foundation
import TestSupport
import Testing

@testable import Coordinator

extension HeavyTests {
  /// The coordinator as a process of its own.
  @Suite struct ProcessTests {
    private static let token = "cluster-token-of-the-tests-1234567890"

    private let directory: TemporaryDirectory
    private let port: Int
    private let http: TestHTTPClient

    init() throws {
      directory = try TemporaryDirectory()
      port = try FreePort.find()
      http = TestHTTPClient(port: port)
    }

    /// Starts it and waits until it serves.
    private func start(environment: [String: String] = [:]) async throws -> ServerProcess {
      let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
      let settings = [
        "HOLDFAST_PORT": "\(port)", "HOLDFAST_CLUSTER_TOKEN": Self.token, "HOLDFAST_STATE_FILE": file.path,
      ]
      let process = try ServerProcess(
        tests.deletingLastPathComponent().appending(path: "holdfast-coordinator"), [],
        environment: settings.merging(environment) { $1 }, logFile: directory.url.appending(path: "log"))
      try await eventually("it serves") { (try? await http.send(TestRequest("GET", "/health/live")))?.status == 200 }
      return process
    }

    private var file: URL { directory.url.appending(path: "registry.json") }

    private func announce(_ node: StandIn) async throws {
      let json = String(decoding: try JSONEncoder().encode(node.announcement), as: UTF8.self)
      let answer = try await http.send(TestRequest("POST", "/api/v1/nodes", json: json).bearer(Self.token))
      #expect(answer.status == 200)
    }

    private func state(of id: String) async throws -> String? {
      let nodes = try await http.send(TestRequest("GET", "/api/v1/cluster")).json["nodes"] as? [[String: Any]]
      return nodes?.first { $0["id"] as? String == id }?["state"] as? String
    }

    @Test("nodes are asked directly and without credentials, whatever proxy and .netrc the environment has")
    func environment() async throws {
      let (node, proxy) = (try await StandIn(), try await LittleServer { _ in LittleServer.answer() })
      try Data("machine 127.0.0.1 login anna password secret".utf8).write(to: directory.url.appending(path: ".netrc"))
      var environment = ["HOME": directory.url.path]
      for name in ["http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"] { environment[name] = proxy.url }
      let process = try await start(environment: environment)
      defer { process.kill() }
      try await announce(node)
      try await eventually("the node is UP") { try await state(of: "n1") == "UP" }
      #expect(proxy.connections == 0)
      #expect(!node.requestTexts.contains { $0.lowercased().contains("authorization:") })
    }

    @Test("told to stop with probes under way it ends with code 0, and what it knew is in its file")
    func stop() async throws {
      let (well, silent) = (try await StandIn(), try await StandIn(.sample(id: "n2")))
      let process = try await start()
      defer { process.kill() }
      try await announce(well)
      try await announce(silent)
      silent.reply(.silence)
      try await eventually("one is UP and one is asked in vain") {
        let (one, other) = (try await state(of: "n1"), try await state(of: "n2"))
        return one == "UP" && other == "DOWN"
      }
      process.signal(SIGTERM)
      try await eventually("it has ended") { !process.isRunning }
      #expect(process.exitCode == 0)
      guard case .contents(let contents) = RegistryFile(path: file.path).load() else {
        Issue.record("no registry was left")
        return
      }
      #expect(contents.nodes.map(\.state) == [.up, .down])
    }

    @Test("stopped for longer than anyone may be silent, and resumed, it finds no node dead and the same leader")
    func resumed() async throws {
      let node = try await StandIn(.sample().leading(epoch: 7))
      let process = try await start()
      defer { process.kill() }
      try await announce(node)
      try await eventually("it leads") { try await http.send(TestRequest("GET", "/leader")).status == 200 }
      process.signal(SIGSTOP)
      let stopped = ContinuousClock.now
      try await eventually("four seconds have gone by") { ContinuousClock.now - stopped > .seconds(4) }
      let asked = node.requests
      process.signal(SIGCONT)
      try await eventually("it goes on asking") { node.requests >= asked + 4 }
      let seen = try await http.send(TestRequest("GET", "/api/v1/cluster")).json["transitions"] as? [[String: Any]]
      let states = try #require(seen).compactMap { $0["to"] as? String }
      #expect(states.contains("UP") && !states.contains("DOWN") && !states.contains("no leader"))
    }

    @Test("a node that tells the wildest numbers does not bring it down")
    func wildNumbers() async throws {
      var report = HealthReport.sample()
      (report.redis.usedBytes, report.redis.limitBytes, report.uptimeSeconds) = (.max, 1, .min)
      (report.sweeper.backlog, report.lease.remainingMs) = (.max, .min)
      let node = try await StandIn(report)
      let process = try await start()
      defer { process.kill() }
      try await announce(node)
      try await eventually("the node is UP") { try await state(of: "n1") == "UP" }
      let asked = node.requests
      try await eventually("it goes on asking") { node.requests >= asked + 3 }
      #expect(try await http.send(TestRequest("GET", "/")).status == 200)
      #expect(process.isRunning)
    }
  }
}
