import Common

/// The nodes that are watched, decided purely: what they announce, how they answer, and what operators want of them.
struct Registry {
  typealias Instant = ContinuousClock.Instant

  /// A probe that is to be sent.
  struct Probe: Equatable, Sendable {
    var node: String
    var number: Int
    var url: String
    var began: Instant
  }

  enum Reception: Equatable, Sendable {
    /// - Parameter probe: it is worth asking the node at once.
    case taken(Wanted, probe: Bool)
    /// The process of this id that is known is alive, as far as is known; the node is to be asked which process it is,
    /// and the announcement to be taken in again.
    case unproven
  }

  /// A node that left is shown for so long; one that is to drain until room is needed, lest the mark be lost.
  static let leftShown = Duration.seconds(600)
  /// One that has been down for so long makes room for others.
  static let downLong = Duration.seconds(600)
  /// The announcement of a process that has just left may still have been on its way.
  private static let straggling = Duration.seconds(5)

  let mostNodes: Int
  let timing: VerdictTiming
  private let random: @Sendable () -> any RandomNumberGenerator
  private(set) var nodes: [String: WatchedNode] = [:]
  /// When each node is to be asked next: looked through for each round, for which the nodes are too large.
  private var dues: [String: Instant] = [:]
  private(set) var history: History
  private(set) var leadership: Leadership
  /// Rises with each change of what is kept over restarts.
  private(set) var revision = 0
  private var lastProbe = 0
  /// Requests per second of all nodes, and holds that are overdue.
  private(set) var rates = RecentValues<Double>()
  private(set) var overdue = RecentValues<Int>()
  let began: Moment

  /// - Parameter random: gives the source of chance for a node's probes.
  init(
    mostNodes: Int, timing: VerdictTiming = VerdictTiming(),
    random: @escaping @Sendable () -> any RandomNumberGenerator = { SystemRandomNumberGenerator() },
    contents: RegistryContents? = nil, at now: Moment
  ) {
    (self.mostNodes, self.timing, self.random, began) = (mostNodes, timing, random, now)
    history = History(contents?.history ?? [])
    leadership = contents?.leadership ?? Leadership()
    for kept in (contents?.nodes ?? []).prefix(mostNodes) { restore(kept, at: now) }
    guard let contents else { return }
    history.add(
      History.cluster, from: "not watched", to: "watched",
      because: "the coordinator started, with \(counted(contents.nodes.count, "node")) known from before", at: now)
  }

  private func machine(at now: Instant) -> VerdictMachine { VerdictMachine(timing: timing, random: random(), at: now) }

  private mutating func restore(_ kept: RegistryContents.Node, at now: Moment) {
    guard let url = ServerURL(kept.url) else { return }
    var node = WatchedNode(
      id: kept.id, bootID: kept.bootId, url: url, version: kept.version, machine: machine(at: now.instant),
      since: now.epochMilliseconds, reason: "the coordinator has just started", entered: now.instant)
    (node.wanted, node.wantedBy) = (kept.wanted, kept.wantedBy)
    if kept.state == .left {
      _ = node.machine.left()
      (node.since, node.reason) = (kept.since, kept.reason)
    } else {
      node.earlier = WatchedNode.Earlier(verdict: kept.state, since: kept.since, reason: kept.reason)
    }
    keep(node)
  }

  // MARK: - Announcements

  /// A node tells of itself.
  mutating func announce(_ announcement: Announcement, at now: Moment) throws(AnnouncementRefusal) -> Reception {
    let url = try announcement.checkedURL()
    guard var node = nodes[announcement.id] else {
      try makeRoom(at: now)
      return admit(announcement, url, at: now)
    }
    let isSame = node.bootID == announcement.bootId && node.url == url
    if !isSame, try keepsItsPlace(&node, against: announcement, url) {
      keep(node)
      return .unproven
    }
    if node.version != announcement.version { revision += 1 }
    (node.announced, node.version) = (now.instant, announcement.version)
    if !isSame || hasComeBack(node, at: now) {
      (node.bootID, node.url, node.claimant, node.earlier) = (announcement.bootId, url, nil, nil)
      (node.report, node.reported) = (nil, nil)
      apply(node.machine.startOver(because: "announced itself (boot id \(node.bootID))"), to: &node, at: now)
    }
    keep(node)
    return .taken(node.wanted, probe: isWorthAsking(node, announcement, at: now))
  }

  private mutating func admit(_ announcement: Announcement, _ url: ServerURL, at now: Moment) -> Reception {
    var node = WatchedNode(
      id: announcement.id, bootID: announcement.bootId, url: url, version: announcement.version,
      machine: machine(at: now.instant), since: now.epochMilliseconds, reason: "announced itself",
      entered: now.instant)
    node.announced = now.instant
    keep(node)
    revision += 1
    history.add(node.id, from: "NEW", to: Verdict.unknown.rawValue, because: "announced itself at \(url.text)", at: now)
    return .taken(node.wanted, probe: true)
  }

  /// Whether the process that is known may not be replaced yet by the one that announces itself.
  private func keepsItsPlace(
    _ node: inout WatchedNode, against announcement: Announcement, _ url: ServerURL
  ) throws(AnnouncementRefusal) -> Bool {
    guard node.machine.verdict.isAlive || node.machine.verdict == .unknown else { return false }
    guard node.url == url else {
      throw .idTaken("\(node.id) is watched at \(node.url.text), and has not been found dead there")
    }
    guard node.claimant != announcement.bootId else {
      throw .idTaken("another process serves as \(node.id) at \(node.url.text)")
    }
    node.claimant = announcement.bootId
    return true
  }

  /// The same process announces itself again, though it has left: not just an announcement that came late.
  private func hasComeBack(_ node: WatchedNode, at now: Moment) -> Bool {
    node.machine.verdict == .left && now.instant - node.entered > Self.straggling
  }

  /// It tells what the last probe did not.
  private func isWorthAsking(_ node: WatchedNode, _ announcement: Announcement, at now: Moment) -> Bool {
    guard node.machine.hasRested(at: now.instant) else { return false }
    switch node.machine.verdict {
    case .unknown, .down: return true
    case .up, .suspect, .recovering, .draining: return node.report?.state.rawValue != announcement.state
    case .left: return false
    }
  }

  /// At the price of a node that nobody misses, if need be.
  private mutating func makeRoom(at now: Moment) throws(AnnouncementRefusal) {
    guard nodes.count >= mostNodes else { return }
    let departed = nodes.values.filter { node in
      node.machine.verdict == .left
        || node.machine.verdict == .down && now.instant - node.entered > Self.downLong
    }
    func rank(_ node: WatchedNode) -> (Int, Instant, Int64) {
      (node.machine.verdict == .left ? 0 : 1, node.entered, node.since)
    }
    guard let least = departed.min(by: { rank($0) < rank($1) }) else { throw .tooMany }
    forget(least.id)
  }

  private mutating func forget(_ id: String) {
    nodes[id] = nil
    dues[id] = nil
    revision += 1
  }

  /// A node has ended its service.
  mutating func leave(id: String, bootID: String, at now: Moment) throws(AnnouncementRefusal) {
    guard var node = nodes[id] else { throw .unknownNode }
    guard node.bootID == bootID else { throw .idTaken("another process (boot id \(node.bootID)) is watched as \(id)") }
    guard let transition = node.machine.left() else { return }
    apply(transition, to: &node, at: now)
    keep(node)
  }

  /// - Returns: false if there is no such node.
  mutating func want(_ wanted: Wanted, of id: String, by operatorName: String, at now: Moment) -> Bool {
    guard var node = nodes[id] else { return false }
    guard node.wanted != wanted else { return true }
    history.add(
      id, from: node.wanted.rawValue, to: wanted.rawValue,
      because: "\(operatorName.clipped(to: 64)) wants it to \(wanted.rawValue)", at: now)
    (node.wanted, node.wantedBy) = (wanted, operatorName.clipped(to: 64))
    keep(node)
    revision += 1
    return true
  }

  // MARK: - Probes

  /// When the next probe is due; nil if none is.
  var wakeUp: Instant? { dues.values.min() }

  /// Starts the probes that are due, or will be by `horizon`.
  mutating func startProbes(due horizon: Instant, at now: Instant) -> [Probe] {
    let due = dues.filter { $0.value <= horizon }.keys
    return due.compactMap { startProbe(of: $0, at: now) }
  }

  /// Starts a probe, due or not; nil if the node is not there or must not be asked.
  mutating func startProbe(of id: String, at now: Instant) -> Probe? {
    guard var node = nodes[id], node.machine.start(probe: lastProbe + 1, at: now) else { return nil }
    lastProbe += 1
    keep(node)
    return Probe(node: id, number: lastProbe, url: node.url.text + "/health", began: now)
  }

  private mutating func keep(_ node: WatchedNode) {
    nodes[node.id] = node
    dues[node.id] = node.machine.wakeUp
  }

  /// A probe has ended.
  /// - Parameter isHeld: whether a failure may be held against the node.
  mutating func ended(
    _ probe: Probe, with result: Result<HealthReport, ProbeFailure>, took: Duration, isHeld: Bool, at now: Moment
  ) {
    // It may have left, or moved, while it was asked.
    guard var node = nodes[probe.node], node.machine.awaits(probe.number) else { return }
    let isNewest = node.machine.isNewest(probe.number)
    node.probes.total += 1
    if isNewest { node.probes.lastEnded = now.instant }
    switch result.flatMap({ identify($0, node) }) {
    case .success(let report): answered(&node, probe, report, took, isNewest: isNewest, at: now)
    case .failure(let failure):
      node.probes.failed += 1
      if isNewest {
        node.probes.lastTook = nil
        node.probes.lastFailure = isHeld ? failure.words : "\(failure.words), while the coordinator itself was late"
      }
      let transition = node.machine.failed(
        probe: probe.number, because: failure.words, isHeld: isHeld, at: now.instant)
      apply(transition, to: &node, at: now)
    }
    keep(node)
  }

  /// Whoever answers must be the process that is known, or the one that announced itself in its place.
  private func identify(_ report: HealthReport, _ node: WatchedNode) -> Result<HealthReport, ProbeFailure> {
    guard report.nodeId == node.id else { return .failure(.otherNode(id: report.nodeId)) }
    guard report.bootId == node.bootID || report.bootId == node.claimant else {
      return .failure(.otherProcess(bootID: report.bootId))
    }
    return .success(report)
  }

  private mutating func answered(
    _ node: inout WatchedNode, _ probe: Probe, _ report: HealthReport, _ took: Duration, isNewest: Bool, at now: Moment
  ) {
    // An answer that was overtaken tells of the past.
    guard isNewest else {
      _ = node.machine.answered(probe: probe.number, isDraining: false, at: now.instant)
      return
    }
    (node.probes.lastTook, node.probes.lastFailure) = (took, nil)
    (node.report, node.reported) = (report, now.instant)
    // One of another form could be kept, but not loaded again.
    if report.version != node.version, Announcement.isVersion(report.version) {
      node.version = report.version
      revision += 1
    }
    let isDraining = report.state == .draining
    if report.bootId == node.bootID {
      apply(node.machine.answered(probe: probe.number, isDraining: isDraining, at: now.instant), to: &node, at: now)
    } else {
      (node.bootID, node.claimant, node.earlier) = (report.bootId, nil, nil)
      note(leadership.ended(node.id, because: "\(node.id) restarted"), at: now)
      let transition = node.machine.tookOver(
        probe: probe.number, isDraining: isDraining, because: "restarted: it answers as boot id \(report.bootId)")
      apply(transition, to: &node, at: now)
    }
    note(leadership.heard(report.lease, from: node.id, at: now), at: now)
  }

  private mutating func apply(_ transition: VerdictMachine.Transition?, to node: inout WatchedNode, at now: Moment) {
    guard let transition else { return }
    revision += 1
    node.entered = now.instant
    defer { node.earlier = nil }
    // As it was before the coordinator restarted: nothing has changed but our knowledge.
    if let earlier = node.earlier, earlier.verdict == transition.to {
      (node.since, node.reason) = (earlier.since, earlier.reason)
      return
    }
    (node.since, node.reason) = (now.epochMilliseconds, transition.reason)
    if transition.to == .draining, let operatorName = node.wantedBy, node.wanted == .drain {
      node.reason = "drained by \(operatorName)"
    }
    history.add(
      node.id, from: (node.earlier?.verdict ?? transition.from).rawValue, to: transition.to.rawValue,
      because: node.reason, at: now)
    if transition.to == .down || transition.to == .left {
      note(leadership.ended(node.id, because: "\(node.id) is \(transition.to.rawValue)"), at: now)
    }
  }

  private mutating func note(_ change: Leadership.Change?, at now: Moment) {
    guard let change else { return }
    revision += 1
    history.add(History.cluster, from: change.from, to: change.to, because: change.reason, at: now)
  }

  // MARK: - Time

  /// To be called once a second.
  /// - Parameter isLate: the coordinator itself was woken late.
  mutating func sample(at now: Moment, isLate: Bool = false) {
    var (rate, backlog) = (0.0, 0)
    for id in nodes.keys {
      nodes[id]!.sample(at: now.instant)
      guard let report = nodes[id]!.freshReport(at: now.instant) else { continue }
      rate += report.requests.ratePerSecond
      // All nodes see the same store.
      backlog = max(backlog, report.sweeper.backlog ?? 0)
    }
    rates.append(rate)
    overdue.append(backlog)
    note(leadership.tick(at: now, isLate: isLate), at: now)
    let gone = nodes.values.filter {
      $0.machine.verdict == .left && $0.wanted == .serve && now.instant - $0.entered > Self.leftShown
    }
    for node in gone { forget(node.id) }
  }

  /// What has changed since this was last called.
  mutating func takeNews() -> [History.Entry] { history.takeNews() }
}
