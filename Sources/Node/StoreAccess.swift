import Logging
import NIOCore
import RedisClient
import Store

/// How a node reaches the store: its scripts, and links to it.
struct StoreAccess: Sendable {
  let scripts: ScriptLibrary
  /// Whether the store is nearly full, for all sessions of the node.
  let fullness = StoreFullness()
  private let url: RedisURL
  private let tls: RedisTLS?
  private let clientName: String

  /// Throws if the files for TLS can't be used.
  init(_ settings: NodeSettings) throws {
    scripts = ScriptLibrary(
      tuning: .init(
        retentionSeconds: settings.retentionSeconds, eventsMaxLength: settings.eventsMaxLength,
        keyPrefix: settings.keyPrefix))
    url = settings.redisUrl
    tls =
      url.usesTLS
      ? try RedisTLS(
        caFile: settings.redisCaFile, certFile: settings.redisCertFile, keyFile: settings.redisKeyFile) : nil
    clientName = "holdfast:\(settings.nodeId)"
  }

  /// A link that is not started yet.
  ///
  /// - Parameters:
  ///   - name: what Redis's list of clients and the log call it.
  ///   - scripts: loaded whenever it comes up.
  func link(on eventLoop: any EventLoop, name: String, scripts: [Script] = []) -> RedisLink {
    RedisLink(
      eventLoop: eventLoop,
      configuration: .init(
        url: url, tls: tls, clientName: "\(clientName):\(name)", scripts: scripts, vacantKey: self.scripts.keys.vacant),
      logger: Logger(label: "redis.\(name)"))
  }
}
