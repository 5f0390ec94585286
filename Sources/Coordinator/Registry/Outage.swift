import Common

/// The shop cannot sell. An operator must read this first, and nothing else decides it.
enum Outage: Equatable, Sendable {
  /// No node can, for this reason.
  ///
  /// - Parameter isOfRedis: every node that answers says that Redis is why. Then what follows from it is not told too.
  case cannotSell(because: String, isOfRedis: Bool)
  /// All nodes that could sell drain, so load balancers give requests to none.
  case noneReady

  private static let kinds = [cannotSell(because: "", isOfRedis: false).kind, noneReady.kind]

  /// Whether a problem tells of an outage.
  static func isTold(_ problem: ClusterView.Problem) -> Bool { kinds.contains(problem.kind) }

  /// Nil while some node can sell, or may be able to.
  ///
  /// - Parameter nodes: those that have not left.
  init?(_ nodes: [WatchedNode], at now: ContinuousClock.Instant) {
    guard !nodes.isEmpty, !nodes.contains(where: { $0.detector.status == .unknown }) else { return nil }
    var obstacles: [String] = []
    var drain = 0
    var isOfRedis = true
    for node in nodes where node.detector.status.isAlive {
      guard let report = node.freshReport(at: now) else { return nil }
      if let obstacle = report.obstacleToSelling {
        obstacles.append(obstacle)
        isOfRedis = isOfRedis && report.isStoppedByRedis
      } else if report.state == .draining {
        drain += 1
      } else {
        return nil
      }
    }
    if drain > 0 {
      self = .noneReady
    } else if let reason = Self.mostFrequent(obstacles) {
      self = .cannotSell(because: reason, isOfRedis: isOfRedis)
    } else {
      self = .cannotSell(because: "no node answers", isOfRedis: false)
    }
  }

  private static func mostFrequent(_ reasons: [String]) -> String? {
    let counts = Dictionary(grouping: reasons, by: \.self).mapValues(\.count)
    return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
  }

  var kind: String {
    switch self {
    case .cannotSell: "shop-cannot-sell"
    case .noneReady: "no-node-ready"
    }
  }

  var text: String {
    switch self {
    case .cannotSell(let reason, _): "The shop cannot sell: \(reason)"
    case .noneReady: "No node is ready for requests: those that could sell drain"
    }
  }
}

extension HealthReport {
  var isStoppedByRedis: Bool { cannotReachRedis || !redis.faults.isEmpty }

  /// Why nothing can be sold through this node, in its own words; nil if nothing stands against it. Their conclusion is
  /// told first here, and not again.
  var obstacleToSelling: String? {
    if let obstacle = redis.obstacles.first { return obstacle }
    guard cannotReachRedis || state == .starting else { return nil }
    return reasons.isEmpty ? "Redis cannot be reached" : reasons.joined(separator: "; ")
  }
}
