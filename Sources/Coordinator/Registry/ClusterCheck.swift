import Common

/// What is wrong with the cluster as a whole, the worst first, and whether its invariants hold.
struct ClusterCheck {
  /// A change of leadership takes up to this. Nodes may differ meanwhile.
  static let maxChange = Duration.seconds(3)
  /// An epoch that went back is shown for so long, for people to see it.
  static let minWentBackShown = Duration.seconds(600)
  /// Holds may be overdue by so much without being a problem.
  static let maxOverdueMs = 1000
  /// Nodes named in one sentence, and reasons of one kind.
  static let maxNamed = 5

  /// How the coordinator itself is.
  struct Condition: Equatable, Sendable {
    /// It is woken late again and again.
    var isLate = false
    /// Why the registry can't be kept; nil if it can, or need not.
    var fileProblem: String?
  }

  private(set) var problems: [ClusterView.Problem] = []
  private(set) var invariants: [ClusterView.Invariant] = []

  /// What the nodes have lost, if that has not been acknowledged.
  var loss: HealthReport.Store.Loss?
  let outage: Outage?

  let nodes: [WatchedNode]
  private let leaderTracker: LeaderTracker
  let store: StoreMemory
  let now: Moment
  /// Fresh reports. A node that is cut off from Redis has no say in what holds of the cluster.
  private(set) var told: [(id: String, report: HealthReport)] = []
  private let before: Onsets
  /// Since when each thing has been as it is now.
  private(set) var ongoing = Onsets()

  /// - Parameters:
  ///   - nodes: those that have not left, in the order in which they are to be told.
  ///   - onsets: ``ongoing`` of the look before.
  init(
    _ nodes: [WatchedNode], _ leaderTracker: LeaderTracker, _ store: StoreMemory, _ condition: Condition,
    since onsets: Onsets, at now: Moment
  ) {
    (self.nodes, self.leaderTracker, self.store, self.now) = (nodes, leaderTracker, store, now)
    before = onsets
    outage = Outage(nodes, at: now.instant)
    told = nodes.compactMap { node in
      node.freshReport(at: now.instant).flatMap { $0.cannotReachRedis ? nil : (node.id, $0) }
    }
    checkShop()
    checkLoss()
    checkFaults()
    checkNodes()
    checkRivals()
    checkRedis()
    checkLeader()
    checkHolds()
    checkStore()
    checkVersions()
    checkCoordinator(condition)
    sort()
  }

  /// Whether Redis is why no node that answers can sell.
  private var isRedisOut: Bool {
    if case .cannotSell(_, let isOfRedis) = outage { isOfRedis } else { false }
  }

  // MARK: - Problems

  /// Since when this has been so, as far as anybody looked.
  mutating func onset(of kind: String, _ node: String? = nil) -> Moment {
    let onset = before[kind, node] ?? now
    ongoing[kind, node] = onset
    return onset
  }

  mutating func add(
    _ severity: ClusterView.Problem.Severity, _ kind: String, _ text: String, since: Int64, node: String? = nil
  ) {
    problems.append(
      ClusterView.Problem(
        severity: severity, kind: kind, text: text, since: RFC3339.string(epochMilliseconds: since), node: node))
  }

  /// Problems of one severity stay in the order in which they were found. Of one kind the oldest comes first.
  private mutating func sort() {
    let kinds = problems.map(\.kind)
    func rank(_ problem: ClusterView.Problem) -> (Int, Int, String) {
      (problem.severity == .critical ? 0 : 1, kinds.firstIndex(of: problem.kind) ?? 0, problem.since)
    }
    problems.sort { rank($0) < rank($1) }
  }

  /// Comes before all else, since it matters most.
  private mutating func checkShop() {
    guard let outage else { return }
    add(.critical, outage.kind, outage.text, since: onset(of: outage.kind).epochMilliseconds)
  }

  /// Other processes with the ids of nodes that are alive. They are not watched, so nothing else tells of them.
  private mutating func checkRivals() {
    for node in nodes {
      for rival in node.rivals.insistent(at: now.instant) {
        add(
          .warning, "node-id-taken",
          "Another process announces itself as \(node.id), from \(rival.url) (boot id \(rival.bootID)), and is not"
            + " watched: \(node.id) is the one at \(node.url.text) (boot id \(node.bootID)). Give one of them another"
            + " node id", since: rival.first.epochMilliseconds, node: node.id)
      }
    }
  }

  private mutating func checkNodes() {
    guard !nodes.isEmpty else {
      let since = onset(of: "no-nodes").epochMilliseconds
      return add(.critical, "no-nodes", "No node has announced itself", since: since)
    }
    for node in nodes {
      switch node.detector.status {
      case .down:
        // An operator who takes a node out of service expects it to end.
        add(
          node.wanted == .drain ? .warning : .critical, "node-down", "\(node.id) is DOWN: \(node.reason)",
          since: node.since, node: node.id)
      case .recovering:
        add(
          .warning, "node-recovering", "\(node.id) is not trusted yet: \(node.reason)", since: node.since,
          node: node.id)
      case .unknown, .up, .suspect, .draining, .left: break
      }
    }
    let unjudged = nodes.filter { $0.detector.status == .unknown }
    if let oldest = unjudged.map(\.since).min() {
      let verb = unjudged.count == 1 ? "has" : "have"
      add(.warning, "not-judged", "\(Self.names(unjudged.map(\.id))) \(verb) not been judged yet", since: oldest)
    }
  }

  private mutating func checkRedis() {
    var cut: [String] = []
    for node in nodes {
      guard let report = node.freshReport(at: now.instant) else { continue }
      let reasons = report.reasons.isEmpty ? "it does not say why" : report.reasons.joined(separator: "; ")
      if report.cannotReachRedis {
        cut.append(node.id)
        let since = onset(of: "redis-unreachable", node.id).epochMilliseconds
        guard !isRedisOut else { continue }
        add(
          .critical, "redis-unreachable", "\(node.id) answers, but cannot reach Redis: \(reasons)", since: since,
          node: node.id)
      } else if report.state == .starting, report.redis.faults.isEmpty {
        let since = onset(of: "node-starting", node.id).epochMilliseconds
        add(.warning, "node-starting", "\(node.id) is still starting: \(reasons)", since: since, node: node.id)
      }
    }
    let isKnown = !told.isEmpty || !cut.isEmpty
    invariants.append(
      ClusterView.Invariant(
        name: "all reach Redis", holds: isKnown ? cut.isEmpty : nil,
        detail: cut.isEmpty ? isKnown ? "every node that answers" : "no node answers" : "not \(Self.names(cut))"))
  }

  private mutating func checkLeader() {
    let claims = told.filter(\.report.lease.leader)
    let epochs = told.filter { $0.report.state != .draining || $0.report.lease.leader }.compactMap { node in
      node.report.lease.epoch.map { (id: node.id, epoch: $0) }
    }
    let isAgreed = Set(epochs.map(\.epoch)).count <= 1
    let claimed = claims.map { "\($0.id) (epoch \($0.report.lease.epoch ?? 0))" }
    invariants.append(
      ClusterView.Invariant(
        name: "one leader", holds: claims.count == 1 ? true : lasting("leaders"),
        detail: claimed.isEmpty ? "no node says that it leads" : Self.names(claimed)))
    invariants.append(
      ClusterView.Invariant(
        name: "all agree on the epoch", holds: epochs.isEmpty ? nil : isAgreed ? true : lasting("epochs"),
        detail: Self.epochsInWords(epochs)))

    if leaderTracker.current == nil, !isRedisOut, nodes.contains(where: { $0.detector.status != .unknown }) {
      let since = onset(of: "no-leader").epochMilliseconds
      add(.critical, "no-leader", wordsWithoutLeader, since: since)
    }
    if let wentBack = leaderTracker.wentBack, now.instant - wentBack.instant < Self.minWentBackShown {
      add(
        .critical, "epoch-went-back", "The leader's epoch went back: the store may have lost data",
        since: wentBack.epochMilliseconds)
    }
    guard claims.count > 1 || !isAgreed else { return }
    let onset = onset(of: "leader-disagreement")
    guard now.instant - onset.instant >= Self.maxChange else { return }
    let text =
      claims.count > 1
      ? "\(Self.names(claimed)) say at the same time that they lead"
      : "Nodes differ about the epoch: \(Self.epochsInWords(epochs))"
    add(.critical, "leader-disagreement", text, since: onset.epochMilliseconds)
  }

  /// A leader may lead though it can't be reached from here.
  private var wordsWithoutLeader: String {
    let leases = told.map(\.report.lease).filter { !$0.leader && $0.remainingMs ?? 0 > 0 }
    let holders = Set(leases.compactMap(\.holder)).sorted()
    return holders.isEmpty
      ? "No node leads: expired holds are not released"
      : "No node that answers leads; the others say that \(Self.names(holders)) still has the lease"
  }

  /// Nil while it may only be a change under way; false after that.
  private mutating func lasting(_ kind: String) -> Bool? {
    now.instant - onset(of: kind).instant < Self.maxChange ? nil : false
  }

  private mutating func checkHolds() {
    let known = told.filter { $0.report.sweeper.backlog != nil }
    let worst = known.map { $0.report.sweeper.oldestOverdueMs ?? 0 }.max()
    let isLate = worst.map { $0 > Self.maxOverdueMs } ?? false
    let holds = known.compactMap(\.report.sweeper.backlog).max() ?? 0
    let text = "\(counted(holds, "hold")) overdue, the oldest by \(worst ?? 0) ms"
    invariants.append(
      ClusterView.Invariant(
        name: "nothing overdue", holds: worst == nil ? nil : !isLate,
        detail: worst == nil ? "no node knows" : holds == 0 ? "no hold is overdue" : text))
    guard isLate, !isRedisOut else { return }
    add(.critical, "overdue-holds", text, since: onset(of: "overdue-holds").epochMilliseconds)
  }

  private mutating func checkStore() {
    if let full = told.first(where: { $0.report.isStoreNearlyFull })?.report.redis {
      let share = Int(100 * Double(full.usedBytes) / Double(full.limitBytes))
      add(
        .critical, "store-nearly-full", "The store is nearly full (\(share) %): nothing new is taken",
        since: onset(of: "store-nearly-full").epochMilliseconds)
    }
    checkShards()
    checkDamage()
    var tellers: [String: [String]] = [:]
    for node in told { for warning in node.report.redis.warnings { tellers[warning, default: []].append(node.id) } }
    for (warning, ids) in tellers.sorted(by: { $0.key < $1.key }).prefix(Self.maxNamed) {
      let since = onset(of: "redis-unsafe \(warning)").epochMilliseconds
      add(.warning, "redis-unsafe", "\(warning) (told by \(Self.names(ids)))", since: since)
    }
  }

  private mutating func checkVersions() {
    let running = nodes.filter { $0.detector.status.isAlive }
    let versions = Dictionary(grouping: running, by: \.version)
    let words = versions.sorted { $0.key < $1.key }.prefix(Self.maxNamed)
      .map { "\($0.key) on \(Self.names($0.value.map(\.id)))" }.joined(separator: ", ")
    invariants.append(
      ClusterView.Invariant(
        name: "one version", holds: versions.isEmpty ? nil : versions.count == 1,
        detail: versions.isEmpty ? "no node answers" : words))
    guard versions.count > 1 else { return }
    let since = onset(of: "versions-differ").epochMilliseconds
    add(.warning, "versions-differ", "Nodes run different versions: \(words)", since: since)
  }

  private mutating func checkCoordinator(_ condition: Condition) {
    if condition.isLate {
      let since = onset(of: "coordinator-late").epochMilliseconds
      add(.warning, "coordinator-late", "The coordinator itself gets too little time to watch in time", since: since)
    }
    if let problem = condition.fileProblem {
      let since = onset(of: "registry-not-kept").epochMilliseconds
      add(.warning, "registry-not-kept", "Nodes and history can't be kept over a restart: \(problem)", since: since)
    }
  }

  // MARK: - Words

  /// `a`, `a and b`, `a, b and c`, `a, b, c, d, e and 3 more`
  static func names(_ names: [String]) -> String {
    var parts = Array(names.prefix(maxNamed))
    if names.count > maxNamed { parts.append("\(names.count - maxNamed) more") }
    guard parts.count > 1 else { return parts.first ?? "" }
    return parts.dropLast().joined(separator: ", ") + " and " + parts[parts.count - 1]
  }

  private static func epochsInWords(_ epochs: [(id: String, epoch: Int64)]) -> String {
    guard !epochs.isEmpty else { return "no node knows one" }
    let byEpoch = Dictionary(grouping: epochs, by: \.epoch).sorted { $0.key > $1.key }
    return byEpoch.prefix(maxNamed).map { "\($0.key) on \(names($0.value.map(\.id)))" }.joined(separator: ", ")
  }
}
