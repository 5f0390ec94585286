/// How long a node that is gone is kept, and which one gives way when there is no room for another.
///
/// A drain mark must not be lost with its node. So a node that is to drain is kept until its place is needed.
enum Retention {
  typealias Instant = ContinuousClock.Instant

  /// A node that has left is shown for so long.
  static let maxLeft = Duration.seconds(600)
  /// A node that is down and silent is shown for so long.
  static let maxDown = Duration.seconds(86_400)
  /// A node that has been down for so long gives way to another.
  static let minDownToGiveWay = Duration.seconds(600)

  /// Whether its time is over.
  static func isOver(for node: WatchedNode, at now: Instant) -> Bool {
    guard node.wanted == .serve else { return false }
    return switch node.detector.status {
    case .left: now - node.entered > maxLeft
    case .down: now - max(node.entered, node.announced ?? node.entered) > maxDown
    case .unknown, .up, .suspect, .recovering, .draining: false
    }
  }

  /// The node that gives way: first those that have left, then those long down, the oldest first. Nil if there is none.
  static func leastMissed(of nodes: some Sequence<WatchedNode>, at now: Instant) -> WatchedNode? {
    func rank(_ node: WatchedNode) -> (Int, Instant, Int64) {
      (node.detector.status == .left ? 0 : 1, node.entered, node.since)
    }
    return nodes.filter { givesWay($0, at: now) }.min { rank($0) < rank($1) }
  }

  private static func givesWay(_ node: WatchedNode, at now: Instant) -> Bool {
    switch node.detector.status {
    case .left: true
    case .down: now - node.entered > minDownToGiveWay
    case .unknown, .up, .suspect, .recovering, .draining: false
    }
  }
}
