/// The last values of something that is looked at once a second, the oldest first.
struct RecentValues<Value: Equatable & Sendable>: Equatable, Sendable {
  static var most: Int { 60 }

  private(set) var all: [Value] = []

  mutating func append(_ value: Value) {
    if all.count == Self.most { all.removeFirst() }
    all.append(value)
  }
}
