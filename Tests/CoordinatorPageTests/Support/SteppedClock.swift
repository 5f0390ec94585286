import Synchronization

/// A clock that a test moves.
final class SteppedClock: Sendable {
  private let instant = Mutex(ContinuousClock.now)

  var now: @Sendable () -> ContinuousClock.Instant { { self.instant.withLock { $0 } } }

  func advance(by duration: Duration) { instant.withLock { $0 += duration } }
}
