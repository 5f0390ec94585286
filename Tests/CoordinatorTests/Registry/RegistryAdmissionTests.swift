import Common
import Testing

@testable import Coordinator

/// Who is taken as which node, and who claims to be it.
@Suite struct RegistryAdmissionTests {
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
}
