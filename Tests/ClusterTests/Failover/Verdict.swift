/// What a ``Judge`` found.
struct Verdict {
  /// A rule that no failover may break.
  enum Rule: String, CaseIterable {
    /// The counters of a SKU are those of its reservations, none is negative, the total is as it was.
    case balancedBooks = "balanced books"
    /// Never more was held and sold at one instant than there was, as shoppers were told.
    case neverOversold = "never oversold"
    /// A key whose effect still stands is told nothing else.
    case sameAnswer = "same answer"
    /// A key has one effect.
    case oneEffect = "one effect"
    /// A reservation has one end.
    case oneEnd = "one end"
    /// What was told while no failover was near is still so.
    case kept
    /// What was told "not done" was not.
    case noPhantom = "no phantom"
    /// Nothing has come to an end that nobody asked for.
    case asked
    /// No hold ends before its deadline.
    case notEarly = "not early"
    /// What a reservation was made of does not change.
    case unaltered
  }

  struct Breach: CustomStringConvertible {
    let rule: Rule
    let what: String

    var description: String { "\(rule.rawValue): \(what)" }
  }

  /// Changes that shoppers were told of.
  var acknowledged = 0
  /// Those that a failover has lost: keys, by what the change was.
  var missing: [String: [String]] = [:]
  /// Keys that were refused, during a failover, what they had been granted: by a server that was no longer the master.
  var misled: [String] = []
  /// What no failover explains.
  var impossible: [Breach] = []

  var lost: Int { missing.values.reduce(0) { $0 + $1.count } }

  var summary: String {
    let kinds = missing.sorted { $0.key < $1.key }.map { "\($0.value.count) \($0.key)" }.joined(separator: ", ")
    let losses = lost == 0 ? "none lost" : "\(lost) lost (\(kinds))"
    return "\(acknowledged) changes acknowledged, \(losses), \(misled.count) misled"
  }
}
