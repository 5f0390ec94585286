import Common
import TestSupport
import Testing

@testable import Coordinator

/// A registry with a clock of its own.
struct RegistryBench {
  var registry: Registry
  var now = Moment.start

  init(maxNodes: Int = 10, contents: RegistryContents? = nil) {
    registry = Registry(
      maxNodes: maxNodes, timing: .even, random: { SeededRandom(1) }, contents: contents, at: .start)
  }

  @discardableResult
  mutating func announce(_ announcement: Announcement = .sample()) throws -> Registry.Reception {
    try registry.announce(announcement, at: now)
  }

  /// Probes a node, which answers at once.
  mutating func answer(_ report: HealthReport = .sample(), took: Duration = .milliseconds(1)) {
    end(report.nodeId, .success(report), took: took)
  }

  mutating func fail(_ id: String = "n1", _ failure: ProbeFailure = .noAnswer(within: .milliseconds(500))) {
    end(id, .failure(failure))
  }

  /// Ends a probe of a node with any result.
  mutating func end(
    _ id: String, _ result: Result<HealthReport, ProbeFailure>, took: Duration = .milliseconds(1)
  ) {
    guard let probe = registry.startProbe(of: id, at: now.instant) else { return }
    registry.ended(probe, with: result, took: took, isHeld: true, at: now)
  }

  mutating func kill(_ id: String = "n1") { for _ in 0..<3 { fail(id) } }

  func status(_ id: String = "n1") -> NodeStatus? { registry.nodes[id]?.detector.status }

  /// Adds a node: it announces itself and answers a probe.
  mutating func admit(_ report: HealthReport = .sample(), url: String = "http://10.0.0.1:8080") throws {
    try announce(.sample(id: report.nodeId, bootID: report.bootId, url: url))
    answer(report)
  }

  var lastEntry: History.Entry? { registry.history.entries.last }
}

@Suite struct RegistryTests {
  // MARK: - Who is taken

  @Test func `a node that announces itself is watched, and the answer tells what is wanted of it`() throws {
    var bench = RegistryBench()
    #expect(try bench.announce() == .taken(.serve, probe: true))
    #expect(bench.status() == .unknown)
    bench.answer()
    #expect(bench.status() == .up)
    #expect(bench.registry.history.entries.map(\.to) == ["UNKNOWN", "UP"])
    #expect(bench.registry.want(.drain, of: "n1", by: "anna", at: bench.now) == true)
    #expect(try bench.announce() == .taken(.drain, probe: false))
  }

  @Test(
    arguments: [
      ("id", Announcement.sample(id: "")), ("id", .sample(id: "a b")), ("id", .sample(id: "../x")),
      ("id", .sample(id: String(repeating: "a", count: 65))), ("bootId", .sample(bootID: "")),
      ("bootId", .sample(bootID: "<script>")), ("bootId", .sample(bootID: String(repeating: "a", count: 65))),
      ("url", .sample(url: "file:///etc/passwd")), ("state", .sample(state: "fine")),
      ("state", .sample(state: String(repeating: "s", count: 100_000))),
      ("version", Announcement(id: "a", bootId: "b", url: "http://10.0.0.1", version: "", state: "serving")),
      ("version", Announcement(id: "a", bootId: "b", url: "http://10.0.0.1", version: "1\n", state: "serving")),
      (
        "version",
        Announcement(
          id: "a", bootId: "b", url: "http://10.0.0.1", version: String(repeating: "1", count: 33), state: "serving")
      ),
    ])
  func `an announcement with a bad member is refused, and the refusal names it`(
    member: String, announcement: Announcement
  ) {
    var bench = RegistryBench()
    do {
      try bench.announce(announcement)
      Issue.record("the announcement was accepted")
    } catch AnnouncementRefusal.invalid(let words) {
      #expect(words.hasPrefix("\(member): must be "))
    } catch {
      Issue.record("another refusal: \(error)")
    }
    #expect(bench.registry.nodes.isEmpty)
  }

  @Test func `another process cannot take a living node's id: not elsewhere, not with the known boot id`() throws {
    var bench = RegistryBench()
    try bench.announce()
    let intruders = [
      Announcement.sample(bootID: "b2", url: "http://10.0.0.66:8080"), .sample(url: "http://10.0.0.66:8080"),
    ]
    func expectRefusals(_ state: NodeStatus) {
      #expect(bench.status() == state)
      for intruder in intruders {
        #expect(throws: AnnouncementRefusal.self) { try bench.announce(intruder) }
        #expect(bench.registry.nodes["n1"]?.url.text == "http://10.0.0.1:8080")
        #expect(bench.registry.nodes["n1"]?.bootID == "b1")
      }
    }
    expectRefusals(.unknown)
    bench.answer()
    expectRefusals(.up)
    bench.fail()
    expectRefusals(.suspect)
    bench.kill()
    bench.answer()
    expectRefusals(.recovering)
    bench.answer(.sample(state: .draining))
    expectRefusals(.draining)
  }

  @Test func `a node that was found dead may come back as another process, even elsewhere`() throws {
    var bench = RegistryBench()
    try bench.admit()
    bench.kill()
    #expect(try bench.announce(.sample(bootID: "b2", url: "http://10.0.0.9:8080")) == .taken(.serve, probe: true))
    #expect(bench.status() == .unknown && bench.lastEntry?.from == "DOWN")
    #expect(bench.registry.nodes["n1"]?.report == nil, "what it told before was another process's")
    bench.answer(.sample(bootID: "b2"))
    #expect(bench.status() == .up && bench.registry.nodes["n1"]?.url.text == "http://10.0.0.9:8080")
  }

  @Test func `a process that says it is the restarted node is taken over once the known URL answers as it`() throws {
    var bench = RegistryBench()
    try bench.admit()
    #expect(try bench.announce(.sample(bootID: "b2")) == .unproven)
    #expect(bench.registry.nodes["n1"]?.bootID == "b1")
    bench.answer(.sample(bootID: "b2"))
    #expect(bench.registry.nodes["n1"]?.bootID == "b2" && bench.status() == .up)
    #expect(bench.lastEntry?.reason == "restarted: it answers as boot id b2")
    #expect(try bench.announce(.sample(bootID: "b2")) == .taken(.serve, probe: false))
  }

  @Test func `a process that only says it is the restarted node is refused, and the node stays as it was`() throws {
    var bench = RegistryBench()
    try bench.admit()
    #expect(try bench.announce(.sample(bootID: "b2")) == .unproven)
    bench.answer()
    #expect(throws: AnnouncementRefusal.self) { try bench.announce(.sample(bootID: "b2")) }
    #expect(bench.registry.nodes["n1"]?.bootID == "b1" && bench.status() == .up)
  }

  @Test func `a process with another boot id that nobody announced is a failure, and DOWN in the end`() throws {
    var bench = RegistryBench()
    try bench.admit()
    for _ in 0..<3 { bench.answer(.sample(bootID: "b9")) }
    #expect(bench.status() == .down)
    #expect(bench.lastEntry?.reason == "answers as another process (boot id b9), 3 times in a row")
  }

  @Test func `another node that answers at the URL is a failure, though it is well`() throws {
    var bench = RegistryBench()
    try bench.admit()
    for _ in 0..<3 { bench.end("n1", .success(.sample(id: "n7"))) }
    #expect(bench.status() == .down && bench.lastEntry?.reason == "answers as another node (n7), 3 times in a row")
  }

  // MARK: - Leaving, and room

  @Test func `a node that leaves has left: a late announcement does not bring it back, a new process does`() throws {
    var bench = RegistryBench()
    try bench.admit()
    try bench.registry.leave(id: "n1", bootID: "b1", at: bench.now)
    #expect(bench.status() == .left && bench.lastEntry?.to == "LEFT")
    #expect(try bench.announce() == .taken(.serve, probe: false))
    #expect(bench.status() == .left)
    bench.now = bench.now + .seconds(6)
    #expect(try bench.announce() == .taken(.serve, probe: true))
    #expect(bench.status() == .unknown)
    try bench.registry.leave(id: "n1", bootID: "b1", at: bench.now)
    #expect(try bench.announce(.sample(bootID: "b2", url: "http://10.0.0.5")) == .taken(.serve, probe: true))
    #expect(bench.status() == .unknown)
  }

  @Test func `only the process that is known can leave`() throws {
    var bench = RegistryBench()
    try bench.admit()
    #expect(throws: AnnouncementRefusal.self) { try bench.registry.leave(id: "n1", bootID: "b2", at: .start) }
    #expect(throws: AnnouncementRefusal.unknownNode) { try bench.registry.leave(id: "n2", bootID: "b1", at: .start) }
    #expect(bench.status() == .up)
  }

  @Test func `nodes are bounded: those that left make room first, then those long DOWN, oldest first`() throws {
    var bench = RegistryBench(maxNodes: 4)
    func url(_ number: Int) -> String { "http://10.0.0.\(number):80" }
    for number in 1...4 {
      try bench.admit(.sample(id: "n\(number)"), url: url(number))
    }
    func add(_ number: Int) throws { try bench.announce(.sample(id: "n\(number)", url: url(number))) }
    #expect(throws: AnnouncementRefusal.tooMany) { try add(5) }
    bench.kill("n1")
    bench.now = bench.now + .seconds(1)
    bench.kill("n2")
    bench.now = bench.now + .seconds(300)
    #expect(throws: AnnouncementRefusal.tooMany) { try add(5) }
    bench.now = bench.now + .seconds(301)
    try bench.registry.leave(id: "n4", bootID: "b1", at: bench.now)
    try add(5)
    #expect(bench.registry.nodes.keys.sorted() == ["n1", "n2", "n3", "n5"])
    try add(6)
    #expect(bench.registry.nodes.keys.sorted() == ["n2", "n3", "n5", "n6"])
    try add(7)
    #expect(throws: AnnouncementRefusal.tooMany) { try add(8) }
    #expect(bench.registry.nodes.keys.sorted() == ["n3", "n5", "n6", "n7"])
    // Known nodes are not refused.
    try add(7)
  }

  @Test func `a node that left is shown for ten minutes, one that is DOWN until room is needed`() throws {
    var bench = RegistryBench()
    try bench.admit()
    try bench.admit(.sample(id: "n2"), url: "http://10.0.0.2")
    bench.kill("n2")
    try bench.registry.leave(id: "n1", bootID: "b1", at: bench.now)
    bench.now = bench.now + .seconds(600)
    bench.registry.sample(at: bench.now)
    #expect(bench.status() == .left)
    bench.now = bench.now + .seconds(1)
    bench.registry.sample(at: bench.now)
    #expect(bench.registry.nodes.keys.sorted() == ["n2"])
  }

  @Test func `a node that is DOWN for a day is forgotten, and the history tells; one that is to drain is not`() throws {
    var bench = RegistryBench()
    for number in 1...3 { try bench.admit(.sample(id: "n\(number)"), url: "http://10.0.0.\(number)") }
    _ = bench.registry.want(.drain, of: "n2", by: "anna", at: bench.now)
    for number in 1...3 { bench.kill("n\(number)") }
    bench.now = bench.now + .seconds(86_400)
    // The node lives, but can't be reached from here.
    try bench.announce(.sample(id: "n3", url: "http://10.0.0.3"))
    bench.registry.sample(at: bench.now)
    #expect(bench.registry.nodes.keys.sorted() == ["n1", "n2", "n3"], "not before the day is over")
    bench.now = bench.now + .seconds(1)
    let revision = bench.registry.revision
    bench.registry.sample(at: bench.now)
    #expect(bench.registry.nodes.keys.sorted() == ["n2", "n3"])
    #expect(bench.lastEntry?.subject == "n1" && bench.lastEntry?.to == "FORGOTTEN")
    #expect(bench.registry.revision > revision && bench.registry.contents.nodes.map(\.id) == ["n2", "n3"])
    bench.now = bench.now + .seconds(86_400)
    bench.registry.sample(at: bench.now)
    #expect(bench.registry.nodes.keys.sorted() == ["n2"])
  }

  @Test func `a node's day goes on over restarts of the coordinator; one that answers is not forgotten`() throws {
    var bench = RegistryBench()
    try bench.admit()
    try bench.admit(.sample(id: "n2"), url: "http://10.0.0.2")
    for id in ["n1", "n2"] { bench.kill(id) }
    var contents = bench.registry.contents
    for index in contents.nodes.indices { contents.nodes[index].since -= 86_401_000 }
    bench = RegistryBench(contents: contents)
    bench.registry.sample(at: bench.now)
    #expect(bench.registry.nodes.count == 2, "none is judged yet")
    bench.kill("n1")
    bench.answer(.sample(id: "n2"))
    bench.registry.sample(at: bench.now)
    #expect(bench.registry.nodes.keys.sorted() == ["n2"] && bench.status("n2") == .up)
  }

  @Test func `an operator can have a node forgotten that is DOWN or has LEFT; not one that may be alive`() throws {
    var bench = RegistryBench()
    func forget(_ id: String = "n1") throws { try bench.registry.forget(id, by: "anna", at: bench.now) }
    #expect(throws: ForgetRefusal.unknownNode) { try forget() }
    try bench.announce()
    #expect(throws: ForgetRefusal.alive(.unknown)) { try forget() }
    bench.answer()
    #expect(throws: ForgetRefusal.alive(.up)) { try forget() }
    bench.fail()
    #expect(throws: ForgetRefusal.alive(.suspect)) { try forget() }
    bench.answer(.sample(state: .draining))
    #expect(throws: ForgetRefusal.alive(.draining)) { try forget() }
    bench.kill()
    bench.answer()
    #expect(throws: ForgetRefusal.alive(.recovering)) { try forget() }
    #expect(bench.registry.nodes.count == 1)

    bench.kill()
    _ = bench.registry.want(.drain, of: "n1", by: "otto", at: bench.now)
    let started = bench.registry.startProbe(of: "n1", at: bench.now.instant)
    let probe = try #require(started)
    try forget()
    #expect(bench.registry.nodes.isEmpty && bench.registry.wakeUp == nil && bench.registry.contents.nodes.isEmpty)
    #expect(bench.lastEntry?.from == "DOWN" && bench.lastEntry?.to == "FORGOTTEN")
    #expect(bench.lastEntry?.reason == "anna wants it to be forgotten")
    bench.registry.ended(probe, with: .success(.sample()), took: .zero, isHeld: true, at: bench.now)
    #expect(bench.registry.nodes.isEmpty, "an answer that was on its way does not bring it back")
    // It lives after all and counts as a new node, without the mark.
    #expect(try bench.announce() == .taken(.serve, probe: true))
    try bench.registry.leave(id: "n1", bootID: "b1", at: bench.now)
    try forget()
    #expect(bench.registry.nodes.isEmpty)
  }

  // MARK: - Processes with the same id

  @Test func `a process that goes on announcing itself with a living one's id is known until it stops`() throws {
    var bench = RegistryBench()
    try bench.admit()
    let rival = Announcement.sample(bootID: "b2", url: "http://10.0.0.66:8080")
    var known: [Rivals.Rival] { bench.registry.nodes["n1"]?.rivals.insistent(at: bench.now.instant) ?? [] }
    func insist(for seconds: Int) throws {
      for _ in 0..<seconds / 2 {
        bench.now = bench.now + .seconds(2)
        bench.answer()
        try bench.announce()
        #expect(throws: AnnouncementRefusal.self) { try bench.announce(rival) }
        bench.registry.sample(at: bench.now)
      }
    }
    let began = bench.now + .seconds(2)
    try insist(for: 4)
    #expect(known.isEmpty, "as yet it may be a node that was started again elsewhere")
    try insist(for: 2)
    #expect(known.map(\.bootID) == ["b2"] && known.first?.url == "http://10.0.0.66:8080")
    #expect(known.first?.first.epochMilliseconds == began.epochMilliseconds)
    try insist(for: 60)
    #expect(known.count == 1 && known.first?.first.epochMilliseconds == began.epochMilliseconds)
    bench.now = bench.now + Rivals.maxSilence + .seconds(1)
    bench.registry.sample(at: bench.now)
    #expect(known.isEmpty && bench.registry.nodes["n1"]?.rivals.all.isEmpty == true, "it has stopped")
  }

  @Test func `a process that takes the place of a dead one is its rival no longer`() throws {
    var bench = RegistryBench()
    try bench.admit()
    let rival = Announcement.sample(bootID: "b2", url: "http://10.0.0.66:8080")
    for _ in 0..<4 {
      #expect(throws: AnnouncementRefusal.self) { try bench.announce(rival) }
      bench.now = bench.now + .seconds(2)
    }
    bench.kill()
    #expect(try bench.announce(rival) == .taken(.serve, probe: true))
    #expect(bench.registry.nodes["n1"]?.rivals.all.isEmpty == true)
    bench.answer(.sample(bootID: "b2"))
    // The earlier process was only stopped, and is now the rival.
    #expect(throws: AnnouncementRefusal.self) { try bench.announce() }
    #expect(bench.registry.nodes["n1"]?.rivals.all.map(\.bootID) == ["b1"])
  }

  @Test func `a rival at the very same address is known too; only so many are kept`() throws {
    var bench = RegistryBench()
    try bench.admit()
    #expect(try bench.announce(.sample(bootID: "b2")) == .unproven)
    bench.answer()
    #expect(throws: AnnouncementRefusal.self) { try bench.announce(.sample(bootID: "b2")) }
    #expect(bench.registry.nodes["n1"]?.rivals.all.map(\.url) == ["http://10.0.0.1:8080"])
    for number in 0..<1000 {
      let rival = Announcement.sample(bootID: "c\(number)", url: "http://10.0.0.66:8080")
      #expect(throws: AnnouncementRefusal.self) { try bench.announce(rival) }
    }
    #expect(bench.registry.nodes["n1"]?.rivals.all.count == Rivals.maxCount)
  }

  @Test func `a jump of the time of day neither forgets a node nor keeps it, nor holds room back`() throws {
    var bench = RegistryBench(maxNodes: 2)
    try bench.admit()
    try bench.admit(.sample(id: "n2"), url: "http://10.0.0.2")
    bench.kill("n2")
    try bench.registry.leave(id: "n1", bootID: "b1", at: bench.now)
    bench.now.epochMilliseconds += 86_400_000
    bench.registry.sample(at: bench.now)
    #expect(bench.status() == .left)
    #expect(try bench.announce() == .taken(.serve, probe: false))
    bench.now.epochMilliseconds -= 2 * 86_400_000
    bench.now = bench.now + .seconds(601)
    bench.registry.sample(at: bench.now)
    #expect(bench.registry.nodes.keys.sorted() == ["n2"])
    try bench.announce(.sample(id: "n3", url: "http://10.0.0.3"))
    try bench.announce(.sample(id: "n4", url: "http://10.0.0.4"))
    #expect(bench.registry.nodes.keys.sorted() == ["n3", "n4"])
  }

  @Test func `the history keeps the newest entries, up to a bound, with texts of bounded length`() {
    var history = History()
    let long = String(repeating: "x", count: 100_000)
    for number in 0..<1000 { history.add("n1", from: "\(number)", to: "UP", because: long, at: .start) }
    #expect(history.entries.count == History.maxEntries && history.entries.last?.from == "999")
    #expect(history.entries.allSatisfy { $0.reason.utf8.count < 400 })
    #expect(history.takeNews().count == 1000 && history.takeNews().isEmpty)
  }

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
}
