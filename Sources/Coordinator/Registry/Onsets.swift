/// Since when things have been so that can be seen at any time, but not when they began.
///
/// A look reads the onsets of the look before, and makes those of the next: whatever it did not note is over.
struct Onsets: Sendable {
  struct Subject: Hashable, Sendable {
    var kind: String
    var node: String?
  }

  private var known: [Subject: Moment] = [:]

  /// Nil: it was not so at the last look.
  subscript(kind: String, node: String?) -> Moment? {
    get { known[Subject(kind: kind, node: node)] }
    set { known[Subject(kind: kind, node: node)] = newValue }
  }
}
