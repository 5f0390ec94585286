import Foundation
import HummingbirdTesting
import TestSupport
import Testing

@testable import Coordinator

/// The page in a real browser, by `Tests/Pages/pages.py`, over clusters that can't be had on demand: as it was a second
/// after the start, with nodes that tell lies. Screenshots are kept in `.build/screenshots`.
///
/// What a real cluster can show is looked at by `Scripts/cluster.sh test page`.
@Suite(.serialized) struct PageBrowserTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  @Test(arguments: ["just-started", "hostile", "sixty-nodes"])
  func whatIsThereIsSeen(scene: String) async throws {
    let bench = try SiteBench(Scenes.of(scene))
    let directory = try TemporaryDirectory()
    try await bench.test(.live) { client in
      let arguments = [
        Self.root.appending(path: "Tests/Pages/pages.py").path, "http://127.0.0.1:\(try #require(client.port))", scene,
        "--shots", Self.root.appending(path: ".build/screenshots").path,
      ]
      let browser = try ServerProcess(
        URL(filePath: "/usr/bin/python3"), arguments, environment: ["PYTHONDONTWRITEBYTECODE": "1"],
        logFile: directory.url.appending(path: "browser.log"))
      do {
        try await live(bench.cluster) { !browser.isRunning }
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
  private func live(_ cluster: SampleCluster, until isOver: () -> Bool) async throws {
    let began = ContinuousClock.now
    try await eventually("the browser has seen it all", within: .seconds(240), every: .milliseconds(100)) {
      let seconds = Int64((ContinuousClock.now - began) / .seconds(1))
      cluster.change { $0.at = Scenes.ago(seconds: -seconds) }
      return isOver()
    }
  }
}
