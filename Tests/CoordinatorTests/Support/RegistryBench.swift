import Common
import TestSupport

@testable import Coordinator

/// A registry with a clock of its own.
struct RegistryBench {
  var registry: Registry
  var now = Moment.start

  init(maxNodes: Int = 10, contents: RegistryContents? = nil) {
    registry = Registry(
      maxNodes: maxNodes, timing: .even, random: { SeededRandom(1) }, contents: contents, at: .start)
  }

  @discardableResult
  mutating func announce(_ announcement: Announcement = .sample()) throws -> Registry.Reception {
    try registry.announce(announcement, at: now)
  }

  /// Probes a node, which answers at once.
  mutating func answer(_ report: HealthReport = .sample(), took: Duration = .milliseconds(1)) {
    end(report.nodeId, .success(report), took: took)
  }

  mutating func fail(_ id: String = "n1", _ failure: ProbeFailure = .noAnswer(within: .milliseconds(500))) {
    end(id, .failure(failure))
  }

  /// Ends a probe of a node with any result.
  mutating func end(
    _ id: String, _ result: Result<HealthReport, ProbeFailure>, took: Duration = .milliseconds(1)
  ) {
    guard let probe = registry.startProbe(of: id, at: now.instant) else { return }
    registry.ended(probe, with: result, took: took, isHeld: true, at: now)
  }

  mutating func kill(_ id: String = "n1") { for _ in 0..<3 { fail(id) } }

  func status(_ id: String = "n1") -> NodeStatus? { registry.nodes[id]?.detector.status }

  /// Adds a node: it announces itself and answers a probe.
  mutating func admit(_ report: HealthReport = .sample(), url: String = "http://10.0.0.1:8080") throws {
    try announce(.sample(id: report.nodeId, bootID: report.bootId, url: url))
    answer(report)
  }

  var lastEntry: History.Entry? { registry.history.entries.last }
}
