import Common

/// What has changed, and when. The newest is last.
struct History: Sendable {
  struct Entry: Codable, Equatable, Sendable {
    var at: Int64
    /// A node, or `cluster` for changes of leadership and of the coordinator itself.
    var subject: String
    var from: String
    var to: String
    var reason: String
  }

  static let cluster = "cluster"
  /// What becomes of a node that is watched no more.
  static let forgotten = "FORGOTTEN"
  /// So many are kept.
  static let most = 500
  private static let maxReason = 300

  private(set) var entries: [Entry]
  /// Not yet taken for the log.
  private var news: [Entry] = []

  init(_ entries: [Entry] = []) { self.entries = entries.suffix(Self.most) }

  mutating func add(_ subject: String, from: String, to: String, because reason: String, at now: Moment) {
    let entry = Entry(
      at: now.epochMilliseconds, subject: subject, from: from, to: to, reason: reason.clipped(to: Self.maxReason))
    if entries.count == Self.most { entries.removeFirst() }
    entries.append(entry)
    news.append(entry)
  }

  /// Those that came since this was last called, the oldest first.
  mutating func takeNews() -> [Entry] {
    defer { news = [] }
    return news
  }
}
