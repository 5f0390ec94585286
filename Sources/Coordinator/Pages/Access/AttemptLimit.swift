import Common
import Logging
import Synchronization

/// Bounds how many wrong tokens of one address are told to be wrong, and keeps the log from filling with them.
///
/// A right token is let through whatever else came from its address: otherwise whoever sends wrong ones would lock the
/// operators out, all of them where a proxy stands in front. Guessing is hopeless by the length of the tokens.
final class AttemptLimit: Sendable {
  static let budget = WrongTokens.Budget(tokens: 5, period: .seconds(1))

  private let wrong = Mutex(WrongTokens(budget: budget))
  private let now: @Sendable () -> ContinuousClock.Instant
  private let logger: Logger

  init(logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.logger = logger
    self.now = now
  }

  /// Notes a wrong token, and tells of it in the log if that is due.
  ///
  /// - Returns: whether too many came from that address within this second.
  @discardableResult
  func failed(_ message: Logger.Message, caller: String) -> Bool {
    let group = AddressGroup(caller)
    let finding = wrong.withLock { $0.note(group, at: now()) }
    if let count = finding.lineWithCount {
      logger.warning(message, metadata: ["caller": "\(group)", "sinceLastLine": .number(count)])
    }
    return finding.isOverBudget
  }
}
