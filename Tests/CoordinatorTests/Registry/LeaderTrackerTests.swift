import Common
import Testing

@testable import Coordinator

@Suite struct LeaderTrackerTests {
  private func claim(_ id: String, _ epoch: Int64?, leads: Bool = true) -> HealthReport.Lease {
    HealthReport.sample(id: id).leading(epoch: 0).with(\.lease.epoch, epoch).with(\.lease.leader, leads).lease
  }

  @Test func `the first leader is no failover; a greater epoch of another node is, and is told with both`() {
    var tracker = LeaderTracker()
    let first = tracker.heard(claim("n1", 5), from: "n1", at: .start)
    #expect(first == LeaderTracker.Change(from: "no leader", to: "n1 (epoch 5)", reason: "n1 says that it leads"))
    #expect(tracker.failovers == 0)
    let second = tracker.heard(claim("n2", 6), from: "n2", at: .start)
    #expect(second?.from == "n1 (epoch 5)" && second?.to == "n2 (epoch 6)")
    #expect(tracker.failovers == 1 && tracker.current?.id == "n2")
  }

  @Test func `the greatest epoch wins, in whatever order it is heard; who follows claims nothing`() {
    var tracker = LeaderTracker()
    _ = tracker.heard(claim("n2", 6), from: "n2", at: .start)
    #expect(tracker.heard(claim("n1", 5), from: "n1", at: .start) == nil)
    #expect(tracker.heard(claim("n3", 9, leads: false), from: "n3", at: .start) == nil)
    #expect(tracker.heard(claim("n3", nil), from: "n3", at: .start) == nil)
    #expect(tracker.heard(claim("n4", 6), from: "n4", at: .start) == nil)
    #expect(tracker.current?.id == "n2" && tracker.failovers == 0)
  }

  @Test func `a new term of the same node is told, and is no failover`() {
    var tracker = LeaderTracker()
    _ = tracker.heard(claim("n1", 5), from: "n1", at: .start)
    #expect(tracker.heard(claim("n1", 5), from: "n1", at: .at(.seconds(1))) == nil)
    #expect(tracker.heard(claim("n1", 6), from: "n1", at: .at(.seconds(1)))?.to == "n1 (epoch 6)")
    #expect(tracker.failovers == 0)
  }

  @Test func `a smaller epoch than before is told, be it the same node's or, when nobody leads, another's`() {
    for id in ["n1", "n2"] {
      var tracker = LeaderTracker()
      _ = tracker.heard(claim("n1", 5), from: "n1", at: .start)
      #expect(tracker.wentBack == nil)
      if id == "n2" { _ = tracker.ended("n1", because: "n1 is DOWN") }
      let change = tracker.heard(claim(id, 3), from: id, at: .at(.seconds(1)))
      #expect(change?.reason == "\(id) says that it leads, though there was n1 (epoch 5): the store may have lost data")
      #expect(tracker.current?.epoch == 3 && tracker.wentBack == .at(.seconds(1)))
    }
    var same = LeaderTracker(last: .init(id: "n1", epoch: 5, since: 0))
    #expect(same.heard(claim("n1", 5), from: "n1", at: .start) != nil && same.wentBack == nil)
    var other = LeaderTracker(last: .init(id: "n1", epoch: 5, since: 0))
    #expect(other.heard(claim("n2", 5), from: "n2", at: .start) != nil && other.wentBack == .start)
  }

  @Test func `a leader of whom nothing is heard for three seconds is none, nor is one that is DOWN`() {
    var tracker = LeaderTracker()
    _ = tracker.heard(claim("n1", 5), from: "n1", at: .start)
    #expect(tracker.tick(at: .at(.seconds(3))) == nil)
    #expect(tracker.tick(at: .at(.milliseconds(3001)))?.to == "no leader")
    #expect(tracker.current == nil && tracker.tick(at: .at(.seconds(9))) == nil)
    // Data were lost and epochs start again. A node that claims then is still the leader.
    #expect(tracker.heard(claim("n2", 1), from: "n2", at: .at(.seconds(9)))?.from == "no leader")
    #expect(tracker.failovers == 1)
    #expect(tracker.ended("n1", because: "n1 is DOWN") == nil && tracker.current?.id == "n2")
    #expect(
      tracker.ended("n2", because: "n2 is DOWN")
        == LeaderTracker.Change(from: "n2 (epoch 1)", to: "no leader", reason: "n2 is DOWN"))
    #expect(tracker.current == nil)
  }

  @Test func `silence while the coordinator was late is not held against the leader, silence after it is`() {
    var tracker = LeaderTracker()
    _ = tracker.heard(claim("n1", 5), from: "n1", at: .start)
    #expect(tracker.tick(at: .at(.seconds(10)), isLate: true) == nil && tracker.current?.id == "n1")
    #expect(tracker.tick(at: .at(.seconds(13))) == nil)
    #expect(tracker.tick(at: .at(.milliseconds(13_001)))?.to == "no leader")
  }

  @Test func `the term began when the leader says, if that is a time, and not in the future`() {
    func since(_ text: String?) -> Int64? {
      var tracker = LeaderTracker()
      _ = tracker.heard(
        HealthReport.sample().leading(epoch: 1).with(\.lease.since, text).lease, from: "n1", at: .start)
      return tracker.current?.since
    }
    let now = Moment.start.epochMilliseconds
    #expect(since(RFC3339.string(epochMilliseconds: now - 5000)) == now - 5000)
    #expect(since(RFC3339.string(epochMilliseconds: now + 5000)) == now)
    #expect(since("<b>yesterday</b>") == now && since(nil) == now)
  }

  @Test func `after a restart of the coordinator the same leader is nothing new, another one is a failover`() {
    let term = LeaderTracker.Term(id: "n1", epoch: 5, since: 0)
    var same = LeaderTracker(last: term, isVacant: false, failovers: 3)
    #expect(same.current == nil)
    #expect(same.heard(claim("n1", 5), from: "n1", at: .start) == nil && same.current?.id == "n1")
    #expect(same.failovers == 3)
    var other = LeaderTracker(last: term, isVacant: false, failovers: 3)
    #expect(other.heard(claim("n2", 7), from: "n2", at: .start)?.from == "n1 (epoch 5)" && other.failovers == 4)
    var back = LeaderTracker(last: term, isVacant: true, failovers: 3)
    #expect(back.heard(claim("n1", 5), from: "n1", at: .start)?.from == "no leader" && back.failovers == 3)
  }
}
