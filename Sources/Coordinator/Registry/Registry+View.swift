import Common

extension Registry {
  /// What the view tells that the registry does not know.
  struct Surroundings: Sendable {
    var condition = ClusterCheck.Condition()
    var lateRounds = 0
  }

  /// By name; those that have left come last.
  private var sortedNodes: [WatchedNode] {
    nodes.values.sorted { one, other in
      (one.detector.status == .left ? 1 : 0, one.id) < (other.detector.status == .left ? 1 : 0, other.id)
    }
  }

  /// What is wrong now.
  func check(_ condition: ClusterCheck.Condition, at now: Moment) -> ClusterCheck {
    let watched = sortedNodes.filter { $0.detector.status != .left }
    return ClusterCheck(watched, leaderTracker, store, condition, since: onsets, at: now)
  }

  /// All that an operator sees.
  func view(_ surroundings: Surroundings, at now: Moment) -> ClusterView {
    let check = check(surroundings.condition, at: now)
    let nodes = sortedNodes
    let leader = leaderTracker.current.map { ClusterView.Leader($0, at: now) }
    let totals = totals(nodes, at: now)
    return ClusterView(
      at: RFC3339.string(epochMilliseconds: now.epochMilliseconds), healthy: check.problems.isEmpty,
      summary: summary(check.problems, leader, totals, nodes), problems: check.problems, leader: leader,
      failovers: leaderTracker.failovers, totals: totals,
      store: ClusterView.Store(nodes.compactMap { $0.freshReport(at: now.instant) }, store, loss: check.loss),
      invariants: check.invariants,
      nodes: nodes.map { ClusterView.Node($0, at: now) }, transitions: history.entries.reversed().map(\.asTransition),
      checks: timing.inWords,
      coordinator: ClusterView.Coordinator(
        version: Version.text, uptimeSeconds: Int((now.instant - began.instant) / .seconds(1)),
        lateRounds: surroundings.lateRounds))
  }

  private func totals(_ nodes: [WatchedNode], at now: Moment) -> ClusterView.Totals {
    let reports = nodes.compactMap { $0.freshReport(at: now.instant) }
    return ClusterView.Totals(
      nodes: nodes.count { $0.detector.status != .left }, up: nodes.count { $0.detector.status == .up },
      ready: nodes.count(where: \.isReady), ratePerSecond: reports.map(\.requests.ratePerSecond).reduce(0, +),
      errorsPerSecond: reports.map(\.requests.errorsPerSecond).reduce(0, +),
      // All nodes see the same store.
      overdueHolds: reports.compactMap(\.sweeper.backlog).max(),
      oldestOverdueMs: reports.compactMap(\.sweeper.oldestOverdueMs).max(), rates: rates.all, overdue: overdue.all)
  }

  private func summary(
    _ problems: [ClusterView.Problem], _ leader: ClusterView.Leader?, _ totals: ClusterView.Totals,
    _ nodes: [WatchedNode]
  ) -> String {
    if let worst = problems.first {
      return problems.count == 1 ? worst.text : "\(worst.text); and \(counted(problems.count - 1, "more problem"))"
    }
    var parts = ["\(totals.up) of \(counted(totals.nodes, "node")) UP"]
    if let leader { parts.append("\(leader.id) leads (epoch \(leader.epoch))") }
    let drained = nodes.filter { $0.wanted == .drain && $0.detector.status != .left }
    parts += drained.prefix(3).map { "\($0.id) is drained by \($0.wantedBy ?? "an operator")" }
    return "All is well: " + parts.joined(separator: ", ")
  }
}

extension History.Entry {
  fileprivate var asTransition: ClusterView.Transition {
    ClusterView.Transition(
      at: RFC3339.string(epochMilliseconds: at), subject: subject, from: from, to: to, reason: reason)
  }
}

extension ClusterView.Leader {
  fileprivate init(_ term: LeaderTracker.Term, at now: Moment) {
    self.init(
      id: term.id, epoch: term.epoch, since: RFC3339.string(epochMilliseconds: term.since),
      termAgeSeconds: Int(max(0, now.epochMilliseconds - term.since) / 1000))
  }
}

extension ClusterView.Node {
  fileprivate init(_ node: WatchedNode, at now: Moment) {
    let detector = node.detector
    self.init(
      id: node.id, bootId: node.bootID, url: node.url.text, version: node.version, state: detector.status,
      since: RFC3339.string(epochMilliseconds: node.since), reason: node.reason, wanted: node.wanted.rawValue,
      ready: node.isReady,
      probe: ClusterView.Probe(
        lastAgoMs: node.probes.lastEnded.map { Int((now.instant - $0) / .milliseconds(1)) },
        lastMs: node.probes.lastTook?.milliseconds, lastFailure: node.probes.lastFailure,
        failuresInARow: detector.failuresInARow, intervalMs: Int(detector.interval / .milliseconds(1)),
        total: node.probes.total, failed: node.probes.failed),
      announcedAgoMs: node.announced.map { Int((now.instant - $0) / .milliseconds(1)) }, health: node.report,
      probeTimes: node.probeTimes.all, rates: node.rates.all,
      rivals: node.rivals.insistent(at: now.instant).map { rival in
        ClusterView.Rival(
          bootId: rival.bootID, url: rival.url, since: RFC3339.string(epochMilliseconds: rival.first.epochMilliseconds))
      })
  }
}

extension FailureDetectorTiming {
  /// What is being checked, and how.
  fileprivate var inWords: [String] {
    let kilobytes = Prober.maxBytes >> 10
    return [
      "Each node's /health is asked every \(seconds(interval)) (give or take \(Int(jitter * 100)) %), all nodes at"
        + " once, on connections that are kept.",
      "The connection must be there within \(milliseconds(connectTimeout)), the whole answer within"
        + " \(milliseconds(timeout)) and \(kilobytes) KiB; redirects are not followed, and only allowed"
        + " networks asked.",
      "It counts only with status 200 and the node's id and boot id in it: a port that takes connections proves"
        + " nothing.",
      "One failure makes a node SUSPECT, and it is asked every \(milliseconds(fastInterval)); \(fall) in a row make it"
        + " DOWN, and it is asked less and less often, down to every \(seconds(maxBackOff)).",
      "A node that was DOWN is UP after \(rise) answers in a row, and one that falls again and again after up to"
        + " \(maxRise).",
      "While the coordinator itself is more than \(milliseconds(Punctuality.maxLateness)) late, failures are not held"
        + " against nodes.",
      "Leader is who says so with the greatest epoch. Holds that are overdue by more than"
        + " \(ClusterCheck.maxOverdueMs) ms are a problem.",
    ]
  }

  private func seconds(_ duration: Duration) -> String { "\(Int(duration / .seconds(1))) s" }

  private func milliseconds(_ duration: Duration) -> String { "\(Int(duration / .milliseconds(1))) ms" }
}
