/// The findings of a ``Judge``.
struct Verdict {
  /// A rule that no failover may break.
  enum Rule: String, CaseIterable {
    /// The counters of a SKU match its reservations, none is negative, and the total is unchanged.
    case balancedBooks = "balanced books"
    /// By what shoppers were told, held and sold pieces never exceeded the total at any instant.
    case neverOversold = "never oversold"
    /// A key whose effect still holds gets no other answer.
    case sameAnswer = "same answer"
    /// A key has one effect.
    case oneEffect = "one effect"
    /// A reservation has one end.
    case oneEnd = "one end"
    /// Changes reported outside the time of doubt are kept.
    case kept
    /// A request that was refused had no effect.
    case noPhantom = "no phantom"
    /// No reservation was ended without a request.
    case asked
    /// No hold ends before its deadline.
    case notEarly = "not early"
    /// The contents of a reservation do not change.
    case unaltered
  }

  struct Breach: CustomStringConvertible {
    let rule: Rule
    let what: String

    var description: String { "\(rule.rawValue): \(what)" }
  }

  /// The number of changes that shoppers were told about.
  var acknowledged = 0
  /// The keys of changes lost by a failover, by the kind of change.
  var missing: [String: [String]] = [:]
  /// Keys that were granted something and then refused it during a failover, by a server that was no longer the master.
  var misled: [String] = []
  /// Faults that no failover explains.
  var impossible: [Breach] = []

  var lost: Int { missing.values.reduce(0) { $0 + $1.count } }

  var summary: String {
    let kinds = missing.sorted { $0.key < $1.key }.map { "\($0.value.count) \($0.key)" }.joined(separator: ", ")
    let losses = lost == 0 ? "none lost" : "\(lost) lost (\(kinds))"
    return "\(acknowledged) changes acknowledged, \(losses), \(misled.count) misled"
  }
}
