import Metrics
import RedisClient

/// The node's own gauges. Requests are counted where they are answered.
struct NodeMetrics {
  static let help = [
    "holdfast_redis_up": "1 while Redis serves the link of requests.",
    "holdfast_redis_pending_commands": "Commands that wait for a link or a reply.",
    "holdfast_redis_reconnects": "Links made after the first one.",
    "holdfast_redis_round_trip_seconds": "Round trips of a probe twice a second.",
    "holdfast_redis_shards_unserved": "Shards whose server can't be reached, on a Redis Cluster.",
    "holdfast_redis_used_bytes": "Memory that Redis uses.",
    "holdfast_redis_limit_bytes": "Redis's maxmemory; 0 for none.",
    "holdfast_redis_nearly_full": "1 while new reserves are refused because Redis is nearly full.",
    "holdfast_redis_clock_offset_seconds": "Redis's clock minus the node's.",
    "holdfast_redis_replicas": "Replicas that take in what the master writes.",
    "holdfast_redis_replicas_awaited": "So many replicas must have a change before it is acknowledged.",
    "holdfast_redis_replica_lag_bytes": "Bytes by which the slowest counted replica lags.",
    "holdfast_redis_warnings": "What risks data, or works less well than it should, of Redis.",
    "holdfast_store_faults": "Reasons why nothing can be sold on Redis at present.",
    "holdfast_store_loss": "1 while a loss of data is known and not acknowledged.",
    "holdfast_store_damaged": "SKUs, holds and keys that are known to be damaged.",
    "holdfast_requests_in_flight": "Requests that wait for their answer.",
    "holdfast_ready": "1 while the node is ready.",
  ]

  let roundTrip = Timer(label: "holdfast_redis_round_trip_seconds")
  private let up = Gauge(label: "holdfast_redis_up")
  private let pending = Gauge(label: "holdfast_redis_pending_commands")
  private let reconnects = Gauge(label: "holdfast_redis_reconnects")
  private let unservedShards = Gauge(label: "holdfast_redis_shards_unserved")
  private let used = Gauge(label: "holdfast_redis_used_bytes")
  private let limit = Gauge(label: "holdfast_redis_limit_bytes")
  private let nearlyFull = Gauge(label: "holdfast_redis_nearly_full")
  private let clockOffset = Gauge(label: "holdfast_redis_clock_offset_seconds")
  private let replicas = Gauge(label: "holdfast_redis_replicas")
  private let replicasAwaited = Gauge(label: "holdfast_redis_replicas_awaited")
  private let replicaLag = Gauge(label: "holdfast_redis_replica_lag_bytes")
  private let warnings = Gauge(label: "holdfast_redis_warnings")
  private let faults = Gauge(label: "holdfast_store_faults")
  private let loss = Gauge(label: "holdfast_store_loss")
  private let damaged = Gauge(label: "holdfast_store_damaged")
  private let inFlight = Gauge(label: "holdfast_requests_in_flight")
  private let ready = Gauge(label: "holdfast_ready")

  /// - Parameter minReplicas: so many have a change before it is acknowledged.
  func update(
    link: RedisLink.Status, _ reports: NodeReports.Contents, minReplicas: Int, inFlight requests: Int, isReady: Bool
  ) {
    let store = reports.store
    up.record(link.isUp ? 1 : 0)
    pending.record(link.pending)
    reconnects.record(link.reconnects)
    unservedShards.record(link.unservedShards)
    used.record(store?.usedBytes ?? 0)
    limit.record(store?.limitBytes ?? 0)
    nearlyFull.record(store?.isNearlyFull == true ? 1 : 0)
    if let offset = store?.clockOffset { clockOffset.record(Double(offset) / 1000) }
    replicasAwaited.record(minReplicas)
    replicas.record(store?.replication?.connected ?? 0)
    replicaLag.record(store?.replication?.lagBytes ?? 0)
    warnings.record(store?.warnings.count ?? 0)
    faults.record(store?.faults.count ?? 0)
    loss.record(store?.judge.loss == nil ? 0 : 1)
    damaged.record(reports.damage.count)
    inFlight.record(requests)
    ready.record(isReady ? 1 : 0)
  }
}
