import Common
import FoundationEssentials
import Testing

@testable import Coordinator

@Suite struct ClusterCheckTests {
  /// Three nodes. The first one leads.
  private struct Cluster {
    var bench = RegistryBench()
    var surroundings = Registry.Surroundings()
    var reports: [String: HealthReport] = [:]

    init() throws {
      for number in 1...3 {
        let report = HealthReport.sample(id: "n\(number)")
        reports["n\(number)"] = number == 1 ? report.leading(epoch: 7) : report
        try bench.announce(.sample(id: "n\(number)", url: "http://10.0.0.\(number)"))
      }
    }

    /// All nodes that have a report answer with it. Then a second passes.
    mutating func second() {
      for report in reports.values { bench.answer(report) }
      bench.registry.sample(at: bench.now)
      _ = bench.registry.inspect(surroundings.condition, at: bench.now)
      bench.now = bench.now + .seconds(1)
    }

    mutating func view() -> ClusterView { bench.registry.view(surroundings, at: bench.now) }

    mutating func kinds() -> [String] { view().problems.map(\.kind) }

    mutating func holds(_ invariant: String) -> Bool? {
      view().invariants.first { $0.name == invariant }?.holds
    }
  }

  @Test func `with all nodes well there is no problem, every invariant holds, and one sentence says so`() throws {
    var cluster = try Cluster()
    cluster.second()
    let view = cluster.view()
    #expect(view.healthy && view.problems.isEmpty)
    #expect(view.invariants.count == 5 && view.invariants.allSatisfy { $0.holds == true })
    #expect(view.summary == "All is well: 3 of 3 nodes UP, n1 leads (epoch 7)")
    #expect(view.leader?.id == "n1" && view.totals.ready == 3 && view.totals.ratePerSecond == 30)
    #expect(view.nodes.map(\.id) == ["n1", "n2", "n3"] && view.checks.count > 3)
    #expect(view.transitions.first?.at ?? "" >= view.transitions.last?.at ?? "?")
  }

  @Test func `without any node something is wrong`() {
    let view = RegistryBench().registry.view(.init(), at: .start)
    #expect(!view.healthy && view.problems.map(\.kind) == ["no-nodes"])
  }

  @Test func `a node that has not been judged yet is a problem, and nothing is called healthy before`() throws {
    var cluster = try Cluster()
    cluster.reports["n3"] = nil
    cluster.second()
    let view = cluster.view()
    #expect(!view.healthy && view.problems.map(\.kind) == ["not-judged"])
    #expect(view.problems.first?.text == "n3 has not been judged yet")
  }

  @Test func `a node that is DOWN, a cut-off Redis and a missing leader are told apart, since when and why`() throws {
    var cluster = try Cluster()
    cluster.second()
    cluster.reports["n3"] = nil
    cluster.bench.kill("n3")
    let died = cluster.bench.now
    cluster.reports["n2"] = .sample(id: "n2", state: .degraded, reasons: ["no link to Redis: refused"])
      .with(\.redis.connected, false)
    for _ in 0..<5 { cluster.second() }
    let view = cluster.view()
    #expect(view.problems.map(\.kind) == ["node-down", "redis-unreachable"])
    let at = RFC3339.string(epochMilliseconds: died.epochMilliseconds)
    #expect(view.problems.allSatisfy { $0.severity == .critical && $0.since == at })
    #expect(view.problems[0].text == "n3 is DOWN: no answer within 500 ms, 3 times in a row")
    #expect(view.problems[1].text == "n2 answers, but cannot reach Redis: no link to Redis: refused")
    #expect(view.problems.map(\.node) == ["n3", "n2"])
    #expect(view.summary == view.problems[0].text + "; and 1 more problem")
    #expect(cluster.holds("all reach Redis") == false && cluster.holds("one leader") == true)
    #expect(view.nodes[1].state == .up && !view.nodes[1].ready && view.nodes[2].state == .down)
  }

  @Test func `when no node reaches Redis, that the shop cannot sell comes first, since when and why`() throws {
    var cluster = try Cluster()
    cluster.second()
    let cut = HealthReport.sample(state: .degraded, reasons: ["no link to Redis: connection refused"])
    func cutOff(_ id: String) { cluster.reports[id] = cut.with(\.nodeId, id) }
    cutOff("n1")
    cutOff("n2")
    cluster.second()
    #expect(!cluster.view().problems.contains(where: Outage.isTold), "one node can")
    cutOff("n3")
    let began = cluster.bench.now
    for _ in 0..<5 { cluster.second() }
    let first = try #require(cluster.view().problems.first)
    #expect(first.severity == .critical && first.text.hasPrefix("The shop cannot sell: "))
    #expect(first.kind == "shop-cannot-sell" && first.text.hasSuffix("no link to Redis: connection refused"))
    #expect(first.since == RFC3339.string(epochMilliseconds: began.epochMilliseconds))
    #expect(cluster.view().summary.hasPrefix("The shop cannot sell: "))
  }

  @Test func `a store that takes no writes stops the sale as well, in Redis's own words, said once`() throws {
    var cluster = try Cluster()
    cluster.second()
    let fault = "Redis takes no writes: NOREPLICAS Not enough good replicas to write.: the shop cannot sell"
    for (id, report) in cluster.reports {
      cluster.reports[id] = report.with(\.state, .degraded).with(\.reasons, [fault]).with(\.redis.faults, [fault])
    }
    cluster.second()
    let text = cluster.view().problems.first?.text ?? ""
    #expect(
      text.hasPrefix("The shop cannot sell: Redis takes no writes: NOREPLICAS Not enough good replicas to write."))
    #expect(text.ranges(of: "cannot sell").count == 1)
  }

  @Test func `when no node answers the shop cannot sell; while some are not judged yet, nothing is claimed`() throws {
    var cluster = try Cluster()
    cluster.second()
    for number in 1...3 { cluster.bench.kill("n\(number)") }
    cluster.reports = [:]
    cluster.second()
    #expect(cluster.view().problems.first?.text == "The shop cannot sell: no node answers")
    try cluster.bench.announce(.sample(id: "n4", url: "http://10.0.0.4"))
    #expect(!cluster.view().problems.contains(where: Outage.isTold))
  }

  @Test func `nodes that all drain can sell, but load balancers find none that is ready`() throws {
    var cluster = try Cluster()
    cluster.second()
    for id in ["n1", "n2"] { cluster.reports[id] = .sample(id: id, state: .draining) }
    cluster.second()
    #expect(!cluster.kinds().contains("no-node-ready"))
    cluster.reports["n3"] = .sample(id: "n3", state: .draining)
    cluster.second()
    #expect(cluster.view().problems.first?.kind == "no-node-ready")
  }

  @Test func `a second process with the id of a living one is a problem with both places and since when`() throws {
    var cluster = try Cluster()
    cluster.second()
    let began = cluster.bench.now
    func announce() {
      #expect(throws: AnnouncementRefusal.self) {
        try cluster.bench.announce(.sample(id: "n2", bootID: "b9", url: "http://10.0.0.66"))
      }
    }
    for _ in 0..<3 {
      announce()
      for _ in 0..<2 { cluster.second() }
    }
    let problem = try #require(cluster.view().problems.first)
    #expect(problem.kind == "node-id-taken" && problem.node == "n2" && problem.severity == .warning)
    for part in ["as n2", "http://10.0.0.66 (boot id b9)", "http://10.0.0.2 (boot id b1)"] {
      #expect(problem.text.contains(part), "\(part)")
    }
    #expect(problem.since == RFC3339.string(epochMilliseconds: began.epochMilliseconds))
    let told = try #require(cluster.view().nodes.first { $0.id == "n2" }).rivals
    #expect(told == [.init(bootId: "b9", url: "http://10.0.0.66", since: problem.since)])
    for _ in 0..<8 { cluster.second() }
    #expect(cluster.view().healthy, "it has stopped")
  }

  @Test func `the time of a problem begins anew after it was over`() throws {
    var cluster = try Cluster()
    let cut = HealthReport.sample(id: "n2", state: .degraded, reasons: ["x"])
    cluster.reports["n2"] = cut
    cluster.second()
    cluster.reports["n2"] = .sample(id: "n2")
    cluster.second()
    #expect(cluster.kinds() == [])
    cluster.reports["n2"] = cut
    let again = cluster.bench.now
    cluster.second()
    #expect(cluster.view().problems.first?.since == RFC3339.string(epochMilliseconds: again.epochMilliseconds))
  }

  @Test func `a cluster without a leader is in trouble`() throws {
    var cluster = try Cluster()
    cluster.second()
    cluster.reports["n1"] = .sample(id: "n1")
    for _ in 0..<2 { cluster.second() }
    #expect(cluster.holds("one leader") == nil)
    for _ in 0..<3 { cluster.second() }
    #expect(cluster.kinds() == ["no-leader"] && cluster.holds("one leader") == false && cluster.view().leader == nil)
    let text = "No node that answers leads; the others say that n1 still has the lease"
    #expect(cluster.view().problems.first?.text == text)
    for (id, report) in cluster.reports { cluster.reports[id] = report.with(\.lease.remainingMs, 0) }
    cluster.second()
    #expect(cluster.view().problems.first?.text == "No node leads: expired holds are not released")
  }

  @Test func `an epoch that goes back is a problem, long enough for people to see it`() throws {
    var cluster = try Cluster()
    cluster.second()
    for id in cluster.reports.keys { cluster.reports[id] = cluster.reports[id]?.with(\.lease.epoch, 2) }
    let at = RFC3339.string(epochMilliseconds: cluster.bench.now.epochMilliseconds)
    for _ in 0..<599 {
      cluster.second()
      #expect(cluster.view().problems.map(\.since) == [at] && cluster.kinds() == ["epoch-went-back"])
    }
    cluster.second()
    #expect(cluster.kinds().isEmpty && cluster.view().leader?.epoch == 2)
  }

  @Test func `two leaders, or two epochs, are a problem when they last longer than a change of leadership`() throws {
    for other in [HealthReport.sample(id: "n2").leading(epoch: 8), .sample(id: "n2").with(\.lease.epoch, 8)] {
      var cluster = try Cluster()
      cluster.second()
      cluster.reports["n2"] = other
      for _ in 0..<2 {
        cluster.second()
        #expect(cluster.kinds().isEmpty && cluster.holds("all agree on the epoch") == nil)
      }
      cluster.second()
      #expect(cluster.kinds() == ["leader-disagreement"] && cluster.holds("all agree on the epoch") == false)
      #expect(cluster.holds("one leader") == (other.lease.leader ? false : true))
      // A node that is cut off from Redis still believes that it leads.
      cluster.reports["n2"] = other.with(\.state, .degraded)
      cluster.second()
      #expect(cluster.kinds() == ["redis-unreachable"])
    }
  }

  @Test func `holds overdue by over a second, a store nearly full, unsafe settings and versions are told`() throws {
    var cluster = try Cluster()
    cluster.second()
    func kinds(_ change: (HealthReport) -> HealthReport) -> [String] {
      var cluster = cluster
      cluster.reports["n1"] = change(cluster.reports["n1"]!)
      cluster.second()
      return cluster.kinds()
    }
    #expect(kinds { $0.with(\.sweeper.backlog, 9).with(\.sweeper.oldestOverdueMs, 1000) } == [])
    #expect(kinds { $0.with(\.sweeper.backlog, 9).with(\.sweeper.oldestOverdueMs, 1001) } == ["overdue-holds"])
    #expect(
      kinds { $0.with(\.redis.usedBytes, 95_000).with(\.state, .degraded).with(\.reasons, ["full"]) }
        == ["store-nearly-full"])
    #expect(kinds { $0.with(\.redis.warnings, ["Redis has appendonly no"]) } == ["redis-unsafe"])
    #expect(kinds { $0.with(\.version, "0.2.0") } == ["versions-differ"])
    #expect(kinds { $0.with(\.state, .starting).with(\.reasons, ["starting"]) } == ["node-starting"])
  }

  @Test func `a Redis that is out for all nodes is told once, first, and without what only follows from it`() throws {
    var cluster = try Cluster()
    cluster.second()
    let fault = "Redis takes no writes: NOREPLICAS x: the shop cannot sell"
    func all(_ change: (HealthReport) -> HealthReport) -> [ClusterView.Problem] {
      var cluster = cluster
      for id in cluster.reports.keys {
        cluster.reports[id] = change(.sample(id: id, state: .degraded)).with(\.lease.remainingMs, 0)
          .with(\.sweeper.oldestOverdueMs, 60_000)
      }
      for _ in 0..<5 { cluster.second() }
      #expect(cluster.holds("one leader") == false)
      return cluster.view().problems
    }
    let refusing = all { $0.with(\.redis.faults, [fault]).with(\.reasons, [fault]) }
    #expect(refusing.map(\.text) == ["The shop cannot sell: Redis takes no writes: NOREPLICAS x"])
    #expect(refusing.map(\.kind) == ["shop-cannot-sell"] && refusing[0].severity == .critical)
    let other = "Redis is busy: BUSY x: the shop cannot sell"
    let twice = all { $0.with(\.redis.faults, [fault, other]).with(\.reasons, [fault, other]) }
    #expect(twice.map(\.kind) == ["shop-cannot-sell", "redis-unusable"])
    #expect(twice.last?.text == "n1, n2 and n3 cannot sell: Redis is busy: BUSY x")
    let cut = all { $0.with(\.redis.connected, false).with(\.reasons, ["no link to Redis: refused"]) }
    #expect(cut.map(\.text) == ["The shop cannot sell: no link to Redis: refused"])
    cluster.reports["n2"] = .sample(id: "n2", state: .degraded, reasons: [fault]).with(\.redis.faults, [fault])
    cluster.second()
    #expect(cluster.view().problems.map(\.text) == ["n2 cannot sell: Redis takes no writes: NOREPLICAS x"])
  }

  @Test func `shards that no server serves are critical, and told until one does`() throws {
    var cluster = try Cluster()
    let well = HealthReport.sample(id: "n2").with(\.store.shards, 64).with(\.store.unservedShards, 0)
    cluster.reports["n2"] = well.with(\.store.unservedShards, 22)
    cluster.second()
    let problem = cluster.view().problems.first
    #expect(problem?.severity == .critical && problem?.kind == "shards-down")
    #expect(problem?.text == "22 of 64 shards of the store have no server: what they keep can't be sold (told by n2)")
    #expect(cluster.view().store.shards == 64 && cluster.view().store.unservedShards == 22)
    cluster.reports["n2"] = well
    cluster.second()
    #expect(cluster.view().problems.isEmpty && cluster.view().store.unservedShards == 0)
  }

  @Test func `damage in the store is critical, and named in one line`() throws {
    var cluster = try Cluster()
    cluster.reports["n2"] = .sample(id: "n2").with(\.store.damaged, 7).with(\.store.damage, ["SKU a", "SKU b"])
    cluster.second()
    let problem = cluster.view().problems.first
    #expect(problem?.severity == .critical && problem?.kind == "store-damaged")
    #expect(problem?.text == "The store is damaged in 7 places: SKU a; SKU b; and more")
  }

  @Test func `a loss of data is told first until it is acknowledged, across restarts of the coordinator too`() throws {
    var cluster = try Cluster()
    for _ in 0..<2 { cluster.second() }
    #expect(cluster.view().store.identity == "9c1f" && cluster.view().store.loss == nil)
    #expect(cluster.bench.registry.acknowledgeLoss(by: "anna", at: cluster.bench.now) == nil)
    let since = RFC3339.string(epochMilliseconds: cluster.bench.now.epochMilliseconds)
    let lost = HealthReport.Store(
      identity: "ab", mark: 1_800_000_009_000, markedBy: "b1",
      loss: .init(
        seenIdentity: "9c1f", seenMark: 1_800_000_000_000, foundIdentity: nil, foundMark: nil, since: since))
    cluster.reports["n2"] = .sample(id: "n2").with(\.store, lost)
    cluster.bench.kill("n3")
    cluster.reports["n3"] = nil
    cluster.second()
    let view = cluster.view()
    #expect(view.problems.map(\.kind) == ["store-loss", "node-down"] && view.problems[0].since == since)
    #expect(
      view.problems[0].text.hasPrefix("Redis has lost data: last seen was store 9c1f as of 2027-01-15T08:00:00.000Z"))
    #expect(view.problems[0].text.hasSuffix("found was an empty store (told by n2)") && view.store.loss != nil)

    var acknowledging = cluster
    #expect(acknowledging.bench.registry.acknowledgeLoss(by: "anna", at: acknowledging.bench.now) == lost.loss)
    let memory = acknowledging.bench.registry.store
    #expect(memory.evidence == StoreEvidence(identity: "ab", marks: ["b1": 1_800_000_009_000]))
    #expect(acknowledging.view().store.loss == nil && acknowledging.kinds() == ["node-down"])
    #expect(acknowledging.bench.lastEntry?.to == "acknowledged")
    #expect(acknowledging.bench.registry.acknowledgeLoss(by: "anna", at: acknowledging.bench.now) == nil, "once")
    // A node that has not received the acknowledgement reports the loss again.
    for _ in 0..<11 { acknowledging.second() }
    #expect(acknowledging.kinds().first == "store-loss")
    acknowledging.reports["n2"]?.store = HealthReport.Store(
      identity: "ab", mark: 1_800_000_009_500, markedBy: "b1", acknowledged: memory.acknowledged)
    acknowledging.second()
    #expect(acknowledging.kinds() == ["node-down"])

    let restarted = RegistryBench(contents: acknowledging.bench.registry.contents)
    #expect(restarted.registry.store == acknowledging.bench.registry.store)
  }

  @Test func `marks that rise are no reason to write the file each time`() throws {
    var cluster = try Cluster()
    for _ in 0..<2 { cluster.second() }
    let before = cluster.bench.registry.revision
    for step in Int64(1)...40 {
      cluster.reports["n2"]?.store.mark = 1_800_000_000_000 + step * 500
      cluster.second()
    }
    #expect((3...5).contains(cluster.bench.registry.revision - before))
    #expect(cluster.bench.registry.store.evidence?.mark == 1_800_000_020_000)
  }

  @Test func `what the coordinator itself cannot do is told`() throws {
    var cluster = try Cluster()
    cluster.surroundings.condition = .init(isLate: true, fileProblem: "open: Permission denied")
    cluster.second()
    #expect(cluster.kinds() == ["coordinator-late", "registry-not-kept"])
  }

  @Test func `a node that an operator drains is a note, and no problem, and no alarm when it is gone`() throws {
    var cluster = try Cluster()
    cluster.second()
    #expect(cluster.bench.registry.want(.drain, of: "n3", by: "anna", at: cluster.bench.now) == true)
    cluster.reports["n3"] = .sample(id: "n3", state: .draining, reasons: ["draining"])
    cluster.second()
    let view = cluster.view()
    #expect(view.healthy && view.summary.hasSuffix("n3 is drained by anna"))
    #expect(view.nodes[2].state == .draining && view.nodes[2].reason == "drained by anna" && !view.nodes[2].ready)
    cluster.reports["n3"] = nil
    cluster.bench.kill("n3")
    #expect(cluster.view().problems.map(\.severity) == [.warning])
  }

  @Test func `the worst comes first, and of the same kind the oldest`() throws {
    var cluster = try Cluster()
    cluster.second()
    cluster.surroundings.condition.isLate = true
    cluster.reports["n2"] = nil
    cluster.reports["n3"] = nil
    cluster.bench.kill("n3")
    cluster.second()
    cluster.bench.kill("n2")
    cluster.reports["n1"] = cluster.reports["n1"]?.with(\.sweeper.oldestOverdueMs, 5000).with(\.sweeper.backlog, 1)
    cluster.second()
    let problems = cluster.view().problems
    #expect(problems.map(\.kind) == ["node-down", "node-down", "overdue-holds", "coordinator-late"])
    #expect(problems.map(\.node) == ["n3", "n2", nil, nil])
  }

  @Test func `a view of the most hostile reports can be written as JSON`() throws {
    var cluster = try Cluster()
    for number in 1...3 {
      var report = HealthReport.sample(id: "n\(number)").leading(epoch: .max)
      report.requests.ratePerSecond = .greatestFiniteMagnitude
      report.sweeper.backlog = .max
      (report.redis.usedBytes, report.redis.limitBytes) = (.max, 1)
      report.reasons = ["\u{0}</script>"]
      cluster.reports["n\(number)"] = report.bounded
    }
    cluster.second()
    #expect(try JSONEncoder().encode(cluster.view()).count > 1000)
  }
}
