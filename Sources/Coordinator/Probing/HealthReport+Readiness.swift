import Common

extension HealthReport {
  /// The store takes nothing new. The node is degraded and still serves all else.
  var isStoreNearlyFull: Bool {
    Redis.isNearlyFull(usedBytes: redis.usedBytes, limitBytes: redis.limitBytes)
  }

  /// What the node answers at `/health/ready`, as far as its report tells. It is ready if it serves, or if it is
  /// degraded by nothing but a nearly full store.
  var isReady: Bool {
    switch state {
    case .serving: true
    case .degraded: isStoreNearlyFull && reasons.count == 1
    case .starting, .draining: false
    }
  }

  /// The node itself answers, but its Redis does not. A Redis that answers and can't be used is a fault instead.
  var cannotReachRedis: Bool {
    switch state {
    case .degraded: !isReady && redis.faults.isEmpty
    case .starting: !redis.connected && redis.faults.isEmpty
    case .serving, .draining: false
    }
  }
}
