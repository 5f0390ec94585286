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
  init(file: URL? = nil, allowed: String = "127.0.0.1", mostNodes: Int = 10) {
    let watch = ClusterWatch(
      allowed: AddressPolicy(allowed)!, mostNodes: mostNodes, path: file?.path,
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
    for id: String = "n1", toBe state: Verdict, within limit: Duration = .seconds(20)
  ) async throws -> ClusterView.Node {
    try await eventually("\(id) is \(state)", within: limit) { await node(id)?.state == state }
    return try #require(await node(id))
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
