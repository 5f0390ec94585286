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
    package struct Replicas: Equatable, Sendable, Codable {
      /// Those that take in what the master writes.
      package var connected: Int
      /// So many must have a change before it is acknowledged.
      package var awaited: Int
      /// How far the last of those that count is behind; nil without one.
      package var lagBytes: Int?

      package init(connected: Int, awaited: Int, lagBytes: Int?) {
        (self.connected, self.awaited, self.lagBytes) = (connected, awaited, lagBytes)
      }
    }

    /// `single`, `sentinel` or `cluster`.
    package var mode: String?
    /// The master that requests go to, `host:port`; nil without a link. On a Cluster all masters in use, by commas.
    package var server: String?
    /// Nil until it is known.
    package var replicas: Replicas?
    package var connected: Bool
    /// Nil until it is known.
    package var version: String?
    package var roundTripMs: Double?
    package var pending: Int
    package var reconnects: Int
    package var usedBytes: Int
    package var limitBytes: Int
    /// Why nothing can be sold on it at present, each a whole sentence.
    package var faults: [String]
    /// What risks data, though it sells.
    package var warnings: [String]
    /// Redis's clock minus the node's.
    package var clockOffsetMs: Int?

    package init(
      mode: String? = nil, server: String? = nil, replicas: Replicas? = nil, connected: Bool, version: String? = nil,
      roundTripMs: Double?, pending: Int, reconnects: Int, usedBytes: Int,
      limitBytes: Int, faults: [String] = [], warnings: [String], clockOffsetMs: Int? = nil
    ) {
      (self.mode, self.server, self.replicas) = (mode, server, replicas)
      (self.connected, self.version, self.roundTripMs) = (connected, version, roundTripMs)
      (self.pending, self.reconnects) = (pending, reconnects)
      (self.usedBytes, self.limitBytes) = (usedBytes, limitBytes)
      (self.faults, self.warnings, self.clockOffsetMs) = (faults, warnings, clockOffsetMs)
    }
  }

  /// What the store holds, as far as the node can tell.
  package struct Store: Equatable, Sendable, Codable {
    /// The store is not the one that was seen before, or is behind it.
    package struct Loss: Equatable, Sendable, Codable {
      package var seenIdentity: String?
      package var seenMark: Int64?
      /// What is there now; nil for nothing.
      package var foundIdentity: String?
      package var foundMark: Int64?
      /// RFC 3339.
      package var since: String

      package init(
        seenIdentity: String?, seenMark: Int64?, foundIdentity: String?, foundMark: Int64?, since: String
      ) {
        (self.seenIdentity, self.seenMark) = (seenIdentity, seenMark)
        (self.foundIdentity, self.foundMark) = (foundIdentity, foundMark)
        self.since = since
      }
    }

    /// Into how many it is cut. Nodes of earlier versions do not tell.
    package var shards: Int?
    /// Those that this node can't reach now. Nodes of earlier versions do not tell.
    package var unservedShards: Int?
    /// Given to a store once; nil until it is known.
    package var identity: String?
    /// Rises as long as the store keeps its data: epoch milliseconds of the last write probe seen.
    package var mark: Int64?
    /// The name of that mark. Each process leaves its own.
    package var markedBy: String?
    /// When an operator last acknowledged a loss, as far as the node knows: epoch milliseconds, 0 for never. Nil until
    /// the node has compared the store with what the coordinator tells.
    package var acknowledged: Int64?
    /// Stands until an operator acknowledges it.
    package var loss: Loss?
    /// SKUs, holds and keys that are known to be damaged.
    package var damaged: Int
    /// A few of them, in words.
    package var damage: [String]

    package init(
      shards: Int? = nil, unservedShards: Int? = nil, identity: String? = nil, mark: Int64? = nil,
      markedBy: String? = nil,
      acknowledged: Int64? = nil,
      loss: Loss? = nil, damaged: Int = 0, damage: [String] = []
    ) {
      (self.shards, self.unservedShards, self.identity) = (shards, unservedShards, identity)
      (self.mark, self.markedBy) = (mark, markedBy)
      (self.acknowledged, self.loss) = (acknowledged, loss)
      (self.damaged, self.damage) = (damaged, damage)
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
  /// It drains because an operator wants it, and for no other reason. So it is as it should be.
  package var drained: Bool
  package var redis: Redis
  package var store: Store
  package var lease: Lease
  package var sweeper: Sweeper
  package var requests: Requests

  package init(
    nodeId: String, bootId: String, version: String, uptimeSeconds: Int64, state: State, reasons: [String],
    drained: Bool = false, redis: Redis, store: Store = Store(), lease: Lease, sweeper: Sweeper, requests: Requests
  ) {
    (self.nodeId, self.bootId, self.version, self.uptimeSeconds) = (nodeId, bootId, version, uptimeSeconds)
    (self.state, self.reasons, self.drained) = (state, reasons, drained)
    (self.redis, self.store, self.lease) = (redis, store, lease)
    (self.sweeper, self.requests) = (sweeper, requests)
  }
}
