/// What was seen of a store, and must still be there: its identity, and the last marks that were left in it.
///
/// Each process of a node raises a mark of its own, and nobody else's, and that only where it finds what it left there
/// last; else it begins a new one. So a store that was set back can't hide it: new marks appear in it, but those that had
/// been raised since stay behind what was seen of them.
package struct StoreEvidence: Codable, Equatable, Sendable {
  /// The newest are enough: who has lost an older one has lost them too.
  package static let maxMarks = 16
  private static let maxName = 64

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

  /// Takes in a mark that was seen in the store, or that somebody tells of.
  package mutating func add(_ mark: Int64, by name: String) {
    guard mark > marks[name] ?? 0 else { return }
    marks[name] = mark
    guard marks.count > Self.maxMarks else { return }
    // Equal marks have an order too, so that all who know the same keep the same.
    marks.min { ($0.value, $0.key) < ($1.value, $1.key) }.map { _ = marks.removeValue(forKey: $0.key) }
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

  /// Whether it can be what one of ours has written.
  package var isWellFormed: Bool {
    Self.isName(identity) && marks.count <= Self.maxMarks
      && marks.allSatisfy { Self.isName($0.key) && RFC3339.representable.contains($0.value) }
  }

  static func isName(_ text: String) -> Bool {
    (1...maxName).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }
}

/// What a probe found in the store, before it raised a mark of its own.
package struct StoreSight: Equatable, Sendable {
  /// Nil: it had none.
  package var identity: String?
  package var marks: [String: Int64]
  /// Marks up to this one may have been dropped, lest they become too many.
  package var floor: Int64

  package init(identity: String?, marks: [String: Int64] = [:], floor: Int64 = 0) {
    (self.identity, self.marks, self.floor) = (identity, marks, floor)
  }

  package var mark: Int64? { marks.values.max() }
}
