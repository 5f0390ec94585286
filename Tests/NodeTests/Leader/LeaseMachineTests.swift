import TestSupport
import Testing

@testable import Node

@Suite struct LeaseMachineTests {
  private typealias Action = LeaseMachine.Action
  private typealias Predecessor = LeaseMachine.Predecessor

  private let timing = LeaseTiming()
  private let other = LeaseMachine.Holder(token: "other", epoch: 5, connection: 7)

  // MARK: - Elected

  @Test func `who stands tries at once, and leads when the lease is its own`() {
    var node = Candidate()
    #expect(node.start() == [.acquire(token: "t1", replacing: nil, attempt: 1)])
    node.pass(.milliseconds(5))
    let term = LeaseMachine.Term(token: "t1", epoch: 40)
    #expect(node.machine.acquired(epoch: 40, attempt: 1, at: node.now) == [.lead(term, because: .lapsed)])
    #expect(node.machine.term(at: node.now) == term)
    #expect(node.start() == [])
  }

  @Test func `an attempt without an answer is given up, and repeated with the same token`() {
    var node = Candidate()
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
    var node = Candidate()
    _ = node.start()
    #expect(node.machine.failed(attempt: 1, at: node.now) == [])
    #expect(near(node.untilWakeUp, timing.retry))
    // Reporting the same failure again does not prolong the pause.
    let wakeUp = node.machine.wakeUp
    #expect(node.machine.failed(attempt: 1, at: node.now + .milliseconds(20)) == [])
    #expect(node.machine.wakeUp == wakeUp)
  }

  @Test func `an answer so late that the lease may have lapsed is not led by`() {
    var node = Candidate()
    _ = node.start()
    node.pass(timing.ttl - timing.margin)
    #expect(
      node.machine.acquired(epoch: 40, attempt: 1, at: node.now) == [
        .acquire(token: "t1", replacing: nil, attempt: 2)
      ])
    #expect(node.machine.term(at: node.now) == nil)
  }

  @Test func `each term has a token of its own`() {
    var node = Candidate()
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
    var node = Candidate()
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
    var node = Candidate()
    _ = node.start()
    let sent = node.now
    node.pass(.milliseconds(300))
    _ = node.machine.acquired(epoch: 40, attempt: 1, at: node.now)
    let end = sent + timing.ttl - timing.margin
    #expect(node.machine.term(at: end - .milliseconds(1)) != nil)
    #expect(node.machine.term(at: end) == nil)
  }

  @Test func `a leader without a confirmed renewal steps down when its term ends, and tries again`() {
    var node = Candidate()
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
    var node = Candidate()
    node.elect()
    guard case .renew(_, let attempt)? = node.wake().first else {
      Issue.record("no renewal")
      return
    }
    node.pass(timing.ttl - timing.margin)
    #expect(node.machine.renewed(attempt: attempt, at: node.now).first == .stepDown(.notRenewed))
  }

  @Test func `a renewal that says the lease is lost ends the term`() {
    var node = Candidate()
    node.elect()
    _ = node.wake()
    #expect(
      node.machine.lost(attempt: 2, at: node.now) == [
        .stepDown(.lost), .acquire(token: "t2", replacing: Predecessor(token: "t1"), attempt: 3),
      ])
  }

  @Test func `a fence of an earlier term ends none`() {
    var node = Candidate()
    node.elect()
    _ = node.machine.fenced(token: "t1", at: node.now)
    _ = node.machine.acquired(epoch: 41, attempt: 2, at: node.now)
    #expect(node.machine.fenced(token: "t1", at: node.now) == [])
    #expect(node.machine.term(at: node.now)?.token == "t2")
  }

  @Test func `a leader tells its new connection at once`() {
    var node = Candidate()
    node.elect()
    #expect(node.machine.reconnected(at: node.now) == [.renew(token: "t1", attempt: 2)])
    // One attempt is under way.
    #expect(node.machine.reconnected(at: node.now) == [])
    var follower = Candidate()
    follower.follow(other, remaining: .seconds(3))
    let wakeUp = follower.machine.wakeUp
    #expect(follower.machine.reconnected(at: follower.now) == [])
    #expect(follower.machine.wakeUp == wakeUp)
  }

  @Test func `answers that are late, doubled or out of order change nothing`() {
    // The current attempt is a try, a look, a renewal or a release. The answers belong to earlier attempts.
    var trying = Candidate()
    _ = trying.start()
    _ = trying.machine.failed(attempt: 1, at: trying.now)
    _ = trying.wake()
    var following = Candidate()
    following.follow(other, remaining: .seconds(3))
    _ = following.wake()
    var leading = Candidate()
    leading.elect()
    _ = leading.wake()
    _ = leading.machine.failed(attempt: 2, at: leading.now)
    _ = leading.wake()
    var releasing = Candidate()
    releasing.elect()
    _ = releasing.machine.retire(at: releasing.now)
    for node in [trying, following, leading, releasing] {
      var node = node
      let (wakeUp, term) = (node.machine.wakeUp, node.machine.term(at: node.now))
      node.pass(.milliseconds(1))
      for attempt in 0...(node.lastAttempt - 1) {
        var actions = node.machine.acquired(epoch: 99, attempt: attempt, at: node.now)
        actions += node.machine.refused(holder: other, remaining: .zero, attempt: attempt, at: node.now)
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
    var node = Candidate()
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

  // MARK: - Following

  @Test(arguments: [0, 30, 200, 400, 445, 455, 600, 3000])
  func `a follower tries again soon after the lapse, and at least each half second`(remaining: Int) {
    var node = Candidate()
    let remaining = Duration.milliseconds(remaining)
    node.follow(other, remaining: remaining)
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
    var node = Candidate()
    node.follow(other, remaining: .seconds(3))
    #expect(node.machine.vacated(at: node.now) == [.acquire(token: "t2", replacing: nil, attempt: 2)])
    let lead = node.machine.acquired(epoch: 50, attempt: 2, at: node.now)
    #expect(lead == [.lead(LeaseMachine.Term(token: "t2", epoch: 50), because: .vacated)])
    #expect(node.machine.vacated(at: node.now) == [])
  }

  @Test func `a refusal that may be older than the release is not believed`() {
    var node = Candidate()
    _ = node.start()
    #expect(node.machine.vacated(at: node.now) == [])
    #expect(
      node.machine.refused(holder: other, remaining: .seconds(3), attempt: 1, at: node.now) == [
        .acquire(token: "t2", replacing: nil, attempt: 2)
      ])
    // Once is enough.
    #expect(node.machine.refused(holder: other, remaining: .seconds(3), attempt: 2, at: node.now) == [])
    #expect(near(node.untilWakeUp, timing.lookUp))
  }

  @Test func `a holder is replaced when its connection has been missing for long enough, and not before`() {
    var node = Candidate()
    node.follow(other, remaining: .seconds(3))
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
    var node = Candidate()
    node.follow(other, remaining: .seconds(3))
    for isPresent in [false, false, true, false, false] {
      guard case .lookUp? = node.wake().first else {
        Issue.record("no look-up")
        return
      }
      #expect(node.lookedUp(isPresent: isPresent) == [])
    }
  }

  @Test func `a try in between does not forget that the holder is missing`() {
    var node = Candidate()
    node.follow(other, remaining: .milliseconds(100))
    let missing = node.now + timing.lookUp * 1.1
    #expect(node.wakeUntilTry(isPresent: false).count == 1)
    // The holder has renewed on the connection that is missing.
    #expect(
      node.machine.refused(holder: other, remaining: .seconds(3), attempt: node.lastAttempt, at: node.now) == [])
    guard case .acquire(_, .some, _)? = node.wakeUntilTry(isPresent: false).last else {
      Issue.record("no try to replace it")
      return
    }
    #expect(node.now <= missing + timing.absence + timing.lookUp * 1.1)
  }

  @Test func `a holder that has moved to another connection is not missing`() {
    var node = Candidate()
    node.follow(other, remaining: .milliseconds(100))
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
    var node = Candidate()
    node.follow(other, remaining: .seconds(3))
    _ = node.wake()
    let asked = node.now
    #expect(node.wake() == [])
    #expect(node.now - asked == timing.attempt)
    #expect(node.lookedUp(isPresent: false) == [])
    #expect(node.untilWakeUp ?? .zero <= timing.lookUp * 1.1)
  }

  // MARK: - Retired

  @Test func `a leader that retires steps down, and gives the lease back at once`() {
    var node = Candidate()
    node.elect()
    #expect(node.machine.retire(at: node.now) == [.stepDown(.handedOver), .release(token: "t1", attempt: 2)])
    #expect(node.machine.term(at: node.now) == nil)
    #expect(node.machine.retire(at: node.now) == [])
    node.machine.released(attempt: 2)
    #expect(node.machine.wakeUp == nil)
  }

  @Test func `a release is repeated until the lease would have lapsed`() {
    var node = Candidate()
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
    var node = Candidate()
    _ = node.start()
    #expect(node.machine.retire(at: node.now) == [.release(token: "t1", attempt: 2)])
    #expect(node.machine.acquired(epoch: 40, attempt: 1, at: node.now) == [])
    #expect(node.machine.term(at: node.now) == nil)
  }

  @Test func `who has retired stands for no election until started again`() {
    var idle = Candidate()
    #expect(idle.machine.retire(at: idle.now) == [])
    var follower = Candidate()
    follower.follow(other, remaining: .zero)
    #expect(follower.machine.retire(at: follower.now) == [])
    var leader = Candidate()
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
    var node = Candidate()
    node.elect()
    _ = node.machine.retire(at: node.now)
    #expect(node.start() == [.acquire(token: "t2", replacing: Predecessor(token: "t1"), attempt: 3)])
    node.machine.released(attempt: 2)
    #expect(node.untilWakeUp == timing.attempt)
  }

  private func near(_ duration: Duration?, _ expected: Duration) -> Bool {
    guard let duration else { return false }
    return duration >= expected * 0.9 && duration <= expected * 1.1
  }
}

/// A machine whose clock the test moves. Its tokens are t1, t2, ….
private struct Candidate {
  private final class Tokens {
    var count = 0
  }

  var machine: LeaseMachine
  private(set) var now = LeaseMachine.Instant.now
  /// The number of the last attempt seen.
  private(set) var lastAttempt = 0

  init() {
    let tokens = Tokens()
    machine = LeaseMachine(random: SeededRandom(7)) {
      tokens.count += 1
      return "t\(tokens.count)"
    }
  }

  var untilWakeUp: Duration? { machine.wakeUp.map { $0 - now } }

  mutating func pass(_ duration: Duration) { now += duration }

  mutating func start() -> [LeaseMachine.Action] { noting(machine.start(at: now)) }

  /// Advances to the time at which the machine wants to be woken, and wakes it.
  mutating func wake() -> [LeaseMachine.Action] {
    now = machine.wakeUp ?? now
    return noting(machine.tick(at: now))
  }

  /// Makes it the leader in the term of t1 at once.
  mutating func elect() {
    _ = start()
    _ = machine.acquired(epoch: 40, attempt: lastAttempt, at: now)
  }

  mutating func follow(_ holder: LeaseMachine.Holder, remaining: Duration) {
    _ = start()
    _ = machine.refused(holder: holder, remaining: remaining, attempt: lastAttempt, at: now)
  }

  mutating func lookedUp(isPresent: Bool) -> [LeaseMachine.Action] {
    noting(machine.lookedUp(isPresent: isPresent, attempt: lastAttempt, at: now))
  }

  /// Answers look-ups until the node tries for the lease.
  mutating func wakeUntilTry(isPresent: Bool) -> [LeaseMachine.Action] {
    while true {
      var actions = wake()
      if case .lookUp? = actions.first {
        actions = lookedUp(isPresent: isPresent)
      }
      if !actions.isEmpty { return actions }
    }
  }

  private mutating func noting(_ actions: [LeaseMachine.Action]) -> [LeaseMachine.Action] {
    for action in actions {
      switch action {
      case .acquire(_, _, let attempt), .renew(_, let attempt), .release(_, let attempt), .lookUp(_, let attempt):
        lastAttempt = attempt
      case .lead, .stepDown: break
      }
    }
    return actions
  }
}
