import Common

/// What the announcer asks of the node that it announces, and what it passes on to it.
protocol AnnouncedNode: Sendable {
  /// Yields on each change that the coordinator is to be told at once.
  var changes: AsyncStream<Void> { get }
  /// What the coordinator is told; nil before the node listens.
  func announcement() async throws -> Announcement?
  /// An operator wants this of the node.
  func want(_ wanted: Wanted)
  /// The coordinator has told what others have seen of the store.
  func heard(_ memory: StoreMemory)
}
