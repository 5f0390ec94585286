import NIOConcurrencyHelpers

/// A clock that a test moves.
final class SteppedClock: Sendable {
  private let instant = NIOLockedValueBox(ContinuousClock.now)

  var now: @Sendable () -> ContinuousClock.Instant { { self.instant.withLockedValue { $0 } } }

  func advance(by duration: Duration) { instant.withLockedValue { $0 += duration } }

  /// Moves on to the time that it really is.
  func catchUp() { instant.withLockedValue { $0 = max($0, .now) } }
}
