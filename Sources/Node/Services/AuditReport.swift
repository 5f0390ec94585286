import Store

extension AuditService {
  struct Violation: Equatable, Sendable {
    enum Rule: String, Sendable {
      /// `total`, `available`, `reserved` and `sold` are there, and none is negative.
      case countersNotNegative = "counters-not-negative"
      /// The three counters and two indexes are what they must be; one that is not counts as 0 in other rules.
      case keysReadable = "keys-readable"
      /// The reservation behind each entry of an index can be read.
      case recordsReadable = "records-readable"
      /// A hold is indexed under its own deadline.
      case deadlinesIndexed = "deadlines-indexed"
      /// No key that must stay would vanish by itself.
      case noExpiry = "no-expiry"
      /// What stands in the index of SKUs is a SKU.
      case indexReadable = "index-readable"
      /// A SKU that has keys stands in that index.
      case listed
      case reservedEqualsActive = "reserved-equals-active-holds"
      case soldEqualsConfirmed = "sold-equals-confirmed"
    }

    /// Nil for what all SKUs share.
    var sku: SKU?
    var rule: Rule
    /// What the reservations add up to, and what the counter says.
    var expected: Int
    var found: Int
  }

  /// What a slice has found.
  struct Report: Sendable {
    var skus = 0
    var violations: [Violation] = []
    /// SKUs that no count speaks for: they changed under each, or were too large for the time.
    var unverified: [SKU] = []
    var next: Cursor?
  }
}

extension AuditService.Report {
  typealias Violation = AuditService.Violation

  /// Members of the index that are no SKUs are told without a SKU, by one violation that counts them.
  mutating func note(_ rows: [StockRepository.Row]) {
    let foreign = rows.count { $0.content == .foreign }
    guard foreign > 0 else { return }
    if let known = violations.firstIndex(where: { $0.rule == .indexReadable }) {
      violations[known].found += foreign
    } else {
      violations.append(Violation(sku: nil, rule: .indexReadable, expected: 0, found: foreign))
    }
  }

  mutating func note(_ step: AuditRepository.Search) {
    add(of: nil, [(.keysReadable, step.unreadable), (.noExpiry, step.lapsing)])
    // Keys of a SKU may stand far apart.
    for sku in step.skus where !violations.contains(where: { $0.sku == sku && $0.rule == .listed }) {
      violations.append(Violation(sku: sku, rule: .listed, expected: 1, found: 0))
    }
  }

  mutating func note(_ count: AuditCount, of sku: SKU) {
    skus += 1
    let reserved = count.total - count.available - count.sold
    for counter in [count.total, count.available, reserved, count.sold] where counter < 0 {
      violations.append(Violation(sku: sku, rule: .countersNotNegative, expected: 0, found: counter))
    }
    if reserved != count.active {
      violations.append(Violation(sku: sku, rule: .reservedEqualsActive, expected: count.active, found: reserved))
    }
    // Sales past their retention are gone, and may make up the difference.
    if count.sold < count.confirmed || (count.lapsed == 0 && count.sold != count.confirmed) {
      violations.append(Violation(sku: sku, rule: .soldEqualsConfirmed, expected: count.confirmed, found: count.sold))
    }
    add(
      of: sku,
      [
        (.keysReadable, count.unreadable), (.recordsReadable, count.unrecorded), (.deadlinesIndexed, count.misdated),
        (.noExpiry, count.lapsing),
      ])
  }

  /// A violation of each rule that allows none, where some were found.
  private mutating func add(of sku: SKU?, _ counts: [(rule: Violation.Rule, found: Int)]) {
    for (rule, found) in counts where found > 0 {
      violations.append(Violation(sku: sku, rule: rule, expected: 0, found: found))
    }
  }
}
