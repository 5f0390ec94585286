import Metrics

/// The lease in numbers.
struct LeaseMetrics {
  static let help = [
    "holdfast_lease_leader": "1 while this node leads.",
    "holdfast_lease_epoch": "Epoch of the term this node knows of; rises with each term.",
    "holdfast_lease_remaining_seconds": "How long the lease was known to live when it was last heard of.",
    "holdfast_lease_terms_won_total": "Terms that this node began.",
    "holdfast_lease_terms_lost_total": "Terms of this node that ended, by their reason.",
    "holdfast_lease_renew_seconds": "Time that renewals of the lease took.",
  ]

  private let leader = Gauge(label: "holdfast_lease_leader")
  private let epoch = Gauge(label: "holdfast_lease_epoch")
  private let remaining = Gauge(label: "holdfast_lease_remaining_seconds")
  private let termsWon = Counter(label: "holdfast_lease_terms_won_total")
  private let termsLost = Dictionary(
    uniqueKeysWithValues: LeaseMachine.EndOfTerm.allCases.map { end in
      (end, Counter(label: "holdfast_lease_terms_lost_total", dimensions: [("reason", end.label)]))
    })
  private let renewal = Timer(label: "holdfast_lease_renew_seconds")

  func won() { termsWon.increment() }

  func lost(_ end: LeaseMachine.EndOfTerm) { termsLost[end]?.increment() }

  func renewed(_ took: Duration) { renewal.record(duration: took) }

  func update(_ report: LeaseReport, at now: LeaseMachine.Instant) {
    leader.record(report.isLeader ? 1 : 0)
    epoch.record(report.holder?.epoch ?? 0)
    remaining.record((report.remaining(at: now) ?? .zero) / .seconds(1))
  }
}

extension LeaseMachine.EndOfTerm {
  fileprivate var label: String {
    switch self {
    case .notRenewed: "not-renewed"
    case .lost: "lost"
    case .handedOver: "handed-over"
    }
  }
}
