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
    report.uptimeSeconds = Self.bounded(uptimeSeconds)
    report.reasons = Self.bounded(reasons)
    (report.redis, report.lease) = (redis.bounded, lease.bounded)
    (report.sweeper, report.requests) = (sweeper.bounded, requests.bounded)
    return report
  }

  fileprivate static func bounded(_ name: String?) -> String? { name?.clipped(to: mostName) }

  fileprivate static func bounded(_ texts: [String]) -> [String] {
    texts.prefix(mostTexts).map { $0.clipped(to: mostText) }
  }

  /// Sums of these over all nodes, and percentages, stay finite and exact. 100 TB are within it.
  fileprivate static func bounded<Number: FixedWidthInteger>(_ number: Number) -> Number {
    min(max(number, 0), 100_000_000_000_000)
  }

  fileprivate static func bounded(_ number: Double) -> Double { min(max(number, 0), 1e9) }
}

extension HealthReport.Redis {
  fileprivate var bounded: Self {
    Self(
      connected: connected, roundTripMs: roundTripMs.map(HealthReport.bounded), pending: HealthReport.bounded(pending),
      reconnects: HealthReport.bounded(reconnects), usedBytes: HealthReport.bounded(usedBytes),
      limitBytes: HealthReport.bounded(limitBytes), warnings: HealthReport.bounded(warnings))
  }
}

extension HealthReport.Lease {
  fileprivate var bounded: Self {
    // Epochs are only compared.
    Self(
      leader: leader, epoch: epoch, holder: HealthReport.bounded(holder), since: HealthReport.bounded(since),
      remainingMs: remainingMs.map(HealthReport.bounded), termsWon: HealthReport.bounded(termsWon),
      termsLost: HealthReport.bounded(termsLost), renewMs: renewMs.map(HealthReport.bounded))
  }
}

extension HealthReport.Sweeper {
  fileprivate var bounded: Self {
    Self(
      backlog: backlog.map(HealthReport.bounded), oldestOverdueMs: oldestOverdueMs.map(HealthReport.bounded),
      lastBatch: lastBatch.map {
        Batch(
          agoMs: HealthReport.bounded($0.agoMs), holds: HealthReport.bounded($0.holds),
          tookMs: HealthReport.bounded($0.tookMs))
      },
      releasedTotal: HealthReport.bounded(releasedTotal), trimmedTotal: HealthReport.bounded(trimmedTotal),
      fencedAttempts: HealthReport.bounded(fencedAttempts))
  }
}

extension HealthReport.Requests {
  fileprivate var bounded: Self {
    Self(
      inFlight: HealthReport.bounded(inFlight), ratePerSecond: HealthReport.bounded(ratePerSecond),
      errorsPerSecond: HealthReport.bounded(errorsPerSecond), total: HealthReport.bounded(total),
      errors: HealthReport.bounded(errors))
  }
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
