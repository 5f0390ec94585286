import Common
import FoundationEssentials
import Testing

@testable import Coordinator

@Suite struct ClusterCheckTests {
  /// Three nodes, of which the first leads.
  private struct Cluster {
    var bench = RegistryBench()
    var onsets = Onsets()
    var surroundings = Registry.Surroundings()
    var reports: [String: HealthReport] = [:]

    init() throws {
      for number in 1...3 {
        let report = HealthReport.sample(id: "n\(number)")
        reports["n\(number)"] = number == 1 ? report.leading(epoch: 7) : report
        try bench.announce(.sample(id: "n\(number)", url: "http://10.0.0.\(number)"))
      }
    }

    /// All that have one answer with their reports; then a second passes.
    mutating func second() {
      for report in reports.values { bench.answer(report) }
      bench.registry.sample(at: bench.now)
      _ = bench.registry.check(surroundings.condition, &onsets, at: bench.now)
      bench.now = bench.now + .seconds(1)
    }

    mutating func view() -> ClusterView { bench.registry.view(surroundings, &onsets, at: bench.now) }

    mutating func kinds() -> [String] { view().problems.map(\.kind) }

    mutating func holds(_ invariant: String) -> Bool? {
      view().invariants.first { $0.name == invariant }?.holds
    }
  }

  @Test("with all nodes well there is no problem, every invariant holds, and one sentence says so")
  func allWell() throws {
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

  @Test("without any node something is wrong")
  func noNodes() {
    var onsets = Onsets()
    let view = RegistryBench().registry.view(.init(), &onsets, at: .start)
    #expect(!view.healthy && view.problems.map(\.kind) == ["no-nodes"])
  }

  @Test("a node that has not been judged yet is a problem, and nothing is called healthy before")
  func notJudged() throws {
    var cluster = try Cluster()
    cluster.reports["n3"] = nil
    cluster.second()
    let view = cluster.view()
    #expect(!view.healthy && view.problems.map(\.kind) == ["not-judged"])
    #expect(view.problems.first?.text == "n3 has not been judged yet")
  }

  @Test("a node that is DOWN, a cut-off Redis and a missing leader are told apart, with since when and why")
  func downAndCutOff() throws {
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

  @Test("the time of a problem begins anew after it was over")
  func onset() throws {
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

  @Test("a cluster without a leader is in trouble")
  func noLeader() throws {
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

  @Test("an epoch that goes back is a problem, long enough for people to see it")
  func wentBack() throws {
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

  @Test("two leaders, or two epochs, are a problem when they last longer than a change of leadership")
  func disagreement() throws {
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
      // Whoever is cut off from Redis knows no better.
      cluster.reports["n2"] = other.with(\.state, .degraded)
      cluster.second()
      #expect(cluster.kinds() == ["redis-unreachable"])
    }
  }

  @Test("holds that are overdue by more than a second, a store nearly full, unsafe settings and versions are told")
  func storeAndVersions() throws {
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

  @Test("what the coordinator itself cannot do is told")
  func coordinator() throws {
    var cluster = try Cluster()
    cluster.surroundings.condition = .init(isLate: true, fileProblem: "open: Permission denied")
    cluster.second()
    #expect(cluster.kinds() == ["coordinator-late", "registry-not-kept"])
  }

  @Test("a node that an operator drains is a note, and no problem, and no alarm when it is gone")
  func drained() throws {
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

  @Test("the worst comes first, and of the same kind the oldest")
  func order() throws {
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

  @Test("a view of the most hostile reports can be written as JSON")
  func hostile() throws {
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
