import Testing

@testable import Node

/// How the machine is elected, and how it leads.
@Suite struct LeaseMachineTests {
  private typealias Predecessor = LeaseMachine.Predecessor

  private let timing = LeaseTiming()

  // MARK: - Elected

  @Test func `who stands tries at once, and leads when the lease is its own`() {
    var node = LeaseCandidate()
    #expect(node.start() == [.acquire(token: "t1", replacing: nil, attempt: 1)])
    node.pass(.milliseconds(5))
    let term = LeaseMachine.Term(token: "t1", epoch: 40)
    #expect(node.machine.acquired(epoch: 40, attempt: 1, at: node.now) == [.lead(term, because: .lapsed)])
    #expect(node.machine.term(at: node.now) == term)
    #expect(node.start() == [])
  }

  @Test func `an attempt without an answer is given up, and repeated with the same token`() {
    var node = LeaseCandidate()
    _ = node.start()
    #expect(node.untilWakeUp == timing.attempt)
    #expect(node.wake() == [])
    #expect(near(node.untilWakeUp, timing.retry))
    #expect(node.wake() == [.acquire(token: "t1", replacing: nil, attempt: 2)])
    // The first attempt may have taken the lease. The second one refreshes it, and the lease counts from there.
    let sent = node.now
    #expect(node.machine.acquired(epoch: 40, attempt: 1, at: node.now) == [])
    #expect(node.machine.acquired(epoch: 40, attempt: 2, at: node.now).count == 1)
    #expect(node.machine.term(at: sent + timing.ttl - timing.margin - .milliseconds(1)) != nil)
    #expect(node.machine.term(at: sent + timing.ttl - timing.margin) == nil)
  }

  @Test func `a failure is followed by a pause`() {
    var node = LeaseCandidate()
    _ = node.start()
    #expect(node.machine.failed(attempt: 1, at: node.now) == [])
    #expect(near(node.untilWakeUp, timing.retry))
    // Reporting the same failure again does not prolong the pause.
    let wakeUp = node.machine.wakeUp
    #expect(node.machine.failed(attempt: 1, at: node.now + .milliseconds(20)) == [])
    #expect(node.machine.wakeUp == wakeUp)
  }

  @Test func `an answer so late that the lease may have lapsed is not led by`() {
    var node = LeaseCandidate()
    _ = node.start()
    node.pass(timing.ttl - timing.margin)
    #expect(
      node.machine.acquired(epoch: 40, attempt: 1, at: node.now) == [
        .acquire(token: "t1", replacing: nil, attempt: 2)
      ])
    #expect(node.machine.term(at: node.now) == nil)
  }

  @Test func `each term has a token of its own`() {
    var node = LeaseCandidate()
    node.elect()
    #expect(
      node.machine.fenced(token: "t1", at: node.now) == [
        .stepDown(.lost), .acquire(token: "t2", replacing: Predecessor(token: "t1"), attempt: 2),
      ])
    #expect(
      node.machine.acquired(epoch: 41, attempt: 2, at: node.now) == [
        .lead(LeaseMachine.Term(token: "t2", epoch: 41), because: .ownTermOver)
      ])
  }

  // MARK: - Leading

  @Test func `a leader renews each half second, from the sending of the last renewal`() {
    var node = LeaseCandidate()
    node.elect()
    for attempt in 2...20 {
      let before = node.now
      #expect(node.wake() == [.renew(token: "t1", attempt: attempt)])
      #expect(near(node.now - before, timing.renewal))
      let sent = node.now
      #expect(node.machine.renewed(attempt: attempt, at: sent + .milliseconds(90)) == [])
      #expect(node.machine.term(at: sent + timing.ttl - timing.margin - .milliseconds(1)) != nil)
    }
  }

  @Test func `a term ends in time after the sending of the last confirmed renewal, though no tick came`() {
    var node = LeaseCandidate()
    _ = node.start()
    let sent = node.now
    node.pass(.milliseconds(300))
    _ = node.machine.acquired(epoch: 40, attempt: 1, at: node.now)
    let end = sent + timing.ttl - timing.margin
    #expect(node.machine.term(at: end - .milliseconds(1)) != nil)
    #expect(node.machine.term(at: end) == nil)
  }

  @Test func `a leader without a confirmed renewal steps down when its term ends, and tries again`() {
    var node = LeaseCandidate()
    node.elect()
    let end = node.now + timing.ttl - timing.margin
    var renewals = 0
    while node.now < end {
      let actions = node.wake()
      if node.now < end {
        renewals += actions.count
      } else {
        guard case .acquire("t2", Predecessor(token: "t1"), _)? = actions.last else { break }
        #expect(actions.first == .stepDown(.notRenewed))
      }
    }
    #expect(node.now == end && renewals == 5)
    #expect(node.machine.term(at: node.now) == nil)
  }

  @Test func `a renewal confirmed after the term's end is none`() {
    var node = LeaseCandidate()
    node.elect()
    guard case .renew(_, let attempt)? = node.wake().first else {
      Issue.record("no renewal")
      return
    }
    node.pass(timing.ttl - timing.margin)
    #expect(node.machine.renewed(attempt: attempt, at: node.now).first == .stepDown(.notRenewed))
  }

  @Test func `a renewal that says the lease is lost ends the term`() {
    var node = LeaseCandidate()
    node.elect()
    _ = node.wake()
    #expect(
      node.machine.lost(attempt: 2, at: node.now) == [
        .stepDown(.lost), .acquire(token: "t2", replacing: Predecessor(token: "t1"), attempt: 3),
      ])
  }

  @Test func `a fence of an earlier term ends none`() {
    var node = LeaseCandidate()
    node.elect()
    _ = node.machine.fenced(token: "t1", at: node.now)
    _ = node.machine.acquired(epoch: 41, attempt: 2, at: node.now)
    #expect(node.machine.fenced(token: "t1", at: node.now) == [])
    #expect(node.machine.term(at: node.now)?.token == "t2")
  }

  @Test func `a leader tells its new connection at once`() {
    var node = LeaseCandidate()
    node.elect()
    #expect(node.machine.reconnected(at: node.now) == [.renew(token: "t1", attempt: 2)])
    // One attempt is under way.
    #expect(node.machine.reconnected(at: node.now) == [])
    var follower = LeaseCandidate()
    follower.follow(.other, remaining: .seconds(3))
    let wakeUp = follower.machine.wakeUp
    #expect(follower.machine.reconnected(at: follower.now) == [])
    #expect(follower.machine.wakeUp == wakeUp)
  }

  @Test func `answers that are late, doubled or out of order change nothing`() {
    // The current attempt is a try, a look, a renewal or a release. The answers belong to earlier attempts.
    var trying = LeaseCandidate()
    _ = trying.start()
    _ = trying.machine.failed(attempt: 1, at: trying.now)
    _ = trying.wake()
    var following = LeaseCandidate()
    following.follow(.other, remaining: .seconds(3))
    _ = following.wake()
    var leading = LeaseCandidate()
    leading.elect()
    _ = leading.wake()
    _ = leading.machine.failed(attempt: 2, at: leading.now)
    _ = leading.wake()
    var releasing = LeaseCandidate()
    releasing.elect()
    _ = releasing.machine.retire(at: releasing.now)
    for node in [trying, following, leading, releasing] {
      var node = node
      let (wakeUp, term) = (node.machine.wakeUp, node.machine.term(at: node.now))
      node.pass(.milliseconds(1))
      for attempt in 0...(node.lastAttempt - 1) {
        var actions = node.machine.acquired(epoch: 99, attempt: attempt, at: node.now)
        actions += node.machine.refused(holder: .other, remaining: .zero, attempt: attempt, at: node.now)
        actions += node.machine.renewed(attempt: attempt, at: node.now)
        actions += node.machine.lost(attempt: attempt, at: node.now)
        actions += node.machine.lookedUp(isPresent: false, attempt: attempt, at: node.now)
        actions += node.machine.failed(attempt: attempt, at: node.now)
        node.machine.released(attempt: attempt)
        #expect(actions == [])
      }
      #expect(node.machine.wakeUp == wakeUp)
      #expect(node.machine.term(at: node.now) == term)
    }
  }

  @Test func `an answer is taken once`() {
    var node = LeaseCandidate()
    node.elect()
    #expect(node.machine.acquired(epoch: 99, attempt: 1, at: node.now) == [])
    _ = node.wake()
    #expect(node.machine.renewed(attempt: 2, at: node.now) == [])
    let wakeUp = node.machine.wakeUp
    node.pass(.milliseconds(10))
    #expect(node.machine.renewed(attempt: 2, at: node.now) == [])
    #expect(node.machine.lost(attempt: 2, at: node.now) == [])
    #expect(node.machine.wakeUp == wakeUp)
  }
}
