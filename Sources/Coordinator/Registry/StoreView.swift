import Common

extension ClusterView {
  /// Redis and the store in it, as nodes told lately. All nodes see the same store; where they differ, the worst is
  /// shown. Where no node tells, this shows what the coordinator remembers.
  struct Store: Encodable, Equatable, Sendable {
    /// The version of Redis.
    var version: String?
    /// The masters that nodes have links to, `host:port`. Without a Cluster there is more than one only while a failover is
    /// under way, or nodes are set up differently.
    var servers: [String] = []
    /// Into how many it is cut. Nil while no node tells.
    var shards: Int?
    /// As the node tells it that reaches the fewest.
    var unservedShards: Int?
    /// As the node tells it that knows of the fewest.
    var replicas: HealthReport.Redis.Replicas?
    var identity: String?
    /// When the last write probe that was seen left its mark.
    var mark: String?
    /// Nil while no node tells.
    var usedBytes: Int?
    /// 0 if there is no limit.
    var limitBytes: Int?
    /// Redis's clock minus the node's, of the node where they differ most.
    var clockOffsetMs: Int?
    /// Why it cannot be used for selling.
    var faults: [String] = []
    var warnings: [String] = []
    /// Damaged SKUs, holds and keys.
    var damaged = 0
    /// A few of them, in words.
    var damage: [String] = []
    /// Nil if nothing was lost, or it has been acknowledged.
    var loss: HealthReport.Store.Loss?
    /// When a loss was last acknowledged.
    var acknowledged: String?
  }
}

extension ClusterView.Store {
  private static let maxTexts = 8

  init(_ reports: [HealthReport], _ memory: StoreMemory, loss: HealthReport.Store.Loss?) {
    func instant(_ milliseconds: Int64?) -> String? {
      milliseconds.flatMap { RFC3339.representable.contains($0) ? RFC3339.string(epochMilliseconds: $0) : nil }
    }
    let worst = reports.max { $0.store.damaged < $1.store.damaged }?.store
    self.init(
      version: reports.firstNonNil(\.redis.version),
      servers: Array(Set(reports.flatMap(\.redis.servers)).sorted().prefix(Self.maxTexts)),
      shards: reports.compactMap(\.store.shards).max(),
      unservedShards: reports.compactMap(\.store.unservedShards).max(),
      replicas: reports.compactMap(\.redis.replicas).min { $0.connected < $1.connected },
      identity: reports.firstNonNil(\.store.identity) ?? memory.evidence?.identity,
      mark: instant(reports.compactMap(\.store.mark).max() ?? memory.evidence?.mark),
      usedBytes: reports.map(\.redis.usedBytes).max(), limitBytes: reports.map(\.redis.limitBytes).max(),
      clockOffsetMs: reports.compactMap(\.redis.clockOffsetMs).max { $0.magnitude < $1.magnitude },
      faults: Self.together(reports.map(\.redis.faults)), warnings: Self.together(reports.map(\.redis.warnings)),
      damaged: worst?.damaged ?? 0, damage: Self.together([worst?.damage ?? []]), loss: loss,
      acknowledged: memory.acknowledged == 0 ? nil : instant(memory.acknowledged))
  }

  /// Each text once, in the order in which they were told.
  private static func together(_ lists: [[String]]) -> [String] {
    var known: Set<String> = []
    return Array(lists.joined().filter { known.insert($0).inserted }.prefix(maxTexts))
  }
}

extension HealthReport.Redis {
  fileprivate var servers: [String] { server.map { $0.split(separator: ",").map(String.init) } ?? [] }
}

extension Array {
  fileprivate func firstNonNil<Value>(_ member: (Element) -> Value?) -> Value? {
    lazy.compactMap(member).first
  }
}
