import Foundation
import HummingbirdTesting
import TestSupport
import Testing

@testable import Coordinator

/// The page in a real browser (`Tests/Pages/pages.py`), over clusters that can't be made on demand: one second after
/// the start, or with hostile nodes. Screenshots are kept in `.build/screenshots`.
///
/// `Scripts/cluster.sh test page` checks what a real cluster can show.
@Suite(.serialized) struct PageBrowserTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  @Test(arguments: ["just-started", "hostile", "sixty-nodes", "redis-down", "store-damaged", "node-gone"])
  func `what is there is seen in a browser`(scene: String) async throws {
    let bench = try SiteBench(Scenes.of(scene))
    try await bench.test(.live) { client in
      try await look(at: "http://127.0.0.1:\(try #require(client.port))", scene, bench)
    }
  }

  @Test func `below a path of a proxy all is there in a browser`() async throws {
    let bench = try SiteBench(base: try #require(BasePath("/holdfast")))
    try await bench.test(.live) { client in
      let proxy = try await SubPathProxy(coordinator: try #require(client.port))
      try await look(at: "http://127.0.0.1:\(proxy.port)/holdfast", "sub-path", bench)
    }
  }

  private func look(at url: String, _ scene: String, _ bench: SiteBench) async throws {
    let directory = try TemporaryDirectory()
    let token = directory.url.appending(path: "admin-tokens")
    try Data("alice:\(SiteBench.adminToken)\n".utf8).write(to: token)
    let arguments = [
      Self.root.appending(path: "Tests/Pages/pages.py").path, url, scene, "--token-file", token.path,
      "--shots", Self.root.appending(path: ".build/screenshots").path,
    ]
    let browser = try ServerProcess(
      URL(filePath: "/usr/bin/python3"), arguments, environment: ["PYTHONDONTWRITEBYTECODE": "1"],
      logFile: directory.url.appending(path: "browser.log"))
    do {
      try await live(bench) { !browser.isRunning }
    } catch {
      // SIGTERM gives it time to end the processes it has started.
      browser.signal(SIGTERM)
      try await eventually("the browser ends") { !browser.isRunning }
      throw error
    }
    #expect(browser.exitCode == 0, "\(browser.log)")
  }

  /// Lets time pass in the cluster and in the coordinator as fast as for the viewer.
  private func live(_ bench: SiteBench, until isOver: () -> Bool) async throws {
    let began = ContinuousClock.now
    try await eventually("the browser has seen it all", within: .seconds(900), every: .milliseconds(100)) {
      let seconds = Int64((ContinuousClock.now - began) / .seconds(1))
      bench.clock.catchUp()
      bench.cluster.change { $0.at = Scenes.ago(seconds: -seconds) }
      return isOver()
    }
  }
}
