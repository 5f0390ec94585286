/// The servers that Redis consists of, and their addresses. An operator gives them as one URL:
///
/// - `redis[s]://[[user]:password@]host[:port][/database]`: one server.
/// - `redis[s]+sentinel://[[user]:password@]host[:port],host[:port]…/master-name[/database]`: a master and replicas,
///   watched by the Sentinels at these addresses (default port 26379). User and password are the master's.
/// - `redis[s]+cluster://[[user]:password@]host[:port],host[:port]…`: a Redis Cluster. Some of its servers are named; they
///   know the others.
package enum RedisTopology: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
  case single(RedisURL)
  case sentinel(MasterGroup)
  case cluster(ClusterSeeds)

  package static let form =
    "redis[s]://[[user]:password@]host[:port][/database],"
    + " redis[s]+sentinel://[[user]:password@]host[:port],…/master-name[/database] or"
    + " redis[s]+cluster://[[user]:password@]host[:port],…"

  /// - Throws: ``RedisURL/Invalid`` with a reason that never repeats the URL, since that may hold a password.
  package init(_ text: String) throws(RedisURL.Invalid) {
    let scheme = text.prefix { $0 != ":" }
    if scheme.hasSuffix("+sentinel") {
      self = .sentinel(try MasterGroup(try ServerList(text, kind: "+sentinel", defaultPort: MasterGroup.defaultPort)))
    } else if scheme.hasSuffix("+cluster") {
      self = .cluster(try ClusterSeeds(try ServerList(text, kind: "+cluster", defaultPort: ClusterSeeds.defaultPort)))
    } else {
      self = .single(try RedisURL(text))
    }
  }

  /// What all storing servers have in common.
  private var anyServer: RedisURL {
    switch self {
    case .single(let url): url
    case .sentinel(let group): group.anyServer
    case .cluster(let seeds): seeds.anyServer
    }
  }

  package var usesTLS: Bool { anyServer.usesTLS }
  package var hasPassword: Bool { anyServer.password != nil }

  /// Whether Sentinels are asked for the master.
  package var hasSentinels: Bool { if case .sentinel = self { true } else { false } }

  /// Whether masters are to have replicas, so that one can take its master's place.
  package var expectsReplicas: Bool { hasSentinels || isCluster }

  package var isCluster: Bool { if case .cluster = self { true } else { false } }

  /// The name in pages and in `/health`.
  package var mode: String {
    switch self {
    case .single: "single"
    case .sentinel: "sentinel"
    case .cluster: "cluster"
    }
  }

  /// Without secrets, for logs.
  package var description: String {
    switch self {
    case .single(let url): url.description
    case .sentinel(let group): group.description
    case .cluster(let seeds): seeds.description
    }
  }

  package var debugDescription: String { description }
}
