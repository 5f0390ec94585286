import Common

/// Who leads, as the nodes themselves tell in their health reports: the greatest epoch wins.
///
/// This is for people and for `/leader`. What keeps two leaders apart is the fencing in Redis, not the coordinator.
struct LeaderTracker: Sendable {
  struct Term: Codable, Equatable, Sendable {
    var id: String
    var epoch: Int64
    /// When it began, in milliseconds since 1970.
    var since: Int64

    fileprivate var text: String { "\(id) (epoch \(epoch))" }
  }

  struct Change: Equatable, Sendable {
    var from: String
    var to: String
    var reason: String
  }

  /// A leader of whom nothing is heard for so long leads no more. Reports come every second.
  static let maxSilence = Duration.seconds(3)
  private static let nobody = "no leader"

  /// Who leads now, as far as is known.
  private(set) var current: Term?
  /// The last one that led, perhaps long ago.
  private(set) var last: Term?
  /// Whether it is known, and told, that nobody took its place.
  private(set) var isVacant: Bool
  /// Changes from one node to another.
  private(set) var failovers: Int
  /// When a term began with a smaller epoch than the one before. That never happens while the store keeps its data.
  private(set) var wentBack: Moment?
  /// When the leader last said that it leads.
  private var claimed: ContinuousClock.Instant?

  init(last: Term? = nil, isVacant: Bool = true, failovers: Int = 0) {
    (self.last, self.isVacant, self.failovers) = (last, isVacant, failovers)
  }

  /// A node has told how it stands to the lease.
  mutating func heard(_ lease: HealthReport.Lease, from id: String, at now: Moment) -> Change? {
    guard lease.leader, let epoch = lease.epoch else { return nil }
    // Each node knows best about itself.
    if let current, current.id != id, current.epoch >= epoch { return nil }
    claimed = now.instant
    if let current, current.id == id, current.epoch == epoch { return nil }
    let since = lease.since.flatMap(RFC3339.epochMilliseconds) ?? now.epochMilliseconds
    let term = Term(id: id, epoch: epoch, since: min(since, now.epochMilliseconds))
    current = term
    // Known from before a restart of the coordinator.
    if let last, last.id == id, last.epoch == epoch, !isVacant { return nil }
    defer { (last, isVacant) = (term, false) }
    if let last, last.id != id { failovers += 1 }
    var reason = "\(id) says that it leads"
    if let last, epoch < last.epoch || (epoch == last.epoch && id != last.id) {
      wentBack = now
      reason += ", though there was \(last.text): the store may have lost data"
    }
    return Change(from: isVacant ? Self.nobody : last?.text ?? Self.nobody, to: term.text, reason: reason)
  }

  /// A node is DOWN, has left, or is another process now. So it leads no more.
  mutating func ended(_ id: String, because reason: String) -> Change? {
    guard let current, current.id == id else { return nil }
    return vacate(current, reason)
  }

  /// To be called every now and then.
  /// - Parameter isLate: the coordinator itself is late, so the leader may have spoken unheard.
  mutating func tick(at now: Moment, isLate: Bool = false) -> Change? {
    if isLate { claimed = now.instant }
    guard let current, let claimed, now.instant - claimed > Self.maxSilence else { return nil }
    return vacate(current, "\(current.id) does not say so any more, nor does any other node")
  }

  private mutating func vacate(_ term: Term, _ reason: String) -> Change {
    (current, isVacant) = (nil, true)
    return Change(from: term.text, to: Self.nobody, reason: reason)
  }
}
