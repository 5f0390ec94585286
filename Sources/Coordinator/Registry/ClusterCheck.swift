import Common

/// What is wrong with the cluster as a whole, the worst first, and what must hold of it.
struct ClusterCheck {
  /// Leadership changes within this; until then nodes may differ.
  static let grace = Duration.seconds(3)
  /// An epoch that went back is shown for so long, for people to see it.
  static let wentBackShown = Duration.seconds(600)
  /// Holds may be overdue for so long without being a problem.
  static let overdueLimit = 1000
  /// Nodes named in one sentence.
  private static let mostNamed = 5

  /// How the coordinator itself is.
  struct Condition: Equatable, Sendable {
    /// It is woken late again and again.
    var isLate = false
    /// Why the registry can't be kept; nil if it can, or need not.
    var fileProblem: String?
  }

  private(set) var problems: [ClusterView.Problem] = []
  private(set) var invariants: [ClusterView.Invariant] = []

  private let nodes: [WatchedNode]
  private let leadership: Leadership
  private let now: Moment
  /// Of the nodes that have a say, which those cut off from Redis have not.
  private var told: [(id: String, report: HealthReport)] = []

  /// - Parameter nodes: those that have not left, in the order in which they are to be told.
  init(
    _ nodes: [WatchedNode], _ leadership: Leadership, _ condition: Condition, _ onsets: inout Onsets, at now: Moment
  ) {
    (self.nodes, self.leadership, self.now) = (nodes, leadership, now)
    told = nodes.compactMap { node in
      node.freshReport(at: now.instant).flatMap { $0.cannotReachRedis ? nil : (node.id, $0) }
    }
    onsets.beginLook()
    checkNodes(&onsets)
    checkRedis(&onsets)
    checkLeader(&onsets)
    checkHolds(&onsets)
    checkStore(&onsets)
    checkVersions(&onsets)
    checkCoordinator(condition, &onsets)
    onsets.endLook()
    sort()
  }

  // MARK: - Problems

  private mutating func add(
    _ severity: ClusterView.Problem.Severity, _ kind: String, _ text: String, since: Int64, node: String? = nil
  ) {
    problems.append(
      ClusterView.Problem(
        severity: severity, kind: kind, text: text, since: RFC3339.string(epochMilliseconds: since), node: node))
  }

  /// Those of the same severity stay in the order in which they were found; of one kind, the oldest is first.
  private mutating func sort() {
    let kinds = problems.map(\.kind)
    func rank(_ problem: ClusterView.Problem) -> (Int, Int, String) {
      (problem.severity == .critical ? 0 : 1, kinds.firstIndex(of: problem.kind) ?? 0, problem.since)
    }
    problems.sort { rank($0) < rank($1) }
  }

  private mutating func checkNodes(_ onsets: inout Onsets) {
    guard !nodes.isEmpty else {
      let since = onsets.note("no-nodes", at: now).epochMilliseconds
      return add(.critical, "no-nodes", "No node has announced itself", since: since)
    }
    for node in nodes {
      switch node.machine.verdict {
      case .down:
        // Not unexpected of a node that was taken out of service.
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
    let unjudged = nodes.filter { $0.machine.verdict == .unknown }
    if let oldest = unjudged.map(\.since).min() {
      let verb = unjudged.count == 1 ? "has" : "have"
      add(.warning, "not-judged", "\(Self.names(unjudged.map(\.id))) \(verb) not been judged yet", since: oldest)
    }
  }

  private mutating func checkRedis(_ onsets: inout Onsets) {
    var cut: [String] = []
    for node in nodes {
      guard let report = node.freshReport(at: now.instant) else { continue }
      let reasons = report.reasons.isEmpty ? "it does not say why" : report.reasons.joined(separator: "; ")
      if report.cannotReachRedis {
        cut.append(node.id)
        let since = onsets.note("redis-unreachable", node.id, at: now).epochMilliseconds
        add(
          .critical, "redis-unreachable", "\(node.id) answers, but cannot reach Redis: \(reasons)", since: since,
          node: node.id)
      } else if report.state == .starting {
        let since = onsets.note("node-starting", node.id, at: now).epochMilliseconds
        add(.warning, "node-starting", "\(node.id) is still starting: \(reasons)", since: since, node: node.id)
      }
    }
    let isKnown = !told.isEmpty || !cut.isEmpty
    invariants.append(
      ClusterView.Invariant(
        name: "all reach Redis", holds: isKnown ? cut.isEmpty : nil,
        detail: cut.isEmpty ? isKnown ? "every node that answers" : "no node answers" : "not \(Self.names(cut))"))
  }

  private mutating func checkLeader(_ onsets: inout Onsets) {
    let claims = told.filter(\.report.lease.leader)
    let epochs = told.filter { $0.report.state != .draining || $0.report.lease.leader }.compactMap { node in
      node.report.lease.epoch.map { (id: node.id, epoch: $0) }
    }
    let isAgreed = Set(epochs.map(\.epoch)).count <= 1
    let claimed = claims.map { "\($0.id) (epoch \($0.report.lease.epoch ?? 0))" }
    invariants.append(
      ClusterView.Invariant(
        name: "one leader", holds: claims.count == 1 ? true : lasting("leaders", &onsets),
        detail: claimed.isEmpty ? "no node says that it leads" : Self.names(claimed)))
    invariants.append(
      ClusterView.Invariant(
        name: "all agree on the epoch", holds: epochs.isEmpty ? nil : isAgreed ? true : lasting("epochs", &onsets),
        detail: Self.epochsInWords(epochs)))

    if leadership.current == nil, nodes.contains(where: { $0.machine.verdict != .unknown }) {
      let since = onsets.note("no-leader", at: now).epochMilliseconds
      add(.critical, "no-leader", wordsWithoutLeader, since: since)
    }
    if let wentBack = leadership.wentBack, now.instant - wentBack.instant < Self.wentBackShown {
      add(
        .critical, "epoch-went-back", "The leader's epoch went back: the store may have lost data",
        since: wentBack.epochMilliseconds)
    }
    guard claims.count > 1 || !isAgreed else { return }
    let onset = onsets.note("leader-disagreement", at: now)
    guard now.instant - onset.instant >= Self.grace else { return }
    let text =
      claims.count > 1
      ? "\(Self.names(claimed)) say at the same time that they lead"
      : "Nodes differ about the epoch: \(Self.epochsInWords(epochs))"
    add(.critical, "leader-disagreement", text, since: onset.epochMilliseconds)
  }

  /// A leader that can't be reached from here may lead all the same.
  private var wordsWithoutLeader: String {
    let leases = told.map(\.report.lease).filter { !$0.leader && $0.remainingMs ?? 0 > 0 }
    let holders = Set(leases.compactMap(\.holder)).sorted()
    return holders.isEmpty
      ? "No node leads: expired holds are not released"
      : "No node that answers leads; the others say that \(Self.names(holders)) still has the lease"
  }

  /// Nil while it may be but a change under way, then false.
  private func lasting(_ kind: String, _ onsets: inout Onsets) -> Bool? {
    now.instant - onsets.note(kind, at: now).instant < Self.grace ? nil : false
  }

  private mutating func checkHolds(_ onsets: inout Onsets) {
    let known = told.filter { $0.report.sweeper.backlog != nil }
    let worst = known.map { $0.report.sweeper.oldestOverdueMs ?? 0 }.max()
    let isLate = worst.map { $0 > Self.overdueLimit } ?? false
    let holds = known.compactMap(\.report.sweeper.backlog).max() ?? 0
    let text = "\(counted(holds, "hold")) overdue, the oldest by \(worst ?? 0) ms"
    invariants.append(
      ClusterView.Invariant(
        name: "nothing overdue", holds: worst == nil ? nil : !isLate,
        detail: worst == nil ? "no node knows" : holds == 0 ? "no hold is overdue" : text))
    guard isLate else { return }
    add(.critical, "overdue-holds", text, since: onsets.note("overdue-holds", at: now).epochMilliseconds)
  }

  private mutating func checkStore(_ onsets: inout Onsets) {
    if let full = told.first(where: { $0.report.isStoreNearlyFull })?.report.redis {
      let share = Int(100 * Double(full.usedBytes) / Double(full.limitBytes))
      add(
        .critical, "store-nearly-full", "The store is nearly full (\(share) %): nothing new is taken",
        since: onsets.note("store-nearly-full", at: now).epochMilliseconds)
    }
    var tellers: [String: [String]] = [:]
    for node in told { for warning in node.report.redis.warnings { tellers[warning, default: []].append(node.id) } }
    for (warning, ids) in tellers.sorted(by: { $0.key < $1.key }).prefix(Self.mostNamed) {
      let since = onsets.note("redis-unsafe \(warning)", at: now).epochMilliseconds
      add(.warning, "redis-unsafe", "\(warning) (told by \(Self.names(ids)))", since: since)
    }
  }

  private mutating func checkVersions(_ onsets: inout Onsets) {
    let running = nodes.filter { $0.machine.verdict.isAlive }
    let versions = Dictionary(grouping: running, by: \.version)
    let words = versions.sorted { $0.key < $1.key }.prefix(Self.mostNamed)
      .map { "\($0.key) on \(Self.names($0.value.map(\.id)))" }.joined(separator: ", ")
    invariants.append(
      ClusterView.Invariant(
        name: "one version", holds: versions.isEmpty ? nil : versions.count == 1,
        detail: versions.isEmpty ? "no node answers" : words))
    guard versions.count > 1 else { return }
    let since = onsets.note("versions-differ", at: now).epochMilliseconds
    add(.warning, "versions-differ", "Nodes run different versions: \(words)", since: since)
  }

  private mutating func checkCoordinator(_ condition: Condition, _ onsets: inout Onsets) {
    if condition.isLate {
      let since = onsets.note("coordinator-late", at: now).epochMilliseconds
      add(.warning, "coordinator-late", "The coordinator itself gets too little time to watch in time", since: since)
    }
    if let problem = condition.fileProblem {
      let since = onsets.note("registry-not-kept", at: now).epochMilliseconds
      add(.warning, "registry-not-kept", "Nodes and history can't be kept over a restart: \(problem)", since: since)
    }
  }

  // MARK: - Words

  /// `a`, `a and b`, `a, b and c`, `a, b, c, d, e and 3 more`
  private static func names(_ names: [String]) -> String {
    var parts = Array(names.prefix(mostNamed))
    if names.count > mostNamed { parts.append("\(names.count - mostNamed) more") }
    guard parts.count > 1 else { return parts.first ?? "" }
    return parts.dropLast().joined(separator: ", ") + " and " + parts[parts.count - 1]
  }

  private static func epochsInWords(_ epochs: [(id: String, epoch: Int64)]) -> String {
    guard !epochs.isEmpty else { return "no node knows one" }
    let byEpoch = Dictionary(grouping: epochs, by: \.epoch).sorted { $0.key > $1.key }
    return byEpoch.prefix(mostNamed).map { "\($0.key) on \(names($0.value.map(\.id)))" }.joined(separator: ", ")
  }
}
