/// All requests and answers about one reservation key, and what Redis has of it.
struct Story {
  let key: String
  /// The reserve comes first, then the steps in order.
  let entries: [LedgerEntry]
  /// The reservations whose reference is the key, by ID.
  let found: [String: StoreSnapshot.Reservation]

  static func all(of ledger: Ledger, in snapshot: StoreSnapshot) -> [Story] {
    let found = Dictionary(grouping: snapshot.reservations) { $0.value.reference ?? "" }
    return Dictionary(grouping: ledger.entries, by: \.reservation).map { key, entries in
      Story(
        key: key,
        entries: entries.filter { $0.purpose == .reserve } + entries.filter { $0.purpose != .reserve },
        found: Dictionary(uniqueKeysWithValues: (found[key] ?? []).map { ($0.key, $0.value) }))
    }
  }

  /// Whether the reported state still holds, or became a state that may follow it.
  ///
  /// - Parameter isOnly: whether the key got no other success.
  func stands(_ telling: Telling, of entry: LedgerEntry, isOnly: Bool) -> Bool {
    guard let record = found[telling.id] else { return false }
    let told = telling.state
    switch entry.purpose {
    case .reserve: return true
    // A later extend may have moved the deadline.
    case .extend: return isOnly ? record.expiresAt >= told.expiresAt : record.expiresAt == told.expiresAt
    case .confirm: return record.status == told.status && record.confirmedAt == told.confirmedAt
    case .cancel:
      // An expired hold is reported as expired, whether or not it is swept yet.
      let isAlike = record.status == told.status || told.status == "EXPIRED" && !record.isFinal
      return isAlike && record.expiresAt == told.expiresAt && record.cancelledAt == told.cancelledAt
    }
  }

  /// The span during which shoppers knew for certain that it was held. It has no end if it is sold. Nil if they never
  /// knew.
  var certainlyHeld: (items: [String: Int], span: Range<Int>)? {
    guard let telling = entries.first?.tellings.first, let record = found[telling.id],
      let told = telling.instants.min()
    else { return nil }
    let cancel = entries.filter { $0.kind == "cancel" }.flatMap(\.attempts).map(\.span.lowerBound).min()
    let end = record.status == "CONFIRMED" ? .max : min(cancel ?? .max, record.expiresAt)
    return told < end ? (record.items, told..<end) : nil
  }
}
