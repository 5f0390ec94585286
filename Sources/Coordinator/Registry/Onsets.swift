/// Since when each thing has been wrong. A look at the nodes shows what is wrong, but not since when.
///
/// Each look reads the onsets of the look before and makes new ones. What it does not note is over.
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
