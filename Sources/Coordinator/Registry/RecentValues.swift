/// The last values of something that is measured once a second, the oldest first.
struct RecentValues<Value: Equatable & Sendable>: Equatable, Sendable {
  static var maxCount: Int { 60 }

  private(set) var all: [Value] = []

  mutating func append(_ value: Value) {
    if all.count == Self.maxCount { all.removeFirst() }
    all.append(value)
  }
}
