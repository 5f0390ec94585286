import Logging
import NIOCore
import Store

/// Tells followers at once when a leader gives its lease back, so that none need wait for its next look.
///
/// Belongs to the event loop of its link.
final class ReleaseSubscriber {
  private static let pause = TimeAmount.milliseconds(100)

  private let eventLoop: any EventLoop
  private let lease: LeaseRepository
  /// The last release that was heard; only later ones are told. Nil after a failure: then every later one is told.
  private var heard: String?
  private var failures: FailureNotes

  /// - Parameter lease: over a link that nothing else uses, since it waits for releases.
  init(eventLoop: any EventLoop, lease: LeaseRepository, logger: Logger) {
    self.eventLoop = eventLoop
    self.lease = lease
    failures = FailureNotes(of: "releases", logger: logger)
  }

  /// Calls `told` on each release from now on, for ever.
  func subscribe(_ told: @escaping () -> Void) {
    lease.nextRelease(after: heard) { [self] result in
      switch result {
      case .success(let release):
        failures.ended()
        if let release {
          heard = release
          told()
        }
        subscribe(told)
      case .failure(let failure):
        failures.note(failure)
        heard = nil
        eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { [self] in subscribe(told) }
      }
    }
  }
}
