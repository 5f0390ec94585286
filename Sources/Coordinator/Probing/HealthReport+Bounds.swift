import Common

extension HealthReport {
  private static let mostTexts = 8
  private static let mostText = 200
  private static let mostName = 64

  /// The report with texts and numbers within what is kept, summed and shown: a node may be of another version, broken,
  /// or no node at all.
  var bounded: HealthReport {
    var report = self
    report.nodeId = nodeId.clipped(to: Self.mostName)
    report.bootId = bootId.clipped(to: Self.mostName)
    report.version = version.clipped(to: Self.mostName)
    report.reasons = Self.bounded(reasons)
    report.redis.warnings = Self.bounded(redis.warnings)
    report.redis.roundTripMs = redis.roundTripMs.map(Self.bounded)
    report.lease.holder = lease.holder?.clipped(to: Self.mostName)
    report.lease.since = lease.since?.clipped(to: Self.mostName)
    report.lease.renewMs = lease.renewMs.map(Self.bounded)
    report.sweeper.backlog = sweeper.backlog.map(Self.bounded)
    report.sweeper.oldestOverdueMs = sweeper.oldestOverdueMs.map(Self.bounded)
    report.requests.inFlight = Self.bounded(requests.inFlight)
    report.requests.ratePerSecond = Self.bounded(requests.ratePerSecond)
    report.requests.errorsPerSecond = Self.bounded(requests.errorsPerSecond)
    return report
  }

  private static func bounded(_ texts: [String]) -> [String] {
    texts.prefix(mostTexts).map { $0.clipped(to: mostText) }
  }

  /// Sums of these over all nodes stay finite and exact.
  private static func bounded(_ number: Int) -> Int { min(max(number, 0), 1_000_000_000_000) }

  private static func bounded(_ number: Double) -> Double { min(max(number, 0), 1e9) }
}

extension HealthReport {
  /// Nothing new is taken by the store: the node is degraded, and still serves all else.
  var isStoreNearlyFull: Bool {
    redis.limitBytes > 0 && Double(redis.usedBytes) >= 0.9 * Double(redis.limitBytes)
  }

  /// What the node answers at `/health/ready`, as far as its report tells: it serves, or is degraded for no other
  /// reason than a nearly full store.
  var isReady: Bool {
    switch state {
    case .serving: true
    case .degraded: isStoreNearlyFull && reasons.count == 1
    case .starting, .draining: false
    }
  }

  /// The node itself answers, but its Redis does not.
  var cannotReachRedis: Bool {
    switch state {
    case .degraded: !isReady
    case .starting: !redis.connected
    case .serving, .draining: false
    }
  }
}
