/// Who has sent wrong tokens lately, and how many. It decides what the log tells of that, and who has used up a budget.
///
/// It is bounded, whoever comes: when there are too many addresses, the least recent ones are forgotten.
package struct WrongTokens: Sendable {
  package struct Budget: Sendable {
    /// So many wrong tokens of one address within `period` get an answer as any other.
    package var tokens: Int
    package var period: Duration

    package init(tokens: Int, period: Duration) {
      precondition(tokens > 0 && period > .zero)
      (self.tokens, self.period) = (tokens, period)
    }
  }

  /// What follows from one more wrong token.
  package struct Finding: Equatable, Sendable {
    package var isOverBudget: Bool
    /// Wrong tokens of the address since the last line about it; nil if no line is due.
    package var lineWithCount: Int?
  }

  /// Within this there is one log line of each address, and so many of all addresses together.
  package static let linePause = Duration.seconds(60)
  package static let maxLines = 20
  package static let maxAddresses = 2048

  private struct Entry {
    var periodBegan: ContinuousClock.Instant
    var inPeriod = 0
    var lineAt: ContinuousClock.Instant?
    var sinceLine = 0
  }

  private let budget: Budget
  // Two generations. When the younger one is full, it takes the place of the older one, which is forgotten. That is
  // cheaper than a list by age.
  private var young: [AddressGroup: Entry] = [:]
  private var old: [AddressGroup: Entry] = [:]
  private var lines: (began: ContinuousClock.Instant, count: Int)?

  package init(budget: Budget) { self.budget = budget }

  package var addresses: Int { young.count + old.count }

  package mutating func note(_ address: AddressGroup, at now: ContinuousClock.Instant) -> Finding {
    var entry = young[address] ?? old.removeValue(forKey: address) ?? Entry(periodBegan: now)
    if now - entry.periodBegan >= budget.period { (entry.periodBegan, entry.inPeriod) = (now, 0) }
    entry.inPeriod += 1
    entry.sinceLine += 1
    var finding = Finding(isOverBudget: entry.inPeriod > budget.tokens, lineWithCount: nil)
    if entry.lineAt.map({ now - $0 >= Self.linePause }) ?? true, takeLine(at: now) {
      finding.lineWithCount = entry.sinceLine
      (entry.lineAt, entry.sinceLine) = (now, 0)
    }
    if young[address] == nil, young.count >= Self.maxAddresses / 2 { (old, young) = (young, [:]) }
    young[address] = entry
    assert(addresses <= Self.maxAddresses)
    return finding
  }

  private mutating func takeLine(at now: ContinuousClock.Instant) -> Bool {
    if lines.map({ now - $0.began >= Self.linePause }) ?? true { lines = (now, 0) }
    guard let count = lines?.count, count < Self.maxLines else { return false }
    lines?.count = count + 1
    return true
  }
}
