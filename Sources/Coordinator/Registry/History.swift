import Common

/// What has changed, and when. The newest comes last.
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
  /// Stands for the state of a node that is no longer watched.
  static let forgotten = "FORGOTTEN"
  static let maxEntries = 500
  private static let maxReasonBytes = 300

  private(set) var entries: [Entry]
  /// Not yet taken for the log.
  private var news: [Entry] = []

  init(_ entries: [Entry] = []) { self.entries = entries.suffix(Self.maxEntries) }

  mutating func add(_ subject: String, from: String, to: String, because reason: String, at now: Moment) {
    let entry = Entry(
      at: now.epochMilliseconds, subject: subject, from: from, to: to, reason: reason.clipped(to: Self.maxReasonBytes))
    if entries.count == Self.maxEntries { entries.removeFirst() }
    entries.append(entry)
    news.append(entry)
    assert(entries.count <= Self.maxEntries)
  }

  /// The entries since this was last called, the oldest first.
  mutating func takeNews() -> [Entry] {
    defer { news = [] }
    return news
  }
}
