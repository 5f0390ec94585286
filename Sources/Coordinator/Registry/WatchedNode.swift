import Common

/// All that is known of one node.
struct WatchedNode {
  /// How it stood when the coordinator was last running.
  struct Earlier: Equatable, Sendable {
    var status: NodeStatus
    var since: Int64
    /// The same on the clock that never jumps, as far as can be told.
    var entered: ContinuousClock.Instant
    var reason: String
  }

  struct Probes: Equatable, Sendable {
    var total = 0
    var failed = 0
    var lastEnded: ContinuousClock.Instant?
    /// How long the last answer took; nil if there was none.
    var lastTook: Duration?
    var lastFailure: String?
  }

  let id: String
  var bootID: String
  var url: ServerURL
  var version: String
  var detector: FailureDetector
  /// When it came into its present state, in milliseconds since 1970, and why.
  var since: Int64
  var reason: String
  /// The same on the clock that never jumps; for what was before a restart of the coordinator, as far as can be told.
  var entered: ContinuousClock.Instant
  var wanted = Wanted.serve
  /// The operator who wants it so.
  var wantedBy: String?
  var announced: ContinuousClock.Instant?
  /// The boot id of a process that announced itself in the place of this one, and has not been seen there yet.
  var claimant: String?
  var rivals = Rivals()
  var earlier: Earlier?
  /// What it told last, and when.
  var report: HealthReport?
  var reported: ContinuousClock.Instant?
  var probes = Probes()
  /// One value a second.
  var rates = RecentValues<Double?>()
  var probeTimes = RecentValues<Double?>()

  /// What it told lately, as long as it answers.
  func freshReport(at now: ContinuousClock.Instant) -> HealthReport? {
    guard detector.status.isAlive, let report, let reported, now - reported < Self.freshness else { return nil }
    return report
  }

  /// Longer than a probe every second takes to fail.
  private static let freshness = Duration.milliseconds(2500)

  /// Whether load balancers give it requests, as far as can be told from here.
  var isReady: Bool { detector.status.isAlive && report?.isReady == true }

  /// One value a second for those who look at the course of things.
  mutating func sample(at now: ContinuousClock.Instant) {
    rates.append(freshReport(at: now)?.requests.ratePerSecond)
    let isRecent = probes.lastEnded.map { now - $0 < .milliseconds(1500) } ?? false
    probeTimes.append(isRecent ? probes.lastTook?.milliseconds : nil)
  }
}

extension Duration {
  /// To the hundredth.
  var milliseconds: Double { ((self / .milliseconds(1)) * 100).rounded() / 100 }
}
