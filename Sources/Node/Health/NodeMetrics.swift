import Metrics

/// The node's own gauges; requests are counted by ``RequestMetrics``.
struct NodeMetrics {
  static let help = [
    RequestMetrics.durationLabel: "Time from a complete request to its answer, by operation and outcome.",
    "holdfast_redis_up": "1 while requests have a link to Redis.",
    "holdfast_redis_pending_commands": "Commands that wait for a link or a reply.",
    "holdfast_redis_reconnects": "Links made after the first one.",
    "holdfast_redis_round_trip_seconds": "Round trips of a probe twice a second.",
    "holdfast_redis_used_bytes": "Memory that Redis uses.",
    "holdfast_redis_limit_bytes": "Redis's maxmemory; 0 for none.",
    "holdfast_redis_nearly_full": "1 while new reserves are refused because Redis is nearly full.",
    "holdfast_requests_in_flight": "Requests that wait for their answer.",
    "holdfast_ready": "1 while the node is ready.",
  ]

  let roundTrip = Timer(label: "holdfast_redis_round_trip_seconds")
  private let up = Gauge(label: "holdfast_redis_up")
  private let pending = Gauge(label: "holdfast_redis_pending_commands")
  private let reconnects = Gauge(label: "holdfast_redis_reconnects")
  private let used = Gauge(label: "holdfast_redis_used_bytes")
  private let limit = Gauge(label: "holdfast_redis_limit_bytes")
  private let nearlyFull = Gauge(label: "holdfast_redis_nearly_full")
  private let inFlight = Gauge(label: "holdfast_requests_in_flight")
  private let ready = Gauge(label: "holdfast_ready")

  func update(link: RedisLink.Status, store: StoreReport?, inFlight requests: Int, isReady: Bool) {
    up.record(link.isUp ? 1 : 0)
    pending.record(link.pending)
    reconnects.record(link.reconnects)
    used.record(store?.usedBytes ?? 0)
    limit.record(store?.limitBytes ?? 0)
    nearlyFull.record(store?.isNearlyFull == true ? 1 : 0)
    inFlight.record(requests)
    ready.record(isReady ? 1 : 0)
  }
}
