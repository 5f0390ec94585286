import Common
import Logging
import NIOCore
import RedisClient
import Store

/// How a node reaches the store: its scripts, and where Redis is.
struct StoreAccess: Sendable {
  let scripts: ScriptLibrary
  /// Whether the store is nearly full, for all sessions of the node.
  let fullness = StoreFullness()
  let topology: RedisTopology
  /// So many replicas have a change before it is acknowledged.
  let minReplicas: Int
  fileprivate let tls: RedisTLS?
  fileprivate let sentinels: SentinelAccess
  fileprivate let clientName: String

  /// Whether the operator has said how the store is cut. If not, it is as the store says.
  let isLayoutGiven: Bool

  /// Throws if the files for TLS can't be used.
  ///
  /// - Parameter adopted: how the store is cut, found in it; nil if nobody has looked.
  init(_ settings: NodeSettings, adopted: StoreLayout? = nil) throws {
    isLayoutGiven = settings.shards != nil
    scripts = ScriptLibrary(
      tuning: .init(
        retentionSeconds: settings.retentionSeconds, eventsMaxLength: settings.eventsMaxLength,
        keyPrefix: settings.keyPrefix, hasBatches: settings.batches),
      shards: settings.shards.map { ShardMap(count: $0, separator: settings.shardSeparator) }
        ?? adopted?.map
        ?? ShardMap(
          count: settings.redisUrl.isCluster ? ShardMap.clusterCount : 1, separator: settings.shardSeparator))
    topology = settings.redisUrl
    if topology.isCluster, scripts.shards.count == 1 {
      throw SettingsError("the store is not cut into shards, and a Redis Cluster can't hold such a one")
    }
    minReplicas = settings.minReplicas
    let tls =
      topology.usesTLS || settings.sentinelTls
      ? try RedisTLS.fromSettings(
        caFile: settings.redisCaFile, certFile: settings.redisCertFile, keyFile: settings.redisKeyFile) : nil
    self.tls = tls
    sentinels = SentinelAccess(
      user: settings.sentinelUser, password: settings.sentinelPassword, names: .settings,
      tls: settings.sentinelTls ? tls : nil)
    clientName = "holdfast:\(settings.nodeId)"
  }

  /// The way to the store for all that works on one event loop.
  func links(on eventLoop: any EventLoop) -> StoreLinks { StoreLinks(self, eventLoop: eventLoop) }
}

/// Makes the links to the store of one event loop; they share the search for the masters. Belongs to that loop.
final class StoreLinks {
  private enum Way {
    case master(any ServerLocator)
    case cluster(ClusterMap)
  }

  /// A lost link to a master of a Cluster is tried again at least so often.
  private static let longestClusterDelay = TimeAmount.milliseconds(250)

  private let store: StoreAccess
  private let eventLoop: any EventLoop
  private let way: Way

  fileprivate init(_ store: StoreAccess, eventLoop: any EventLoop) {
    (self.store, self.eventLoop) = (store, eventLoop)
    way =
      switch store.topology {
      case .single(let url): .master(FixedServer(url))
      case .sentinel(let group):
        .master(
          SentinelLocator(
            eventLoop: eventLoop, group: group, access: store.sentinels, logger: Logger(label: "redis.sentinel")))
      case .cluster(let seeds):
        .cluster(
          ClusterMap(eventLoop: eventLoop, seeds: seeds, tls: store.tls, logger: Logger(label: "redis.cluster")))
      }
  }

  /// Links that are not started yet.
  ///
  /// - Parameters:
  ///   - name: what Redis's list of clients and the log call them.
  ///   - scripts: loaded whenever one comes up.
  ///   - checksRights: whether they check rights that are useful but not required.
  ///   - measured: called with each round trip of their probes.
  func links(
    name: String, scripts: [Script] = [], checksRights: Bool = false,
    measured: @escaping (TimeAmount) -> Void = { _ in }
  ) -> any LinkSet {
    let logger = Logger(label: "redis.\(name)")
    func link(_ servers: any ServerLocator, vacantKey: String) -> SingleLink {
      let link = RedisLink(
        eventLoop: eventLoop, servers: servers,
        configuration: .init(
          tls: store.tls, clientName: "\(store.clientName):\(name)", scripts: scripts, vacantKey: vacantKey,
          minReplicas: store.minReplicas),
        logger: logger)
      return SingleLink(
        link, probe: LinkProbe(link: link, vacantKey: vacantKey, checksRights: checksRights, measured: measured))
    }
    switch way {
    case .master(let servers): return link(servers, vacantKey: store.scripts.keys.vacant)
    case .cluster(let map):
      let library = store.scripts
      return ClusterLinks(map) { url, slot in
        link(FixedServer(url, longestRetryDelay: Self.longestClusterDelay), vacantKey: library.vacantKey(in: slot))
      }
    }
  }
}
