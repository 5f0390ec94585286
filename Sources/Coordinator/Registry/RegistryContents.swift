import Common

/// What is kept of the registry over restarts.
struct RegistryContents: Codable, Equatable, Sendable {
  static let format = "holdfast-coordinator-registry"
  static let version = 1
  /// Longer than any that is written.
  private static let maxText = 1000

  struct Node: Codable, Equatable, Sendable {
    var id: String
    var bootId: String
    var url: String
    var version: String
    var wanted: Wanted
    var wantedBy: String?
    var state: NodeStatus
    var since: Int64
    var reason: String
  }

  var format = RegistryContents.format
  var version = RegistryContents.version
  var nodes: [Node]
  var history: [History.Entry]
  var leader: LeaderTracker.Term?
  var isLeaderGone: Bool
  var failovers: Int
  /// Not in files of earlier versions.
  var store: StoreMemory?

  var leaderTracker: LeaderTracker { LeaderTracker(last: leader, isVacant: isLeaderGone, failovers: failovers) }

  /// What keeps it from being a registry of ours; nil if nothing does.
  var fault: String? {
    guard format == Self.format else { return "it is another kind of file" }
    guard version == Self.version else { return "it is of version \(version)" }
    guard Set(nodes.map(\.id)).count == nodes.count else { return "a node stands in it twice" }
    for node in nodes {
      let announcement = Announcement(
        id: node.id, bootId: node.bootId, url: node.url, version: node.version,
        state: HealthReport.State.serving.rawValue)
      if (try? announcement.checkedURL()) == nil { return "node \(node.id.clipped(to: 64)) is not as it should be" }
    }
    guard store?.isWellFormed ?? true else { return "what it says of the store can't be" }
    guard texts.allSatisfy({ $0.utf8.count <= Self.maxText }) else { return "a text in it is too long" }
    // To count on from there must not overflow.
    guard instants.allSatisfy(RFC3339.representable.contains), (0..<Int.max / 2).contains(failovers) else {
      return "a number in it can't be"
    }
    return nil
  }

  private var texts: [String] {
    nodes.flatMap { [$0.reason, $0.wantedBy ?? ""] } + history.flatMap { [$0.subject, $0.from, $0.to, $0.reason] }
      + [leader?.id ?? ""]
  }

  private var instants: [Int64] { nodes.map(\.since) + history.map(\.at) + [leader?.since ?? 0] }
}

extension Registry {
  var contents: RegistryContents {
    RegistryContents(
      nodes: nodes.values.sorted { $0.id < $1.id }.map(RegistryContents.Node.init), history: history.entries,
      leader: leaderTracker.last, isLeaderGone: leaderTracker.isVacant, failovers: leaderTracker.failovers,
      store: store)
  }
}

extension RegistryContents.Node {
  fileprivate init(_ node: WatchedNode) {
    // It has not been judged since the last restart, so what was known then is all that is known.
    let earlier = node.detector.status == .unknown ? node.earlier : nil
    self.init(
      id: node.id, bootId: node.bootID, url: node.url.text, version: node.version, wanted: node.wanted,
      wantedBy: node.wantedBy, state: earlier?.status ?? node.detector.status, since: earlier?.since ?? node.since,
      reason: earlier?.reason ?? node.reason)
  }
}

extension WatchedNode {
  /// A node that was known before the coordinator restarted; nil if its URL can't be used.
  init?(_ kept: RegistryContents.Node, detector: FailureDetector, at now: Moment) {
    guard let url = ServerURL(kept.url) else { return nil }
    self.init(
      id: kept.id, bootID: kept.bootId, url: url, version: kept.version, detector: detector,
      since: now.epochMilliseconds, reason: "the coordinator has just started", entered: now.instant)
    (wanted, wantedBy) = (kept.wanted, kept.wantedBy)
    // Only the time of day tells how long the coordinator was gone. It decides nothing before the node is judged.
    let entered = now.instant - .milliseconds(max(0, now.epochMilliseconds - kept.since))
    if kept.state == .left {
      _ = self.detector.left()
      (since, self.entered, reason) = (kept.since, entered, kept.reason)
    } else {
      earlier = Earlier(status: kept.state, since: kept.since, entered: entered, reason: kept.reason)
    }
  }
}
