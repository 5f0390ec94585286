import NIOCore

/// What a node tells of itself at `/health`: nodes write it, the coordinator reads it. `openapi.yaml` says what each
/// member means; nil is null in JSON.
///
/// `Codable` for the tests that hold its own writer and reader against Foundation's.
package struct HealthReport: Equatable, Sendable, Codable {
  package enum State: String, CaseIterable, Sendable, Codable {
    case starting, serving, degraded, draining
  }

  package struct Redis: Equatable, Sendable, Codable {
    package var connected: Bool
    package var roundTripMs: Double?
    package var pending: Int
    package var reconnects: Int
    package var usedBytes: Int
    package var limitBytes: Int
    package var warnings: [String]

    package init(
      connected: Bool, roundTripMs: Double?, pending: Int, reconnects: Int, usedBytes: Int, limitBytes: Int,
      warnings: [String]
    ) {
      (self.connected, self.roundTripMs, self.pending) = (connected, roundTripMs, pending)
      (self.reconnects, self.usedBytes, self.limitBytes) = (reconnects, usedBytes, limitBytes)
      self.warnings = warnings
    }
  }

  package struct Lease: Equatable, Sendable, Codable {
    package var leader: Bool
    package var epoch: Int64?
    package var holder: String?
    /// RFC 3339.
    package var since: String?
    package var remainingMs: Int?
    package var termsWon: Int
    package var termsLost: Int
    package var renewMs: Double?

    package init(
      leader: Bool, epoch: Int64?, holder: String?, since: String?, remainingMs: Int?, termsWon: Int, termsLost: Int,
      renewMs: Double?
    ) {
      (self.leader, self.epoch, self.holder, self.since) = (leader, epoch, holder, since)
      (self.remainingMs, self.termsWon, self.termsLost, self.renewMs) = (remainingMs, termsWon, termsLost, renewMs)
    }
  }

  package struct Sweeper: Equatable, Sendable, Codable {
    package struct Batch: Equatable, Sendable, Codable {
      package var agoMs: Int
      package var holds: Int
      package var tookMs: Double

      package init(agoMs: Int, holds: Int, tookMs: Double) {
        (self.agoMs, self.holds, self.tookMs) = (agoMs, holds, tookMs)
      }
    }

    package var backlog: Int?
    package var oldestOverdueMs: Int?
    package var lastBatch: Batch?
    package var releasedTotal: Int
    package var trimmedTotal: Int
    package var fencedAttempts: Int

    package init(
      backlog: Int?, oldestOverdueMs: Int?, lastBatch: Batch?, releasedTotal: Int, trimmedTotal: Int,
      fencedAttempts: Int
    ) {
      (self.backlog, self.oldestOverdueMs, self.lastBatch) = (backlog, oldestOverdueMs, lastBatch)
      (self.releasedTotal, self.trimmedTotal, self.fencedAttempts) = (releasedTotal, trimmedTotal, fencedAttempts)
    }
  }

  package struct Requests: Equatable, Sendable, Codable {
    package var inFlight: Int
    package var ratePerSecond: Double
    package var errorsPerSecond: Double
    package var total: Int
    package var errors: Int

    package init(inFlight: Int, ratePerSecond: Double, errorsPerSecond: Double, total: Int, errors: Int) {
      (self.inFlight, self.ratePerSecond, self.errorsPerSecond) = (inFlight, ratePerSecond, errorsPerSecond)
      (self.total, self.errors) = (total, errors)
    }
  }

  package var nodeId: String
  package var bootId: String
  package var version: String
  package var uptimeSeconds: Int64
  package var state: State
  package var reasons: [String]
  package var redis: Redis
  package var lease: Lease
  package var sweeper: Sweeper
  package var requests: Requests

  package init(
    nodeId: String, bootId: String, version: String, uptimeSeconds: Int64, state: State, reasons: [String],
    redis: Redis, lease: Lease, sweeper: Sweeper, requests: Requests
  ) {
    (self.nodeId, self.bootId, self.version, self.uptimeSeconds) = (nodeId, bootId, version, uptimeSeconds)
    (self.state, self.reasons, self.redis, self.lease) = (state, reasons, redis, lease)
    (self.sweeper, self.requests) = (sweeper, requests)
  }
}
