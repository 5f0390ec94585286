import Common
import Testing

@testable import Coordinator

@Suite struct LeadershipTests {
  private func claim(_ id: String, _ epoch: Int64?, leads: Bool = true) -> HealthReport.Lease {
    HealthReport.sample(id: id).leading(epoch: 0).with(\.lease.epoch, epoch).with(\.lease.leader, leads).lease
  }

  @Test("the first leader is no failover; a greater epoch of another node is, and is told with both")
  func failover() {
    var leadership = Leadership()
    let first = leadership.heard(claim("n1", 5), from: "n1", at: .start)
    #expect(first == Leadership.Change(from: "no leader", to: "n1 (epoch 5)", reason: "n1 says that it leads"))
    #expect(leadership.failovers == 0)
    let second = leadership.heard(claim("n2", 6), from: "n2", at: .start)
    #expect(second?.from == "n1 (epoch 5)" && second?.to == "n2 (epoch 6)")
    #expect(leadership.failovers == 1 && leadership.current?.id == "n2")
  }

  @Test("the greatest epoch wins, in whatever order it is heard; who follows claims nothing")
  func greatestEpoch() {
    var leadership = Leadership()
    _ = leadership.heard(claim("n2", 6), from: "n2", at: .start)
    #expect(leadership.heard(claim("n1", 5), from: "n1", at: .start) == nil)
    #expect(leadership.heard(claim("n3", 9, leads: false), from: "n3", at: .start) == nil)
    #expect(leadership.heard(claim("n3", nil), from: "n3", at: .start) == nil)
    #expect(leadership.heard(claim("n4", 6), from: "n4", at: .start) == nil)
    #expect(leadership.current?.id == "n2" && leadership.failovers == 0)
  }

  @Test("a new term of the same node is told, and is no failover")
  func newTerm() {
    var leadership = Leadership()
    _ = leadership.heard(claim("n1", 5), from: "n1", at: .start)
    #expect(leadership.heard(claim("n1", 5), from: "n1", at: .at(.seconds(1))) == nil)
    #expect(leadership.heard(claim("n1", 6), from: "n1", at: .at(.seconds(1)))?.to == "n1 (epoch 6)")
    #expect(leadership.failovers == 0)
  }

  @Test("a smaller epoch than before is told as such, be it the same node's or, when nobody leads, another's")
  func epochBack() {
    for id in ["n1", "n2"] {
      var leadership = Leadership()
      _ = leadership.heard(claim("n1", 5), from: "n1", at: .start)
      #expect(leadership.wentBack == nil)
      if id == "n2" { _ = leadership.ended("n1", because: "n1 is DOWN") }
      let change = leadership.heard(claim(id, 3), from: id, at: .at(.seconds(1)))
      #expect(change?.reason == "\(id) says that it leads, though there was n1 (epoch 5): the store may have lost data")
      #expect(leadership.current?.epoch == 3 && leadership.wentBack == .at(.seconds(1)))
    }
    var same = Leadership(last: .init(id: "n1", epoch: 5, since: 0))
    #expect(same.heard(claim("n1", 5), from: "n1", at: .start) != nil && same.wentBack == nil)
    var other = Leadership(last: .init(id: "n1", epoch: 5, since: 0))
    #expect(other.heard(claim("n2", 5), from: "n2", at: .start) != nil && other.wentBack == .start)
  }

  @Test("a leader of whom nothing is heard for three seconds is none, nor is one that is DOWN")
  func vacant() {
    var leadership = Leadership()
    _ = leadership.heard(claim("n1", 5), from: "n1", at: .start)
    #expect(leadership.tick(at: .at(.seconds(3))) == nil)
    #expect(leadership.tick(at: .at(.milliseconds(3001)))?.to == "no leader")
    #expect(leadership.current == nil && leadership.tick(at: .at(.seconds(9))) == nil)
    // Data were lost and epochs begin anew: who claims then is the leader all the same.
    #expect(leadership.heard(claim("n2", 1), from: "n2", at: .at(.seconds(9)))?.from == "no leader")
    #expect(leadership.failovers == 1)
    #expect(leadership.ended("n1", because: "n1 is DOWN") == nil && leadership.current?.id == "n2")
    #expect(
      leadership.ended("n2", because: "n2 is DOWN")
        == Leadership.Change(from: "n2 (epoch 1)", to: "no leader", reason: "n2 is DOWN"))
    #expect(leadership.current == nil)
  }

  @Test("silence while the coordinator itself was late is not held against the leader, silence after it is")
  func late() {
    var leadership = Leadership()
    _ = leadership.heard(claim("n1", 5), from: "n1", at: .start)
    #expect(leadership.tick(at: .at(.seconds(10)), isLate: true) == nil && leadership.current?.id == "n1")
    #expect(leadership.tick(at: .at(.seconds(13))) == nil)
    #expect(leadership.tick(at: .at(.milliseconds(13_001)))?.to == "no leader")
  }

  @Test("the term began when the leader says, if that is a time, and not in the future")
  func since() {
    func since(_ text: String?) -> Int64? {
      var leadership = Leadership()
      _ = leadership.heard(
        HealthReport.sample().leading(epoch: 1).with(\.lease.since, text).lease, from: "n1", at: .start)
      return leadership.current?.since
    }
    let now = Moment.start.epochMilliseconds
    #expect(since(RFC3339.string(epochMilliseconds: now - 5000)) == now - 5000)
    #expect(since(RFC3339.string(epochMilliseconds: now + 5000)) == now)
    #expect(since("<b>yesterday</b>") == now && since(nil) == now)
  }

  @Test("after a restart of the coordinator the same leader is nothing new, another one is a failover")
  func restart() {
    let term = Leadership.Term(id: "n1", epoch: 5, since: 0)
    var same = Leadership(last: term, isVacant: false, failovers: 3)
    #expect(same.current == nil)
    #expect(same.heard(claim("n1", 5), from: "n1", at: .start) == nil && same.current?.id == "n1")
    #expect(same.failovers == 3)
    var other = Leadership(last: term, isVacant: false, failovers: 3)
    #expect(other.heard(claim("n2", 7), from: "n2", at: .start)?.from == "n1 (epoch 5)" && other.failovers == 4)
    var back = Leadership(last: term, isVacant: true, failovers: 3)
    #expect(back.heard(claim("n1", 5), from: "n1", at: .start)?.from == "no leader" && back.failovers == 3)
  }
}
