import Common

extension HealthReport {
  private static let maxTexts = 8
  private static let maxText = 200
  fileprivate static let maxName = 64
  fileprivate static let maxNumber = 100_000_000_000_000

  /// The report with texts and numbers within what is kept, summed and shown: a node may be of another version, broken,
  /// or no node at all.
  var bounded: HealthReport {
    var report = self
    report.nodeId = nodeId.clipped(to: Self.maxName)
    report.bootId = bootId.clipped(to: Self.maxName)
    report.version = version.clipped(to: Self.maxName)
    report.uptimeSeconds = Self.bounded(uptimeSeconds)
    report.reasons = Self.bounded(reasons)
    (report.redis, report.store, report.lease) = (redis.bounded, store.bounded, lease.bounded)
    (report.sweeper, report.requests) = (sweeper.bounded, requests.bounded)
    return report
  }

  fileprivate static func bounded(_ name: String?) -> String? { name?.clipped(to: maxName) }

  fileprivate static func bounded(_ texts: [String]) -> [String] {
    texts.prefix(maxTexts).map { $0.clipped(to: maxText) }
  }

  /// Sums of these over all nodes, and percentages, stay finite and exact. 100 TB are within it.
  fileprivate static func bounded<Number: FixedWidthInteger>(_ number: Number) -> Number {
    min(max(number, 0), Number(maxNumber))
  }

  fileprivate static func bounded(_ number: Double) -> Double { min(max(number, 0), 1e9) }
}

extension HealthReport.Redis {
  fileprivate var bounded: Self {
    Self(
      connected: connected, version: HealthReport.bounded(version), roundTripMs: roundTripMs.map(HealthReport.bounded),
      pending: HealthReport.bounded(pending), reconnects: HealthReport.bounded(reconnects),
      usedBytes: HealthReport.bounded(usedBytes), limitBytes: HealthReport.bounded(limitBytes),
      faults: HealthReport.bounded(faults), warnings: HealthReport.bounded(warnings),
      // Either clock may be ahead.
      clockOffsetMs: clockOffsetMs.map { min(max($0, -HealthReport.maxNumber), HealthReport.maxNumber) })
  }
}

extension HealthReport.Store {
  fileprivate var bounded: Self {
    Self(
      identity: HealthReport.bounded(identity), mark: mark.map(HealthReport.bounded),
      markedBy: HealthReport.bounded(markedBy), acknowledged: acknowledged.map(HealthReport.bounded),
      loss: loss?.bounded, damaged: HealthReport.bounded(damaged), damage: HealthReport.bounded(damage))
  }
}

extension HealthReport.Store.Loss {
  fileprivate var bounded: Self {
    Self(
      seenIdentity: HealthReport.bounded(seenIdentity), seenMark: seenMark.map(HealthReport.bounded),
      foundIdentity: HealthReport.bounded(foundIdentity), foundMark: foundMark.map(HealthReport.bounded),
      since: since.clipped(to: HealthReport.maxName))
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

  /// The node itself answers, but its Redis does not. One that does, and can't be used, is told as a fault.
  var cannotReachRedis: Bool {
    switch state {
    case .degraded: !isReady && redis.faults.isEmpty
    case .starting: !redis.connected && redis.faults.isEmpty
    case .serving, .draining: false
    }
  }
}
