import Common
import CoreMetrics
import Logging
import NIOCore

/// Counts and tells of wrong tokens, and holds their refusals back where too many come from one address.
///
/// Belongs to its event loop.
struct WrongTokenGuard {
  static let help = [metric: "Requests with a token that is none of those configured."]

  static let budget = WrongTokens.Budget(tokens: 10, period: .seconds(10))
  /// Refusals beyond the budget of their address come so much later…
  static let delay = TimeAmount.milliseconds(500)
  /// …and so many of them may wait; others are told at once.
  static let maxDelayed = 128

  private static let metric = "holdfast_wrong_tokens_total"

  private var tokens = WrongTokens(budget: budget)
  private var delayed = 0
  private let count = Counter(label: metric)
  private let logger: Logger
  private let now: () -> ContinuousClock.Instant

  init(logger: Logger, now: @escaping () -> ContinuousClock.Instant) { (self.logger, self.now) = (logger, now) }

  /// A wrong token has come from this address.
  ///
  /// - Returns: whether its refusal is to be held back.
  mutating func note(client: String) -> Bool {
    count.increment()
    let group = AddressGroup(client)
    let finding = tokens.note(group, at: now())
    if let count = finding.lineWithCount {
      logger.warning("wrong tokens", metadata: ["client": "\(group)", "sinceLastLine": .number(count)])
    }
    return finding.isOverBudget
  }

  /// Whether a refusal may be held back now; then ``endDelay()`` must follow.
  mutating func beginDelay() -> Bool {
    guard delayed < Self.maxDelayed else { return false }
    delayed += 1
    return true
  }

  mutating func endDelay() {
    assert(delayed > 0, "each delay ends once")
    delayed -= 1
  }
}
