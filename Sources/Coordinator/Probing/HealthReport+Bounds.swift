import Common

extension HealthReport {
  private static let maxTexts = 8
  private static let maxTextBytes = 200
  fileprivate static let maxNameBytes = 64
  /// A host name may have 255 bytes.
  fileprivate static let maxAddressBytes = 264
  fileprivate static let maxInteger = 100_000_000_000_000
  private static let maxDouble = 1e9

  /// The report with bounded texts and numbers, as they are kept, summed and shown. Whoever sent it may be a node of
  /// another version, a broken one, or no node at all.
  var bounded: HealthReport {
    var report = self
    report.nodeId = nodeId.clipped(to: Self.maxNameBytes)
    report.bootId = bootId.clipped(to: Self.maxNameBytes)
    report.version = version.clipped(to: Self.maxNameBytes)
    report.uptimeSeconds = Self.bounded(uptimeSeconds)
    report.reasons = Self.bounded(reasons)
    (report.redis, report.store, report.lease) = (redis.bounded, store.bounded, lease.bounded)
    (report.sweeper, report.requests) = (sweeper.bounded, requests.bounded)
    return report
  }

  fileprivate static func bounded(_ name: String?) -> String? { name?.clipped(to: maxNameBytes) }

  fileprivate static func bounded(_ texts: [String]) -> [String] {
    texts.prefix(maxTexts).map { $0.clipped(to: maxTextBytes) }
  }

  /// Sums over all nodes and percentages stay finite and exact. 100 TB are within the bound.
  fileprivate static func bounded<Number: FixedWidthInteger>(_ number: Number) -> Number {
    min(max(number, 0), Number(maxInteger))
  }

  fileprivate static func bounded(_ number: Double) -> Double { min(max(number, 0), maxDouble) }
}

extension HealthReport.Redis {
  fileprivate var bounded: Self {
    Self(
      mode: HealthReport.bounded(mode), server: server?.clipped(to: HealthReport.maxAddressBytes),
      replicas: replicas.map {
        Replicas(
          connected: HealthReport.bounded($0.connected), awaited: HealthReport.bounded($0.awaited),
          lagBytes: $0.lagBytes.map(HealthReport.bounded))
      },
      connected: connected, version: HealthReport.bounded(version), roundTripMs: roundTripMs.map(HealthReport.bounded),
      pending: HealthReport.bounded(pending), reconnects: HealthReport.bounded(reconnects),
      usedBytes: HealthReport.bounded(usedBytes), limitBytes: HealthReport.bounded(limitBytes),
      faults: HealthReport.bounded(faults), warnings: HealthReport.bounded(warnings),
      // Either clock may be ahead.
      clockOffsetMs: clockOffsetMs.map { min(max($0, -HealthReport.maxInteger), HealthReport.maxInteger) })
  }
}

extension HealthReport.Store {
  fileprivate var bounded: Self {
    Self(
      shards: shards.map(HealthReport.bounded), unservedShards: unservedShards.map(HealthReport.bounded),
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
      since: since.clipped(to: HealthReport.maxNameBytes))
  }
}

extension HealthReport.Lease {
  fileprivate var bounded: Self {
    // Epochs are only compared, so they need no bound.
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
