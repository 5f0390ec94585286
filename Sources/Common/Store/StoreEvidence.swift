/// What was seen of a store and must still be there: its identity, and the last marks that were left in it.
///
/// Each process of a node raises one mark, its own. It raises the mark only if it finds there what it left last;
/// otherwise it begins a new mark. So a store that was set back can't hide it: new marks appear, but the old ones stay
/// behind what was seen of them.
package struct StoreEvidence: Codable, Equatable, Sendable {
  /// The newest marks are enough: a store that has lost an older one has lost them too.
  package static let maxMarks = 16
  private static let maxNameBytes = 64

  package private(set) var identity: String
  /// Epoch milliseconds, by the name of the mark.
  package private(set) var marks: [String: Int64]

  package init(identity: String, marks: [String: Int64] = [:]) {
    self.identity = identity
    self.marks = [:]
    for (name, mark) in marks { add(mark, by: name) }
  }

  /// The highest of all marks.
  package var mark: Int64? { marks.values.max() }

  /// The mark that was left last, and its name.
  package var newest: (name: String, mark: Int64)? {
    marks.max { ($0.value, $0.key) < ($1.value, $1.key) }.map { ($0.key, $0.value) }
  }

  /// Adds a mark that was seen in the store, or that somebody tells of.
  package mutating func add(_ mark: Int64, by name: String) {
    guard mark > marks[name] ?? 0 else { return }
    marks[name] = mark
    guard marks.count > Self.maxMarks else { return }
    // Equal marks have an order too, so that all who know the same marks keep the same ones.
    marks.min { ($0.value, $0.key) < ($1.value, $1.key) }.map { _ = marks.removeValue(forKey: $0.key) }
    assert(marks.count <= Self.maxMarks, "what comes from outside is judged before it is added to")
  }

  package mutating func add(_ other: StoreEvidence) {
    for (name, mark) in other.marks { add(mark, by: name) }
  }

  /// Whether all of it is in the store that was found.
  package func isHeld(by sight: StoreSight) -> Bool {
    sight.identity == identity && marksAreHeld(by: sight)
  }

  package func marksAreHeld(by sight: StoreSight) -> Bool {
    marks.allSatisfy { name, mark in max(sight.marks[name] ?? 0, sight.floor) >= mark }
  }

  /// Whether a process of ours can have written it.
  package var isWellFormed: Bool {
    Self.isName(identity) && marks.count <= Self.maxMarks
      && marks.allSatisfy { Self.isName($0.key) && RFC3339.representable.contains($0.value) }
  }

  static func isName(_ text: String) -> Bool {
    (1...maxNameBytes).contains(text.utf8.count) && text.utf8.allSatisfy(\.isVisibleASCII)
  }
}

/// What a probe found in the store, before it raised a mark of its own.
package struct StoreSight: Equatable, Sendable {
  /// Nil if it had none.
  package var identity: String?
  package var marks: [String: Int64]
  /// Marks up to this one may have been dropped, so that there are never too many.
  package var floor: Int64

  package init(identity: String?, marks: [String: Int64] = [:], floor: Int64 = 0) {
    (self.identity, self.marks, self.floor) = (identity, marks, floor)
  }

  package var mark: Int64? { marks.values.max() }
}
