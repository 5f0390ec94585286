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
        keyPrefix: settings.keyPrefix),
      shards: settings.shards.map { ShardMap(count: $0, separator: settings.shardSeparator) }
        ?? adopted?.map ?? ShardMap())
    topology = settings.redisUrl
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

/// Makes the links to the store of one event loop; they share the search for the master. Belongs to that loop.
final class StoreLinks {
  private let store: StoreAccess
  private let eventLoop: any EventLoop
  private let servers: any ServerLocator

  fileprivate init(_ store: StoreAccess, eventLoop: any EventLoop) {
    (self.store, self.eventLoop) = (store, eventLoop)
    servers =
      switch store.topology {
      case .single(let url): FixedServer(url)
      case .sentinel(let group):
        SentinelLocator(
          eventLoop: eventLoop, group: group, access: store.sentinels, logger: Logger(label: "redis.sentinel"))
      }
  }

  /// A link that is not started yet.
  ///
  /// - Parameters:
  ///   - name: what Redis's list of clients and the log call it.
  ///   - scripts: loaded whenever it comes up.
  func link(name: String, scripts: [Script] = []) -> RedisLink {
    RedisLink(
      eventLoop: eventLoop, servers: servers,
      configuration: .init(
        tls: store.tls, clientName: "\(store.clientName):\(name)", scripts: scripts,
        vacantKey: store.scripts.keys.vacant, minReplicas: store.minReplicas),
      logger: Logger(label: "redis.\(name)"))
  }
}
