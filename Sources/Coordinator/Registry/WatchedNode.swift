import Common

/// All that is known of one node.
struct WatchedNode {
  /// How it stood when the coordinator last ran.
  struct Earlier: Equatable, Sendable {
    var status: NodeStatus
    var since: Int64
    /// The same on the monotonic clock, as far as can be told.
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
  /// The same on the monotonic clock. If that was before a restart of the coordinator, it is an estimate.
  var entered: ContinuousClock.Instant
  var wanted = Wanted.serve
  /// The operator who wants it so.
  var wantedBy: String?
  var announced: ContinuousClock.Instant?
  /// The boot id of a process that announced itself in this one's place and has not answered there yet.
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

  /// Longer than it takes until a probe each second has failed, so that one lost answer leaves no gap.
  static let freshness = Duration.milliseconds(2500)
  /// A probe each second has ended within this.
  private static let maxProbeAge = Duration.milliseconds(1500)
  /// An announcement of a process that has just left may still have been on its way for so long.
  private static let maxStraggling = Duration.seconds(5)

  /// What it told lately, as long as it answers.
  func freshReport(at now: ContinuousClock.Instant) -> HealthReport? {
    guard detector.status.isAlive, let report, let reported, now - reported < Self.freshness else { return nil }
    return report
  }

  /// Whether load balancers give it requests, as far as can be told from here.
  var isReady: Bool { detector.status.isAlive && report?.isReady == true }

  /// Keeps one value a second, for those who look at the course of things.
  mutating func sample(at now: ContinuousClock.Instant) {
    rates.append(freshReport(at: now)?.requests.ratePerSecond)
    let isRecent = probes.lastEnded.map { now - $0 < Self.maxProbeAge } ?? false
    probeTimes.append(isRecent ? probes.lastTook?.milliseconds : nil)
  }

  /// Whether an announcement of the same process is more than one that came late: it had left, and is back.
  func comesBack(at now: ContinuousClock.Instant) -> Bool {
    detector.status == .left && now - entered > Self.maxStraggling
  }

  /// Whether an announcement tells what the last probe did not.
  func isWorthAsking(after announcement: Announcement, at now: ContinuousClock.Instant) -> Bool {
    guard detector.hasRested(at: now) else { return false }
    switch detector.status {
    case .unknown, .down: return true
    case .up, .suspect, .recovering, .draining: return report?.state.rawValue != announcement.state
    case .left: return false
    }
  }

  /// Whoever answers must be the process that is known, or the one that announced itself in its place.
  func identify(_ report: HealthReport) -> Result<HealthReport, ProbeFailure> {
    guard report.nodeId == id else { return .failure(.otherNode(id: report.nodeId)) }
    guard report.bootId == bootID || report.bootId == claimant else {
      return .failure(.otherProcess(bootID: report.bootId))
    }
    return .success(report)
  }
}

extension Duration {
  /// To the hundredth.
  var milliseconds: Double { ((self / .milliseconds(1)) * 100).rounded() / 100 }
}
