import Common
import Foundation
import TestSupport
import Testing

@testable import Coordinator

/// A watch that runs as in the real process until the test ends.
final class WatchUnderTest: Sendable {
  let watch: ClusterWatch
  let metrics = PrometheusRegistry()
  let log = LogRecorder()
  private let running: Task<Void, any Error>

  /// - Parameter file: the file of the registry.
  init(file: URL? = nil, allowed: String = "127.0.0.1", maxNodes: Int = 10) {
    let watch = ClusterWatch(
      allowed: AddressPolicy(allowed)!, maxNodes: maxNodes, path: file?.path,
      metrics: CoordinatorMetrics(factory: metrics), logger: log.logger)
    self.watch = watch
    running = Task { try await watch.run() }
  }

  deinit { running.cancel() }

  /// Stops as the real process does. Returns when everything is written.
  func stop() async throws {
    running.cancel()
    try await running.value
  }

  var view: ClusterView { get async { await watch.view() } }

  func node(_ id: String) async -> ClusterView.Node? { await view.nodes.first { $0.id == id } }

  /// Waits until a node is in a state.
  @discardableResult
  func wait(
    for id: String = "n1", toBe state: NodeStatus, within limit: Duration = .seconds(60)
  ) async throws -> ClusterView.Node {
    try await eventually("\(id) is \(state)", within: limit) { await node(id)?.state == state }
    return try #require(await node(id))
  }

  /// Waits until a node is down for this reason, caused by a stand-in. On a busy machine the stand-in may be slow, and
  /// the node is then down because of silence. In that case it recovers and gets another try.
  func wait(
    for id: String = "n1", toBeDownBecause words: String, by standIn: StandIn, _ reply: LittleServer.Reply
  ) async throws -> ClusterView.Node {
    var found: ClusterView.Node?
    try await untilShown("\(id) is down: \(words)") {
      standIn.reply(reply)
      let down = try await wait(for: id, toBe: .down)
      if down.reason == words {
        found = down
        return true
      }
      #expect(Self.isOfSlowMachine(down.reason), "\(down.reason)")
      standIn.reply(nil)
      try await wait(for: id, toBe: .up)
      return false
    }
    return try #require(found)
  }

  private static func isOfSlowMachine(_ reason: String) -> Bool {
    reason.contains("no answer within") || reason.contains("no connection within") || reason.hasPrefix("3 failures")
  }

  /// Announces a stand-in and waits until it is up.
  func admit(_ standIn: StandIn) async throws {
    _ = try await watch.announce(standIn.announcement)
    try await wait(for: standIn.report.nodeId, toBe: .up)
  }

  /// The value of a series as the metrics show it. Nil if the series is missing.
  func metric(_ series: String) -> String? {
    metrics.render().split(separator: "\n").first { $0.hasPrefix(series + " ") }.map {
      String($0.dropFirst(series.count + 1))
    }
  }
}
