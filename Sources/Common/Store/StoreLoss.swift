extension HealthReport.Store.Loss {
  /// Whether a process of ours can have written it.
  package var isWellFormed: Bool {
    [seenIdentity, foundIdentity].allSatisfy { $0.map(StoreEvidence.isName) ?? true }
      && [seenMark, foundMark].allSatisfy { $0.map(RFC3339.representable.contains) ?? true }
      && RFC3339.epochMilliseconds(of: since) != nil
  }

  /// What was seen last, and what was found in its place.
  package var words: String {
    let seen = "store \(Self.short(seenIdentity)) as of \(Self.instant(seenMark))"
    let found: String
    switch foundIdentity {
    case nil: found = "an empty store"
    case seenIdentity: found = "the same store as of \(Self.instant(foundMark))"
    case let identity?: found = "another store, \(Self.short(identity)), as of \(Self.instant(foundMark))"
    }
    return "Redis has lost data: last seen was \(seen), found was \(found)"
  }

  private static func short(_ identity: String?) -> String { identity.map { String($0.prefix(8)) } ?? "without a name" }

  private static func instant(_ mark: Int64?) -> String {
    mark.map { RFC3339.string(epochMilliseconds: $0) } ?? "an unknown time"
  }
}
