import Common

/// What is wrong with Redis and the store in it, as the nodes tell.
extension ClusterCheck {
  /// All nodes have heard of an acknowledgement after this. What they say of the loss before is no news.
  private static let maxAcknowledgingMs: Int64 = 10_000
  private static let maxDamageNamed = 3

  mutating func checkLoss() {
    let isFresh = now.epochMilliseconds - store.acknowledged < Self.maxAcknowledgingMs
    let losing = nodes.compactMap { node -> (id: String, loss: HealthReport.Store.Loss)? in
      guard let told = node.freshReport(at: now.instant)?.store, let loss = told.loss else { return nil }
      return told.acknowledged ?? 0 < store.acknowledged && isFresh ? nil : (node.id, loss)
    }
    guard let first = losing.min(by: { $0.loss.since < $1.loss.since })?.loss else { return }
    loss = first
    let noted = onset(of: "store-loss").epochMilliseconds
    add(
      .critical, "store-loss", "\(first.words) (told by \(Self.names(losing.map(\.id))))",
      since: min(RFC3339.epochMilliseconds(of: first.since) ?? noted, noted))
  }

  /// What keeps single nodes from selling. If all of them name the same reason, the outage has told it already; then
  /// this tells what else they say of Redis.
  mutating func checkFaults() {
    var tellers: [String: [String]] = [:]
    for node in nodes {
      guard let report = node.freshReport(at: now.instant), report.state != .draining else { continue }
      for obstacle in report.redis.obstacles { tellers[obstacle, default: []].append(node.id) }
    }
    if case .cannotSell(let reason, _) = outage { tellers[reason] = nil }
    let byTellers = tellers.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
    for (obstacle, ids) in byTellers.prefix(Self.maxNamed) {
      let since = onset(of: "redis-unusable \(obstacle)").epochMilliseconds
      add(.critical, "redis-unusable", "\(Self.names(ids)) cannot sell: \(obstacle)", since: since)
    }
  }

  /// A node that reaches no shard at all says so as an outage of Redis.
  mutating func checkShards() {
    let lacking = told.filter { ($0.report.store.unservedShards ?? 0) > 0 }
    guard let worst = lacking.compactMap({ $0.report.store.unservedShards }).max() else { return }
    let all = lacking.compactMap(\.report.store.shards).max().map { " of \($0)" } ?? ""
    add(
      .critical, "shards-down",
      "\(worst)\(all) shards of the store have no server: what they keep can't be sold (told by"
        + " \(Self.names(lacking.map(\.id))))",
      since: onset(of: "shards-down").epochMilliseconds)
  }

  mutating func checkDamage() {
    // All nodes see the same store, though not all look at the same parts of it.
    guard let worst = told.max(by: { $0.report.store.damaged < $1.report.store.damaged })?.report.store,
      worst.damaged > 0
    else { return }
    let named = worst.damage.prefix(Self.maxDamageNamed)
    let words = named.isEmpty ? "" : ": " + named.joined(separator: "; ")
    let more = worst.damaged > named.count && !named.isEmpty ? "; and more" : ""
    add(
      .critical, "store-damaged", "The store is damaged in \(counted(worst.damaged, "place"))\(words)\(more)",
      since: onset(of: "store-damaged").epochMilliseconds)
  }
}
