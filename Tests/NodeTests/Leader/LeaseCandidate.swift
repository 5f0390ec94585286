import TestSupport

@testable import Node

/// A machine whose clock the test moves. Its tokens are t1, t2, ….
struct LeaseCandidate {
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

extension LeaseMachine.Holder {
  /// Another node that holds the lease.
  static let other = LeaseMachine.Holder(token: "other", epoch: 5, connection: 7)
}

/// Whether the duration is the expected one, give or take a tenth: the machine spreads its waits by so much.
func near(_ duration: Duration?, _ expected: Duration) -> Bool {
  guard let duration else { return false }
  return duration >= expected * 0.9 && duration <= expected * 1.1
}
