/// Since when things have been so that can be seen at any time, but not when they began.
struct Onsets: Sendable {
  struct Subject: Hashable, Sendable {
    var kind: String
    var node: String?
  }

  private var known: [Subject: Moment] = [:]
  private var seen: [Subject: Moment] = [:]

  /// A look at how things are begins.
  mutating func beginLook() { seen = [:] }

  /// It is so now.
  /// - Returns: since when, as far as this was looked at.
  mutating func note(_ kind: String, _ node: String? = nil, at now: Moment) -> Moment {
    let subject = Subject(kind: kind, node: node)
    let onset = known[subject] ?? seen[subject] ?? now
    seen[subject] = onset
    return onset
  }

  /// What was not noted is over.
  mutating func endLook() { known = seen }
}
