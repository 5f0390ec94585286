import Common
import Testing

@testable import Coordinator

/// What operators want of the nodes, what the nodes are asked, and what is kept of it.
@Suite struct RegistryTests {
  // MARK: - What operators want

  @Test func `a drain mark says who set it, is told once, and stays when the node is another process`() throws {
    var bench = RegistryBench()
    #expect(bench.registry.want(.drain, of: "n1", by: "anna", at: .start) == false)
    try bench.admit()
    for _ in 0..<3 { #expect(bench.registry.want(.drain, of: "n1", by: "anna", at: .start) == true) }
    #expect(bench.registry.history.entries.count { $0.to == "drain" } == 1)
    #expect(bench.lastEntry?.reason == "anna wants it to drain")
    bench.answer(.sample(state: .draining))
    #expect(bench.registry.nodes["n1"]?.reason == "drained by anna")
    bench.kill()
    #expect(try bench.announce(.sample(bootID: "b2")) == .taken(.drain, probe: true))
    #expect(bench.registry.want(.serve, of: "n1", by: "otto", at: .start) == true)
    #expect(try bench.announce(.sample(bootID: "b2")) == .taken(.serve, probe: true))
  }

  @Test func `a drain mark is kept however long the node is gone, until it is taken away`() throws {
    var bench = RegistryBench()
    try bench.admit()
    _ = bench.registry.want(.drain, of: "n1", by: "anna", at: bench.now)
    try bench.registry.leave(id: "n1", bootID: "b1", at: bench.now)
    bench.now = bench.now + .seconds(86_400)
    bench.registry.sample(at: bench.now)
    #expect(try bench.announce(.sample(bootID: "b2")) == .taken(.drain, probe: true))
    try bench.registry.leave(id: "n1", bootID: "b2", at: bench.now)
    _ = bench.registry.want(.serve, of: "n1", by: "anna", at: bench.now)
    bench.now = bench.now + .seconds(601)
    bench.registry.sample(at: bench.now)
    #expect(bench.registry.nodes.isEmpty)
  }

  // MARK: - Probes

  @Test func `an announcement with news is worth a probe, but never two within 250 ms`() throws {
    var bench = RegistryBench()
    try bench.admit()
    bench.now = bench.now + .milliseconds(249)
    #expect(try bench.announce(.sample(state: "draining")) == .taken(.serve, probe: false))
    bench.now = bench.now + .milliseconds(1)
    #expect(try bench.announce(.sample(state: "draining")) == .taken(.serve, probe: true))
    #expect(try bench.announce(.sample(state: "serving")) == .taken(.serve, probe: false))
    bench.kill()
    #expect(try bench.announce() == .taken(.serve, probe: false))
    bench.now = bench.now + .milliseconds(250)
    #expect(try bench.announce() == .taken(.serve, probe: true))
  }

  @Test func `all nodes are asked at once, each in its own rhythm, and what is due soon is asked together`() throws {
    var bench = RegistryBench()
    for number in 1...3 { try bench.announce(.sample(id: "n\(number)", url: "http://10.0.0.\(number)")) }
    let probes = bench.registry.startProbes(due: bench.now.instant, at: bench.now.instant)
    #expect(Set(probes.map(\.url)) == Set((1...3).map { "http://10.0.0.\($0)/health" }))
    #expect(Set(probes.map(\.number)).count == 3)
    #expect(bench.registry.wakeUp == bench.now.instant + .milliseconds(250))
    #expect(bench.registry.startProbes(due: bench.now.instant + .milliseconds(249), at: bench.now.instant).isEmpty)
    #expect(bench.registry.startProbes(due: bench.now.instant + .milliseconds(250), at: bench.now.instant).count == 3)
  }

  @Test func `an answer that was overtaken does not replace what a newer one told`() throws {
    var bench = RegistryBench()
    try bench.admit()
    let probes = (0..<2).map { _ in bench.registry.startProbe(of: "n1", at: bench.now.instant)! }
    func end(_ probe: Probe, total: Int) {
      bench.registry.ended(
        probe, with: .success(.sample().with(\.requests.total, total)), took: .zero, isHeld: true, at: bench.now)
    }
    end(probes[1], total: 2)
    end(probes[0], total: 1)
    #expect(bench.registry.nodes["n1"]?.report?.requests.total == 2)
  }

  @Test func `an answer from a place that the node has left, or from a node that is gone, changes nothing`() throws {
    var bench = RegistryBench(maxNodes: 1)
    try bench.announce()
    let started = bench.registry.startProbe(of: "n1", at: bench.now.instant)
    let probe = try #require(started)
    bench.kill()
    try bench.announce(.sample(bootID: "b1", url: "http://10.0.0.2"))
    bench.registry.ended(probe, with: .success(.sample()), took: .zero, isHeld: true, at: bench.now)
    #expect(bench.status() == .unknown && bench.registry.nodes["n1"]?.report == nil)
    try bench.registry.leave(id: "n1", bootID: "b1", at: bench.now)
    try bench.announce(.sample(id: "n2"))
    bench.registry.ended(probe, with: .success(.sample()), took: .zero, isHeld: true, at: bench.now)
    #expect(bench.registry.nodes.keys.sorted() == ["n2"] && bench.status("n2") == .unknown)
  }

  // MARK: - What is kept

  @Test func `once a second rates, overdue holds and probe times are kept, the last sixty; none of silence`() throws {
    var bench = RegistryBench()
    try bench.admit(.sample().with(\.sweeper.backlog, 4))
    try bench.admit(.sample(id: "n2").with(\.sweeper.backlog, 3), url: "http://10.0.0.2")
    bench.registry.sample(at: bench.now)
    #expect(bench.registry.rates.all == [20] && bench.registry.overdue.all == [4])
    #expect(bench.registry.nodes["n1"]?.rates.all == [10] && bench.registry.nodes["n1"]?.probeTimes.all == [1])
    bench.kill("n2")
    bench.registry.sample(at: bench.now)
    #expect(bench.registry.rates.all == [20, 10] && bench.registry.nodes["n2"]?.rates.all == [10, nil])
    for _ in 0..<100 {
      bench.now = bench.now + .seconds(1)
      bench.answer()
      bench.registry.sample(at: bench.now)
    }
    #expect(bench.registry.rates.all == Array(repeating: 10, count: 60))
    #expect(bench.registry.nodes["n2"]?.rates.all == Array(repeating: nil, count: 60))
    #expect(bench.registry.nodes["n2"]?.probeTimes.all == Array(repeating: nil, count: 60))
  }

  @Test func `the history keeps the newest entries, up to a bound, with texts of bounded length`() {
    var history = History()
    let long = String(repeating: "x", count: 100_000)
    for number in 0..<1000 { history.add("n1", from: "\(number)", to: "UP", because: long, at: .start) }
    #expect(history.entries.count == History.maxEntries && history.entries.last?.from == "999")
    #expect(history.entries.allSatisfy { $0.reason.utf8.count < 400 })
    #expect(history.takeNews().count == 1000 && history.takeNews().isEmpty)
  }
}
