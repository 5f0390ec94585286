import Logging
import NIOCore
import Store

/// Looks every second how far behind the sweep is. On every node: a backlog matters most when nobody leads.
/// Belongs to the event loop of its link.
final class BacklogWatch {
  private static let interval = TimeAmount.seconds(1)
  private static let retry = TimeAmount.milliseconds(100)

  private let eventLoop: any EventLoop
  private let sweep: ShardedSweep
  private let metrics: SweepMetrics
  private let report: (SweepRepository.Overdue?) -> Void
  private var failures: FailureNotes
  private var stage = Stage.idle

  private enum Stage { case idle, running, stopped }

  /// - Parameter report: told what each look has found; nil if it found nothing out.
  init(
    eventLoop: any EventLoop, sweep: ShardedSweep, metrics: SweepMetrics, logger: Logger,
    report: @escaping (SweepRepository.Overdue?) -> Void
  ) {
    (self.eventLoop, self.sweep, self.metrics, self.report) = (eventLoop, sweep, metrics, report)
    failures = FailureNotes(of: "backlog", logger: logger)
  }

  func start() {
    precondition(stage == .idle, "a second start would double the looks")
    stage = .running
    look()
  }

  /// Looks no more.
  func stop() { stage = .stopped }

  private func look() {
    guard stage == .running else { return }
    sweep.overdue { [self] result in
      var pause = Self.interval
      switch result {
      case .success(let overdue):
        failures.ended()
        metrics.update(overdue)
        report(overdue)
      case .failure(let failure):
        failures.note(failure)
        report(nil)
        pause = Self.retry
      }
      eventLoop.assumeIsolated().scheduleTask(in: pause) { [self] in look() }
    }
  }
}
