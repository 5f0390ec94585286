import Testing

@testable import Node

/// What the machine does while another node holds the lease.
@Suite struct LeaseFollowerTests {
  private typealias Action = LeaseMachine.Action
  private typealias Predecessor = LeaseMachine.Predecessor

  private let timing = LeaseTiming()

  @Test(arguments: [0, 30, 200, 400, 445, 455, 600, 3000])
  func `a follower tries again soon after the lapse, and at least each half second`(remaining: Int) {
    var node = LeaseCandidate()
    let remaining = Duration.milliseconds(remaining)
    node.follow(.other, remaining: remaining)
    let began = node.now
    let actions = node.wakeUntilTry(isPresent: true)
    #expect(actions == [.acquire(token: "t2", replacing: nil, attempt: node.lastAttempt)])
    let waited = node.now - began
    #expect(waited >= min(remaining + timing.retry * 0.9, timing.look))
    #expect(waited <= min(remaining + timing.retry * 1.1, timing.look))
    let lead = node.machine.acquired(epoch: 50, attempt: node.lastAttempt, at: node.now)
    #expect(lead == [.lead(LeaseMachine.Term(token: "t2", epoch: 50), because: .lapsed)])
  }

  @Test func `a lease that was given back is tried for at once`() {
    var node = LeaseCandidate()
    node.follow(.other, remaining: .seconds(3))
    #expect(node.machine.vacated(at: node.now) == [.acquire(token: "t2", replacing: nil, attempt: 2)])
    let lead = node.machine.acquired(epoch: 50, attempt: 2, at: node.now)
    #expect(lead == [.lead(LeaseMachine.Term(token: "t2", epoch: 50), because: .vacated)])
    #expect(node.machine.vacated(at: node.now) == [])
  }

  @Test func `a refusal that may be older than the release is not believed`() {
    var node = LeaseCandidate()
    _ = node.start()
    #expect(node.machine.vacated(at: node.now) == [])
    #expect(
      node.machine.refused(holder: .other, remaining: .seconds(3), attempt: 1, at: node.now) == [
        .acquire(token: "t2", replacing: nil, attempt: 2)
      ])
    // Once is enough.
    #expect(node.machine.refused(holder: .other, remaining: .seconds(3), attempt: 2, at: node.now) == [])
    #expect(near(node.untilWakeUp, timing.lookUp))
  }

  @Test func `a holder is replaced when its connection has been missing for long enough, and not before`() {
    var node = LeaseCandidate()
    node.follow(.other, remaining: .seconds(3))
    #expect(node.wake() == [.lookUp(connection: 7, attempt: 2)])
    #expect(node.lookedUp(isPresent: false) == [])
    let missing = node.now
    var actions: [Action] = []
    while actions.isEmpty {
      #expect(near(node.untilWakeUp, timing.lookUp))
      #expect(node.wake() == [.lookUp(connection: 7, attempt: node.lastAttempt)])
      actions = node.lookedUp(isPresent: false)
      #expect(actions.isEmpty == (node.now - missing < timing.absence))
    }
    let predecessor = Predecessor(token: "other", connection: 7)
    #expect(actions == [.acquire(token: "t2", replacing: predecessor, attempt: node.lastAttempt)])
    let lead = node.machine.acquired(epoch: 50, attempt: node.lastAttempt, at: node.now)
    #expect(lead == [.lead(LeaseMachine.Term(token: "t2", epoch: 50), because: .holderGone)])
  }

  @Test func `a holder that is seen again is not missing`() {
    var node = LeaseCandidate()
    node.follow(.other, remaining: .seconds(3))
    for isPresent in [false, false, true, false, false] {
      guard case .lookUp? = node.wake().first else {
        Issue.record("no look-up")
        return
      }
      #expect(node.lookedUp(isPresent: isPresent) == [])
    }
  }

  @Test func `a try in between does not forget that the holder is missing`() {
    var node = LeaseCandidate()
    node.follow(.other, remaining: .milliseconds(100))
    let missing = node.now + timing.lookUp * 1.1
    #expect(node.wakeUntilTry(isPresent: false).count == 1)
    // The holder has renewed on the connection that is missing.
    #expect(
      node.machine.refused(holder: .other, remaining: .seconds(3), attempt: node.lastAttempt, at: node.now) == [])
    guard case .acquire(_, .some, _)? = node.wakeUntilTry(isPresent: false).last else {
      Issue.record("no try to replace it")
      return
    }
    #expect(node.now <= missing + timing.absence + timing.lookUp * 1.1)
  }

  @Test func `a holder that has moved to another connection is not missing`() {
    var node = LeaseCandidate()
    node.follow(.other, remaining: .milliseconds(100))
    #expect(node.wakeUntilTry(isPresent: false).count == 1)
    let moved = LeaseMachine.Holder(token: "other", epoch: 5, connection: 8)
    let refusal = node.machine.refused(holder: moved, remaining: .seconds(3), attempt: node.lastAttempt, at: node.now)
    #expect(refusal == [])
    let began = node.now
    #expect(node.wake() == [.lookUp(connection: 8, attempt: node.lastAttempt)])
    #expect(node.lookedUp(isPresent: false) == [])
    _ = node.wakeUntilTry(isPresent: false)
    #expect(node.now - began >= timing.absence)
  }

  @Test func `a look-up without an answer says nothing`() {
    var node = LeaseCandidate()
    node.follow(.other, remaining: .seconds(3))
    _ = node.wake()
    let asked = node.now
    #expect(node.wake() == [])
    #expect(node.now - asked == timing.attempt)
    #expect(node.lookedUp(isPresent: false) == [])
    #expect(node.untilWakeUp ?? .zero <= timing.lookUp * 1.1)
  }
}
