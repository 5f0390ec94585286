import Common

/// The nodes that are watched, decided purely: what they announce, how they answer, and what operators want of them.
struct Registry {
  typealias Instant = ContinuousClock.Instant

  enum Reception: Equatable, Sendable {
    /// - Parameter probe: it is worth asking the node at once.
    case taken(Wanted, probe: Bool)
    /// The known process of this id is alive, as far as is known. Ask the node which process it is, then announce
    /// again.
    case unproven
  }

  let maxNodes: Int
  let timing: FailureDetectorTiming
  private let random: @Sendable () -> any RandomNumberGenerator
  private(set) var nodes: [String: WatchedNode] = [:]
  /// When each node is to be asked next. Kept apart, since each round looks through all of them, and nodes are large.
  private var dues: [String: Instant] = [:]
  private(set) var history: History
  private(set) var leaderTracker: LeaderTracker
  /// Rises with each change of what is kept over restarts.
  private(set) var revision = 0
  private var knownStore: KnownStore
  private var lastProbe = 0
  /// Requests per second of all nodes, and holds that are overdue.
  private(set) var rates = RecentValues<Double>()
  private(set) var overdue = RecentValues<Int>()
  /// How long what is wrong has been so, by the last ``inspect(_:at:)``.
  private(set) var onsets = Onsets()
  let began: Moment

  /// - Parameter random: gives the source of chance for a node's probes.
  init(
    maxNodes: Int, timing: FailureDetectorTiming = FailureDetectorTiming(),
    random: @escaping @Sendable () -> any RandomNumberGenerator = { SystemRandomNumberGenerator() },
    contents: RegistryContents? = nil, at now: Moment
  ) {
    precondition(maxNodes > 0, "a registry without room is of no use")
    timing.check()
    precondition(Rivals.minInsistence > timing.worstDetection, "a restarted node must not pass for a rival of itself")
    precondition(WatchedNode.freshness > timing.interval * (1 + timing.jitter) + timing.timeout, "reports must overlap")
    (self.maxNodes, self.timing, self.random, began) = (maxNodes, timing, random, now)
    history = History(contents?.history ?? [])
    leaderTracker = contents?.leaderTracker ?? LeaderTracker()
    knownStore = KnownStore(contents?.store ?? StoreMemory())
    for kept in (contents?.nodes ?? []).prefix(maxNodes) {
      if let node = WatchedNode(kept, detector: detector(at: now.instant), at: now) { keep(node) }
    }
    guard let contents else { return }
    history.add(
      History.cluster, from: "not watched", to: "watched",
      because: "the coordinator started, with \(counted(contents.nodes.count, "node")) known from before", at: now)
  }

  private func detector(at now: Instant) -> FailureDetector {
    FailureDetector(timing: timing, random: random(), at: now)
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
    if !isSame, try keepsItsPlace(&node, against: announcement, url, at: now) {
      keep(node)
      return .unproven
    }
    node.rivals.taken(bootID: announcement.bootId, url: url.text)
    if node.version != announcement.version { revision += 1 }
    (node.announced, node.version) = (now.instant, announcement.version)
    if !isSame || node.comesBack(at: now.instant) {
      (node.bootID, node.url, node.claimant, node.earlier) = (announcement.bootId, url, nil, nil)
      (node.report, node.reported) = (nil, nil)
      apply(node.detector.startOver(because: "announced itself (boot id \(node.bootID))"), to: &node, at: now)
    }
    keep(node)
    return .taken(node.wanted, probe: node.isWorthAsking(after: announcement, at: now.instant))
  }

  private mutating func admit(_ announcement: Announcement, _ url: ServerURL, at now: Moment) -> Reception {
    var node = WatchedNode(
      id: announcement.id, bootID: announcement.bootId, url: url, version: announcement.version,
      detector: detector(at: now.instant), since: now.epochMilliseconds, reason: "announced itself",
      entered: now.instant)
    node.announced = now.instant
    keep(node)
    revision += 1
    history.add(
      node.id, from: "NEW", to: NodeStatus.unknown.rawValue, because: "announced itself at \(url.text)", at: now)
    return .taken(node.wanted, probe: true)
  }

  /// Whether the known process may not be replaced yet by the one that announces itself.
  private mutating func keepsItsPlace(
    _ node: inout WatchedNode, against announcement: Announcement, _ url: ServerURL, at now: Moment
  ) throws(AnnouncementRefusal) -> Bool {
    guard node.detector.status.isAlive || node.detector.status == .unknown else { return false }
    if node.url == url, node.claimant != announcement.bootId {
      node.claimant = announcement.bootId
      return true
    }
    node.rivals.refused(bootID: announcement.bootId, url: url.text, at: now)
    keep(node)
    throw .idTaken(
      node.url == url
        ? "another process serves as \(node.id) at \(node.url.text)"
        : "\(node.id) is watched at \(node.url.text), and has not been found dead there")
  }

  /// A node has ended its service.
  mutating func leave(id: String, bootID: String, at now: Moment) throws(AnnouncementRefusal) {
    guard var node = nodes[id] else { throw .unknownNode }
    guard node.bootID == bootID else { throw .idTaken("another process (boot id \(node.bootID)) is watched as \(id)") }
    guard let transition = node.detector.left() else { return }
    apply(transition, to: &node, at: now)
    keep(node)
  }

  // MARK: - Operators

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

  /// An operator takes the store as it is, though it has lost data.
  /// - Returns: what was lost; nil if no node tells of a loss.
  mutating func acknowledgeLoss(by operatorName: String, at now: Moment) -> HealthReport.Store.Loss? {
    let losing = nodes.values.compactMap { $0.freshReport(at: now.instant)?.store }
      .filter { $0.loss != nil && $0.acknowledged ?? 0 == store.acknowledged }
    guard let loss = losing.compactMap(\.loss).min(by: { $0.since < $1.since }) else { return nil }
    knownStore.acknowledge(losing, at: now.epochMilliseconds)
    revision += 1
    history.add(
      History.cluster, from: "data lost", to: "acknowledged",
      because: "\(operatorName.clipped(to: 64)) takes the store as it is. \(loss.words)", at: now)
    return loss
  }

  /// An operator does not expect a node back. Its drain mark goes with it; should it announce itself again, it is a new
  /// node.
  mutating func forget(_ id: String, by operatorName: String, at now: Moment) throws(ForgetRefusal) {
    guard let node = nodes[id] else { throw .unknownNode }
    switch node.detector.status {
    case .down, .left: break
    case .unknown, .up, .suspect, .recovering, .draining: throw .alive(node.detector.status)
    }
    forget(node, because: "\(operatorName.clipped(to: 64)) wants it to be forgotten", at: now)
  }

  // MARK: - Room

  /// Makes room for one more node, at the price of one that nobody misses if need be.
  private mutating func makeRoom(at now: Moment) throws(AnnouncementRefusal) {
    guard nodes.count >= maxNodes else { return }
    guard let node = Retention.leastMissed(of: nodes.values, at: now.instant) else { throw .tooMany }
    forget(node.id)
  }

  private mutating func forgetLongGone(at now: Moment) {
    for node in nodes.values where Retention.isOver(for: node, at: now.instant) {
      // That a node left, the history knows.
      if node.detector.status == .left { forget(node.id) } else { forget(node, because: "DOWN for a day", at: now) }
    }
  }

  private mutating func forget(_ node: WatchedNode, because reason: String, at now: Moment) {
    history.add(node.id, from: node.detector.status.rawValue, to: History.forgotten, because: reason, at: now)
    forget(node.id)
  }

  private mutating func forget(_ id: String) {
    nodes[id] = nil
    dues[id] = nil
    revision += 1
  }

  private mutating func keep(_ node: WatchedNode) {
    nodes[node.id] = node
    dues[node.id] = node.detector.wakeUp
    assert(nodes.count <= maxNodes, "room must be made before a node is admitted")
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
    guard var node = nodes[id], node.detector.start(probe: lastProbe + 1, at: now) else { return nil }
    lastProbe += 1
    keep(node)
    return Probe(node: id, number: lastProbe, url: node.url.text + "/health", began: now)
  }

  /// A probe has ended.
  /// - Parameter isHeld: whether a failure may be held against the node.
  mutating func ended(
    _ probe: Probe, with result: Result<HealthReport, ProbeFailure>, took: Duration, isHeld: Bool, at now: Moment
  ) {
    assert(probe.number <= lastProbe, "a probe ends after it was started here")
    // It may have left, or moved, while it was asked.
    guard var node = nodes[probe.node], node.detector.awaits(probe.number) else { return }
    let isNewest = node.detector.isNewest(probe.number)
    node.probes.total += 1
    if isNewest { node.probes.lastEnded = now.instant }
    switch result.flatMap(node.identify) {
    case .success(let report): answered(&node, probe, report, took, isNewest: isNewest, at: now)
    case .failure(let failure):
      node.probes.failed += 1
      if isNewest {
        node.probes.lastTook = nil
        node.probes.lastFailure = isHeld ? failure.words : "\(failure.words), while the coordinator itself was late"
      }
      let transition = node.detector.failed(
        probe: probe.number, because: failure.words, isHeld: isHeld, at: now.instant)
      apply(transition, to: &node, at: now)
    }
    keep(node)
  }

  private mutating func answered(
    _ node: inout WatchedNode, _ probe: Probe, _ report: HealthReport, _ took: Duration, isNewest: Bool, at now: Moment
  ) {
    // An answer that was overtaken tells of the past.
    guard isNewest else {
      _ = node.detector.answered(probe: probe.number, isDraining: false, at: now.instant)
      return
    }
    (node.probes.lastTook, node.probes.lastFailure) = (took, nil)
    (node.report, node.reported) = (report, now.instant)
    if knownStore.heard(report.store) { keepMarks() }
    // One of another form could be kept, but not loaded again.
    if report.version != node.version, Announcement.isVersion(report.version) {
      node.version = report.version
      revision += 1
    }
    let isDraining = report.state == .draining
    if report.bootId == node.bootID {
      apply(node.detector.answered(probe: probe.number, isDraining: isDraining, at: now.instant), to: &node, at: now)
    } else {
      (node.bootID, node.claimant, node.earlier) = (report.bootId, nil, nil)
      note(leaderTracker.ended(node.id, because: "\(node.id) restarted"), at: now)
      let transition = node.detector.tookOver(
        probe: probe.number, isDraining: isDraining, because: "restarted: it answers as boot id \(report.bootId)")
      apply(transition, to: &node, at: now)
    }
    note(leaderTracker.heard(report.lease, from: node.id, at: now), at: now)
  }

  /// What has been seen of the store, for all nodes.
  var store: StoreMemory { knownStore.memory }

  /// What is known of the store's marks is to be kept over a restart.
  mutating func keepMarks() {
    knownStore.keep()
    revision += 1
  }

  private mutating func apply(_ transition: FailureDetector.Transition?, to node: inout WatchedNode, at now: Moment) {
    guard let transition else { return }
    revision += 1
    node.entered = now.instant
    defer { node.earlier = nil }
    // As it was before the coordinator restarted: nothing has changed but our knowledge.
    if let earlier = node.earlier, earlier.status == transition.to {
      (node.since, node.entered, node.reason) = (earlier.since, earlier.entered, earlier.reason)
      return
    }
    (node.since, node.reason) = (now.epochMilliseconds, transition.reason)
    if transition.to == .draining, let operatorName = node.wantedBy, node.wanted == .drain {
      node.reason = "drained by \(operatorName)"
    }
    history.add(
      node.id, from: (node.earlier?.status ?? transition.from).rawValue, to: transition.to.rawValue,
      because: node.reason, at: now)
    if transition.to == .down || transition.to == .left {
      note(leaderTracker.ended(node.id, because: "\(node.id) is \(transition.to.rawValue)"), at: now)
    }
  }

  private mutating func note(_ change: LeaderTracker.Change?, at now: Moment) {
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
      nodes[id]!.rivals.forgetSilent(at: now.instant)
      guard let report = nodes[id]!.freshReport(at: now.instant) else { continue }
      rate += report.requests.ratePerSecond
      // All nodes see the same store.
      backlog = max(backlog, report.sweeper.backlog ?? 0)
    }
    rates.append(rate)
    overdue.append(backlog)
    note(leaderTracker.tick(at: now, isLate: isLate), at: now)
    forgetLongGone(at: now)
  }

  /// Looks at what is wrong, and remembers since when. To be called about once a second: how long something has lasted
  /// is known only by looking. To read the view changes nothing.
  mutating func inspect(_ condition: ClusterCheck.Condition, at now: Moment) -> ClusterCheck {
    let check = check(condition, at: now)
    onsets = check.ongoing
    return check
  }

  /// What has changed since this was last called.
  mutating func takeNews() -> [History.Entry] { history.takeNews() }
}
