/// Whether the coordinator itself is in time: what it sees while it is late says nothing of the nodes.
struct Punctuality {
  typealias Instant = ContinuousClock.Instant

  /// Woken later than this, a round is late.
  static let tolerance = Duration.milliseconds(200)
  /// The end of a probe that is told later than this after its limit says that nobody listened meanwhile: its answer may
  /// have lain there unread. The shorter, the fewer such pauses go unnoticed: those that are little longer than the limit.
  static let promptness = Duration.milliseconds(100)
  /// So many late rounds in a row are a problem…
  static let tooManyLate = 3
  /// …that is shown for so long, for people to see it.
  static let shown = Duration.seconds(10)

  /// When the next round is due.
  private var due: Instant
  private var lastLate: Instant?
  private var lastTrouble: Instant?
  /// In a row, up to now.
  private(set) var lateRounds = 0

  /// - Parameter due: when the first round is due.
  init(due: Instant) { self.due = due }

  /// A round begins.
  /// - Returns: whether it is late.
  mutating func begin(at now: Instant) -> Bool {
    let isLate = isOverdue(at: now)
    lateRounds = isLate ? lateRounds + 1 : 0
    if isLate { lastLate = now }
    if lateRounds >= Self.tooManyLate { lastTrouble = now }
    return isLate
  }

  /// A round ends.
  mutating func end(nextDue: Instant) { due = nextDue }

  private func isOverdue(at now: Instant) -> Bool { now - due > Self.tolerance }

  /// Whether the failure of a probe may be held against its node.
  /// - Parameters:
  ///   - began: when the probe was started.
  ///   - limit: how long it could take at most.
  ///   - told: when its end was noticed.
  func holds(began: Instant, limit: Duration, told: Instant, at now: Instant) -> Bool {
    // Begun in or before a late round: the node may have answered while nobody listened.
    if let lastLate, began <= lastLate { return false }
    return !isOverdue(at: now) && told - began <= limit + Self.promptness
  }

  func isTrouble(at now: Instant) -> Bool { lastTrouble.map { now - $0 < Self.shown } ?? false }
}
