import Common
import Testing

@testable import Coordinator

/// Who has left, is forgotten, or has to make room.
@Suite struct RegistryRoomTests {
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
}
