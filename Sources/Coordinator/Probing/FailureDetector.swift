/// What to think of one node, decided purely: starts and ends of probes and the time in, the status out.
///
/// Probes are numbered in the order of their starts. They may end in any order, so a result counts only if no newer one
/// says otherwise: an answer if no newer probe has ended, a failure if no newer probe was answered.
struct FailureDetector {
  /// Monotonic time that goes on while the machine is suspended.
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
  /// When it fell to DOWN, the latest last.
  private var falls: [Instant] = []

  /// The probes under way.
  private var pending: Set<Int> = []
  private var newestStarted = 0
  private var newestEnded = 0
  private var newestAnswered = 0
  private var lastStart: Instant?
  /// The time from the last start to the next, as a multiple of the interval.
  private var intervalFactor = 1.0
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
    case .unknown, .suspect: timing.fastInterval
    case .up, .draining, .recovering: timing.interval
    case .down: backOff
    case .left: .zero
    }
  }

  private var untilNext: Duration {
    switch status {
    case .unknown, .suspect, .left: timing.fastInterval
    // While the newest probe has no answer, the next one starts soon. That is not yet a failure.
    case .up, .draining, .recovering: pending.contains(newestStarted) ? timing.fastInterval : interval * intervalFactor
    case .down: interval * intervalFactor
    }
  }

  /// How many answers in a row make it UP again.
  private func neededToRise(at now: Instant) -> Int {
    let recent = falls.count { now - $0 < timing.flapWindow }
    // The shift is bounded, so that doubling cannot overflow.
    return min(timing.rise << min(max(recent - 1, 0), 8), timing.maxRise)
  }

  // MARK: - Events

  /// A probe starts.
  /// - Parameter number: greater than those of all probes before.
  /// - Returns: false if it must not, since too many are under way or the node has left.
  mutating func start(probe number: Int, at now: Instant) -> Bool {
    guard status != .left, pending.count < timing.maxPending else { return false }
    assert(number > newestStarted, "probes are numbered in the order of their starts")
    // A probe may start before it is due, by as much as the batch window.
    let minFactor = 1 - timing.jitter + timing.batchWindow / timing.interval
    intervalFactor = Double.random(in: min(minFactor, 1)...1 + timing.jitter, using: &random)
    if status == .down { backOff = min(backOff * 2, timing.maxBackOff) }
    (newestStarted, lastStart) = (number, now)
    pending.insert(number)
    return true
  }

  /// Whether the last probe began so long ago that an announcement is worth another.
  func hasRested(at now: Instant) -> Bool { lastStart.map { now - $0 >= timing.fastInterval } ?? true }

  /// Whether this probe is under way, so that its end says something.
  func awaits(_ probe: Int) -> Bool { pending.contains(probe) }

  /// Whether no newer probe has ended.
  func isNewest(_ probe: Int) -> Bool { probe > newestEnded }

  /// The node has answered as itself.
  mutating func answered(probe: Int, isDraining: Bool, at now: Instant) -> Transition? {
    guard pending.remove(probe) != nil, isNewest(probe) else { return nil }
    assert(probe <= newestStarted, "a probe ends after it was started")
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

  /// The node has answered as a new process, which took the place of the one before.
  mutating func tookOver(probe: Int, isDraining: Bool, because reason: String) -> Transition? {
    guard pending.remove(probe) != nil, isNewest(probe) else { return nil }
    (newestEnded, newestAnswered) = (probe, probe)
    (failuresInARow, wasDraining) = (0, isDraining)
    return enter(isDraining ? .draining : .up, reason)
  }

  /// A probe has failed.
  /// - Parameter isHeld: false when the coordinator itself was late. Then the failure says nothing of the node.
  mutating func failed(probe: Int, because reason: String, isHeld: Bool, at now: Instant) -> Transition? {
    guard pending.remove(probe) != nil, isHeld, probe > newestAnswered else { return nil }
    newestEnded = max(newestEnded, probe)
    assert(newestAnswered < newestEnded && newestEnded <= newestStarted)
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

  /// What was known holds no more: it is another process, or another place.
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
    let recent = falls.count { now - $0 < timing.flapWindow }
    return recent > 1 ? words + ", since it fell \(recent) times lately" : words
  }
}

/// `1 failure`, `2 failures`
func counted(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "s")" }
