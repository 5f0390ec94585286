import Common
import Logging
import NIOConcurrencyHelpers

/// Bounds how many wrong tokens of one address get an answer that says so, and how many log lines they make.
///
/// A right token is let through, whatever else came from its address. Otherwise anybody could lock the operators out by
/// sending wrong ones; behind a proxy, all of them. Tokens are too long to be guessed.
final class AttemptLimit: Sendable {
  static let budget = WrongTokens.Budget(tokens: 5, period: .seconds(1))

  private let wrong = NIOLockedValueBox(WrongTokens(budget: budget))
  private let now: @Sendable () -> ContinuousClock.Instant
  private let logger: Logger

  init(logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.logger = logger
    self.now = now
  }

  /// Notes a wrong token, and logs it if a line is due.
  ///
  /// - Returns: whether too many came from that address within the period.
  @discardableResult
  func failed(_ message: Logger.Message, caller: String) -> Bool {
    let group = AddressGroup(caller)
    let finding = wrong.withLockedValue { $0.note(group, at: now()) }
    if let count = finding.lineWithCount {
      logger.warning(message, metadata: ["caller": "\(group)", "sinceLastLine": .number(count)])
    }
    return finding.isOverBudget
  }
}
