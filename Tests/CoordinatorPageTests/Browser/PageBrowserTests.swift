import Foundation
import HummingbirdTesting
import TestSupport
import Testing

@testable import Coordinator

/// The page in a real browser, by `Tests/Pages/pages.py`, over clusters that can't be had on demand: as it was a second
/// after the start, with nodes that tell lies. Screenshots are kept in `.build/screenshots`.
@Suite(.serialized) struct PageBrowserTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  @Test(arguments: ["all-up", "just-started", "hostile", "sixty-nodes"])
  func whatIsThereIsSeen(scene: String) async throws {
    try await look(at: scene, over: Scenes.of(scene))
  }

  @Test(arguments: ["node-down", "leader-changed"])
  func whatHappensIsSeenWithoutAReload(scene: String) async throws {
    try await look(at: scene, over: Scenes.allUp, then: Scenes.of(scene))
  }

  @Test func operatorsChangeThings() async throws {
    try await look(at: "operator", over: Scenes.allUp)
  }

  @Test func aLostConnectionIsTold() async throws {
    try await look(at: "connection", over: Scenes.allUp)
  }

  /// - Parameter next: what the cluster becomes once the browser has the page open.
  private func look(at scene: String, over view: ClusterView, then next: ClusterView? = nil) async throws {
    let bench = try SiteBench(view)
    let directory = try TemporaryDirectory()
    let (go, token) = (directory.url.appending(path: "go"), directory.url.appending(path: "token"))
    try "alice:\(SiteBench.adminToken)\n".write(to: token, atomically: true, encoding: .utf8)
    try await bench.test(.live) { client in
      var arguments = [
        Self.root.appending(path: "Tests/Pages/pages.py").path, "http://127.0.0.1:\(try #require(client.port))", scene,
        "--shots", Self.root.appending(path: ".build/screenshots").path, "--token-file", token.path,
      ]
      if next != nil { arguments += ["--do", "touch \(go.path)"] }
      let browser = try ServerProcess(
        URL(filePath: "/usr/bin/python3"), arguments, environment: ["PYTHONDONTWRITEBYTECODE": "1"],
        logFile: directory.url.appending(path: "browser.log"))
      do {
        try await live(bench.cluster, until: { !browser.isRunning }, then: next, at: go)
      } catch {
        // What it has started ends with it only if it has the time.
        browser.signal(SIGTERM)
        try await eventually("the browser ends") { !browser.isRunning }
        throw error
      }
      #expect(browser.exitCode == 0, "\(browser.log)")
    }
  }

  /// Has time go on in the cluster, as it does for who looks.
  ///
  /// - Parameter next: what the cluster becomes once there is a file at `go`.
  private func live(
    _ cluster: SampleCluster, until isOver: () -> Bool, then next: ClusterView?, at go: URL
  ) async throws {
    let began = ContinuousClock.now
    var next = next
    try await eventually("the browser has seen it all", within: .seconds(240), every: .milliseconds(100)) {
      if let scene = next, FileManager.default.fileExists(atPath: go.path) {
        cluster.change { $0 = scene }
        next = nil
      }
      let seconds = Int64((ContinuousClock.now - began) / .seconds(1))
      cluster.change { $0.at = Scenes.ago(seconds: -seconds) }
      return isOver()
    }
  }
}
