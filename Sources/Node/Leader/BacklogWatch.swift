import Logging
import NIOCore
import Store

/// Looks every second how far behind the sweep is. On every node: a backlog matters most when nobody leads.
/// Belongs to the event loop of its link.
final class BacklogWatch {
  private static let interval = TimeAmount.seconds(1)
  private static let retry = TimeAmount.milliseconds(100)

  private let eventLoop: any EventLoop
  private let sweep: SweepRepository
  private var failures: FailureNotes

  init(eventLoop: any EventLoop, sweep: SweepRepository, logger: Logger) {
    self.eventLoop = eventLoop
    self.sweep = sweep
    failures = FailureNotes(of: "backlog", logger: logger)
  }

  /// - Parameter seen: called with what each look has found; nil if it found nothing out.
  func start(_ seen: @escaping (SweepRepository.Overdue?) -> Void) {
    sweep.overdue { [self] result in
      var pause = Self.interval
      switch result {
      case .success(let overdue):
        failures.ended()
        seen(overdue)
      case .failure(let failure):
        failures.note(failure)
        seen(nil)
        pause = Self.retry
      }
      eventLoop.assumeIsolated().scheduleTask(in: pause) { [self] in start(seen) }
    }
  }
}
