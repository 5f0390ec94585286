/// What a node knows of the lease.
struct LeaseReport: Equatable, Sendable {
  struct Holder: Equatable, Sendable {
    var nodeID: String
    var epoch: Int64
    /// When its term began: epoch milliseconds by Redis's clock.
    var acquiredAt: Int64
  }

  var isLeader = false
  /// Who holds the lease, as far as is known here.
  var holder: Holder?
  /// When the lease would lapse without another renewal.
  var endsAt: ContinuousClock.Instant?
  var termsWon = 0
  var termsLost = 0
  /// How long the last renewal took.
  var renewal: Duration?

  /// How long the lease is known to live.
  func remaining(at now: ContinuousClock.Instant) -> Duration? {
    endsAt.map { max(.zero, $0 - now) }
  }
}
