/// Who has presented wrong tokens lately, and how many: decides what is told of it, and who has used up a budget.
///
/// Bounded, whoever comes: the least recent addresses are forgotten when there are too many.
package struct WrongTokens: Sendable {
  package struct Budget: Sendable {
    /// So many wrong tokens of one address within `period` are looked at as any other.
    package var tokens: Int
    package var period: Duration

    package init(tokens: Int, period: Duration) { (self.tokens, self.period) = (tokens, period) }
  }

  /// What follows from one more wrong token.
  package struct Finding: Equatable, Sendable {
    package var isOverBudget: Bool
    /// Wrong tokens of the address since the last line about it; nil if no line is due.
    package var lineWithCount: Int?
  }

  /// Of each address there is a line at most so often, and so many lines of all of them together.
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
  // Two generations: when the younger is full it becomes the older, and that is forgotten. Cheaper than a list by age.
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
    return finding
  }

  private mutating func takeLine(at now: ContinuousClock.Instant) -> Bool {
    if lines.map({ now - $0.began >= Self.linePause }) ?? true { lines = (now, 0) }
    guard let count = lines?.count, count < Self.maxLines else { return false }
    lines?.count = count + 1
    return true
  }
}
