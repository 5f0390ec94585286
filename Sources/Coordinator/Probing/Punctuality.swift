/// Whether the coordinator itself is in time. What it sees while it is late says nothing of the nodes.
struct Punctuality {
  typealias Instant = ContinuousClock.Instant

  /// A round that begins later than this is late.
  static let maxLateness = Duration.milliseconds(200)
  /// If the end of a probe is noticed later than this after its timeout, nobody listened meanwhile, and an answer may
  /// have lain there unread. The smaller this is, the shorter the pauses that are found.
  static let maxNoticeDelay = Duration.milliseconds(100)
  /// So many late rounds in a row are a problem…
  static let minLateRounds = 3
  /// …that is shown for so long, for people to see it.
  static let minShown = Duration.seconds(10)

  /// When the next round is due.
  private var due: Instant
  private var lastLate: Instant?
  private var lastTrouble: Instant?
  /// Late rounds in a row, up to now.
  private(set) var lateRounds = 0

  /// - Parameter due: when the first round is due.
  init(due: Instant) { self.due = due }

  /// A round begins.
  /// - Returns: whether it is late.
  mutating func begin(at now: Instant) -> Bool {
    let isLate = isOverdue(at: now)
    lateRounds = isLate ? lateRounds + 1 : 0
    if isLate { lastLate = now }
    if lateRounds >= Self.minLateRounds { lastTrouble = now }
    return isLate
  }

  /// A round ends.
  mutating func end(nextDue: Instant) { due = nextDue }

  private func isOverdue(at now: Instant) -> Bool { now - due > Self.maxLateness }

  /// Whether the failure of a probe may be held against its node.
  /// - Parameters:
  ///   - began: when the probe was started.
  ///   - timeout: how long it could take at most.
  ///   - told: when its end was noticed.
  func holds(began: Instant, timeout: Duration, told: Instant, at now: Instant) -> Bool {
    // The probe began in a late round or before, so the node may have answered while nobody listened.
    if let lastLate, began <= lastLate { return false }
    return !isOverdue(at: now) && told - began <= timeout + Self.maxNoticeDelay
  }

  func isTrouble(at now: Instant) -> Bool { lastTrouble.map { now - $0 < Self.minShown } ?? false }
}
