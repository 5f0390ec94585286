/// What to think of one node, decided purely: the starts and ends of probes and the time in, the status out.
///
/// Probes are numbered in the order of their starts, and may end in any order. A result counts only as far as no newer
/// one says otherwise: an answer if no newer probe has ended, a failure if no newer probe was answered.
struct FailureDetector {
  /// Time as a monotonic clock tells it that goes on while the machine is suspended.
  typealias Instant = ContinuousClock.Instant

  struct Transition: Equatable, Sendable {
    var from: NodeStatus
    var to: NodeStatus
    /// In words.
    var reason: String
  }

  private let timing: FailureDetectorTiming
  private var random: any RandomNumberGenerator
  private(set) var status = NodeStatus.unknown
  private(set) var failuresInARow = 0
  /// How many of the last failures were of the same kind.
  private var alike = (reason: "", count: 0)
  private var answersInARow = 0
  private var wasDraining = false
  /// When it last fell from up to DOWN, and before.
  private var falls: [Instant] = []

  /// Those under way.
  private var pending: Set<Int> = []
  private var newestStarted = 0
  private var newestEnded = 0
  private var newestAnswered = 0
  private var lastStart: Instant?
  /// By how much the time from the last start to the next differs from the interval.
  private var jitter = 1.0
  private var backOff: Duration
  private let began: Instant

  init(
    timing: FailureDetectorTiming, random: any RandomNumberGenerator = SystemRandomNumberGenerator(), at now: Instant
  ) {
    (self.timing, self.random, began) = (timing, random, now)
    backOff = timing.interval
  }

  /// When the next probe is to start; nil if none is.
  var wakeUp: Instant? {
    guard status != .left, pending.count < timing.maxPending else { return nil }
    return lastStart.map { $0 + untilNext } ?? began
  }

  /// Time between probes at present.
  var interval: Duration {
    switch status {
    case .unknown, .suspect: timing.hurry
    case .up, .draining, .recovering: timing.interval
    case .down: backOff
    case .left: .zero
    }
  }

  private var untilNext: Duration {
    switch status {
    case .unknown, .suspect, .left: timing.hurry
    // No answer yet to the newest is a reason to ask again, though not yet a failure.
    case .up, .draining, .recovering: pending.contains(newestStarted) ? timing.hurry : interval * jitter
    case .down: interval * jitter
    }
  }

  /// How many answers in a row make it UP again.
  private func neededToRise(at now: Instant) -> Int {
    let recent = falls.count { now - $0 < timing.flapMemory }
    // Doubling ends long before it could overflow.
    return min(timing.rise << min(max(recent - 1, 0), 8), timing.maxRise)
  }

  // MARK: - Events

  /// A probe starts.
  /// - Parameter number: greater than those of all probes before.
  /// - Returns: false if it must not, since too many are under way or the node has left.
  mutating func start(probe number: Int, at now: Instant) -> Bool {
    guard status != .left, pending.count < timing.maxPending else { return false }
    // It may be started sooner by as much as others are waited for.
    let least = 1 - timing.spread + timing.together / timing.interval
    jitter = Double.random(in: min(least, 1)...1 + timing.spread, using: &random)
    if status == .down { backOff = min(backOff * 2, timing.backOff) }
    (newestStarted, lastStart) = (number, now)
    pending.insert(number)
    return true
  }

  /// Whether the last probe began long enough ago for an announcement to be worth another.
  func hasRested(at now: Instant) -> Bool { lastStart.map { now - $0 >= timing.hurry } ?? true }

  /// Whether the end of this probe has not been told yet, and would say anything.
  func awaits(_ probe: Int) -> Bool { pending.contains(probe) }

  /// Whether no newer probe has ended.
  func isNewest(_ probe: Int) -> Bool { probe > newestEnded }

  /// The node has answered as itself.
  mutating func answered(probe: Int, isDraining: Bool, at now: Instant) -> Transition? {
    guard pending.remove(probe) != nil, isNewest(probe) else { return nil }
    (newestEnded, newestAnswered) = (probe, probe)
    let failures = failuresInARow
    failuresInARow = 0
    answersInARow += 1
    wasDraining = isDraining
    let serving = isDraining ? NodeStatus.draining : .up
    switch status {
    case .unknown: return enter(serving, "answered the first probe")
    case .up where isDraining: return enter(serving, "says that it drains")
    case .draining where !isDraining: return enter(serving, "serves again")
    case .suspect: return enter(serving, "answers again after \(counted(failures, "failure"))")
    case .down: return enter(.recovering, words(ofRising: neededToRise(at: now), at: now))
    case .recovering where answersInARow >= neededToRise(at: now):
      return enter(serving, "answered \(answersInARow) times in a row")
    case .up, .draining, .recovering, .left: return nil
    }
  }

  /// The node has answered as the process that took the place of the one before.
  mutating func tookOver(probe: Int, isDraining: Bool, because reason: String) -> Transition? {
    guard pending.remove(probe) != nil, isNewest(probe) else { return nil }
    (newestEnded, newestAnswered) = (probe, probe)
    (failuresInARow, wasDraining) = (0, isDraining)
    return enter(isDraining ? .draining : .up, reason)
  }

  /// A probe has failed.
  /// - Parameter isHeld: false when the coordinator itself was late: then it says nothing of the node.
  mutating func failed(probe: Int, because reason: String, isHeld: Bool, at now: Instant) -> Transition? {
    guard pending.remove(probe) != nil, isHeld, probe > newestAnswered else { return nil }
    newestEnded = max(newestEnded, probe)
    alike = (reason, alike.reason == reason && failuresInARow > 0 ? alike.count + 1 : 1)
    failuresInARow += 1
    answersInARow = 0
    switch status {
    case .unknown, .up, .draining, .suspect:
      guard failuresInARow < timing.fall else {
        if status != .unknown { falls = falls.suffix(8) + [now] }
        return enter(.down, words(ofFalling: reason))
      }
      return status == .up || status == .draining ? enter(.suspect, reason) : nil
    case .recovering: return enter(.down, "failed again: \(reason)")
    case .down, .left: return nil
    }
  }

  /// The node has said that it ended.
  mutating func left() -> Transition? {
    guard status != .left else { return nil }
    pending = []
    return enter(.left, "said that it leaves")
  }

  /// What was known does not hold any more: another process, or another place.
  mutating func startOver(because reason: String) -> Transition {
    pending = []
    (failuresInARow, wasDraining, lastStart) = (0, false, nil)
    return enter(.unknown, reason)
  }

  private mutating func enter(_ next: NodeStatus, _ reason: String) -> Transition {
    defer { status = next }
    if next != .recovering { answersInARow = 0 }
    if next == .down { backOff = timing.interval }
    return Transition(from: status, to: next, reason: reason)
  }

  // MARK: - Words

  private func words(ofFalling reason: String) -> String {
    let words =
      alike.count >= timing.fall
      ? "\(reason), \(timing.fall) times in a row" : "\(failuresInARow) failures in a row, the last: \(reason)"
    return wasDraining ? words + ", while it drained" : words
  }

  private func words(ofRising needed: Int, at now: Instant) -> String {
    let words = "answers again; UP after \(needed) answers in a row"
    let recent = falls.count { now - $0 < timing.flapMemory }
    return recent > 1 ? words + ", since it fell \(recent) times lately" : words
  }
}

/// `1 failure`, `2 failures`
func counted(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "s")" }
