import Common
import Logging
import Synchronization

/// Bounds how many wrong tokens are looked at, so that guessing is slow, and keeps the log from filling with them.
final class AttemptLimit: Sendable {
  /// So many wrong tokens a second; then none is looked at until the second is over, not even a right one: else an
  /// answer would still tell a guesser. Those who are logged in do not notice.
  static let wrongPerSecond = 5
  /// Wrong tokens are logged once, and after that so often.
  private static let logPause = Duration.seconds(60)

  private struct State {
    var second: ContinuousClock.Instant
    var wrong = 0
    var logged: ContinuousClock.Instant?
    var unlogged = 0
  }

  private let state: Mutex<State>
  private let now: @Sendable () -> ContinuousClock.Instant
  private let logger: Logger

  init(logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.logger = logger
    self.now = now
    state = Mutex(State(second: now()))
  }

  /// - Throws: a ``Problem`` when too many wrong tokens came within this second.
  func check() throws(Problem) {
    let isOpen = state.withLock { state in
      if now() - state.second >= .seconds(1) {
        state.second = now()
        state.wrong = 0
      }
      return state.wrong < Self.wrongPerSecond
    }
    guard isOpen else {
      throw Problem(.overloaded, "Too many wrong tokens at present: try again in a second.", retryAfter: 1)
    }
  }

  func failed(_ message: Logger.Message, caller: String) {
    let unlogged: Int? = state.withLock { state in
      state.wrong += 1
      if let logged = state.logged, now() - logged < Self.logPause {
        state.unlogged += 1
        return nil
      }
      state.logged = now()
      defer { state.unlogged = 0 }
      return state.unlogged
    }
    guard let unlogged else { return }
    logger.warning(message, metadata: ["caller": "\(caller)", "notLoggedBefore": "\(unlogged)"])
  }
}
