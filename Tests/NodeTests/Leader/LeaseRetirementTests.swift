import Testing

@testable import Node

/// How the machine gives its lease back, and stands again.
@Suite struct LeaseRetirementTests {
  private typealias Predecessor = LeaseMachine.Predecessor

  private let timing = LeaseTiming()

  @Test func `a leader that retires steps down, and gives the lease back at once`() {
    var node = LeaseCandidate()
    node.elect()
    #expect(node.machine.retire(at: node.now) == [.stepDown(.handedOver), .release(token: "t1", attempt: 2)])
    #expect(node.machine.term(at: node.now) == nil)
    #expect(node.machine.retire(at: node.now) == [])
    node.machine.released(attempt: 2)
    #expect(node.machine.wakeUp == nil)
  }

  @Test func `a release is repeated until the lease would have lapsed`() {
    var node = LeaseCandidate()
    node.elect()
    _ = node.machine.retire(at: node.now)
    let began = node.now
    var releases = 1
    while node.machine.wakeUp != nil {
      for action in node.wake() {
        #expect(action == .release(token: "t1", attempt: node.lastAttempt))
        releases += 1
      }
    }
    #expect(node.now - began == timing.ttl)
    // Each takes 400 ms and is followed by a pause of 50 ms.
    #expect(releases == 7)
  }

  @Test func `who tried for the lease when it retired gives it back, in case it is its own`() {
    var node = LeaseCandidate()
    _ = node.start()
    #expect(node.machine.retire(at: node.now) == [.release(token: "t1", attempt: 2)])
    #expect(node.machine.acquired(epoch: 40, attempt: 1, at: node.now) == [])
    #expect(node.machine.term(at: node.now) == nil)
  }

  @Test func `who has retired stands for no election until started again`() {
    var idle = LeaseCandidate()
    #expect(idle.machine.retire(at: idle.now) == [])
    var follower = LeaseCandidate()
    follower.follow(.other, remaining: .zero)
    #expect(follower.machine.retire(at: follower.now) == [])
    var leader = LeaseCandidate()
    leader.elect()
    _ = leader.machine.retire(at: leader.now)
    leader.machine.released(attempt: 2)
    for node in [idle, follower, leader] {
      var node = node
      #expect(node.machine.wakeUp == nil)
      node.pass(.seconds(10))
      #expect(node.machine.tick(at: node.now) == [])
      #expect(node.machine.vacated(at: node.now) == [])
      #expect(node.machine.reconnected(at: node.now) == [])
      #expect(node.machine.acquired(epoch: 99, attempt: node.lastAttempt, at: node.now) == [])
      guard case .acquire(_, nil, _)? = node.start().first else {
        Issue.record("not started again")
        continue
      }
    }
  }

  @Test func `who is started again while it gives its lease back stands with a new token, without a wait`() {
    var node = LeaseCandidate()
    node.elect()
    _ = node.machine.retire(at: node.now)
    #expect(node.start() == [.acquire(token: "t2", replacing: Predecessor(token: "t1"), attempt: 3)])
    node.machine.released(attempt: 2)
    #expect(node.untilWakeUp == timing.attempt)
  }
}
