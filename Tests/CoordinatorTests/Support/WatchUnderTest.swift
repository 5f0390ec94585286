import Common
import Foundation
import TestSupport
import Testing

@testable import Coordinator

/// A watch that runs as in its process, until the test ends.
final class WatchUnderTest: Sendable {
  let watch: ClusterWatch
  let metrics = PrometheusRegistry()
  let log = LogRecorder()
  private let running: Task<Void, any Error>

  /// - Parameter file: that keeps the registry.
  init(file: URL? = nil, allowed: String = "127.0.0.1", maxNodes: Int = 10) {
    let watch = ClusterWatch(
      allowed: AddressPolicy(allowed)!, maxNodes: maxNodes, path: file?.path,
      metrics: CoordinatorMetrics(factory: metrics), logger: log.logger)
    self.watch = watch
    running = Task { try await watch.run() }
  }

  deinit { running.cancel() }

  /// As its process does when it is told to stop; returns when all is written.
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

  /// Waits until a node is down for this reason, after whatever a stand-in does. One that was slow to do it, for want
  /// of the processor, is down for its silence, and has another try once it is well again.
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

  /// A series as it is shown; nil if it is not.
  func metric(_ series: String) -> String? {
    metrics.render().split(separator: "\n").first { $0.hasPrefix(series + " ") }.map {
      String($0.dropFirst(series.count + 1))
    }
  }
}
