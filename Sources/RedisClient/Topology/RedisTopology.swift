/// The servers that Redis consists of, and their addresses. An operator gives them as one URL:
///
/// - `redis[s]://[[user]:password@]host[:port][/database]`: one server.
/// - `redis[s]+sentinel://[[user]:password@]host[:port],host[:port]…/master-name[/database]`: a master and replicas,
///   watched by the Sentinels at these addresses (default port 26379). User and password are the master's.
package enum RedisTopology: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
  case single(RedisURL)
  case sentinel(MasterGroup)

  package static let form =
    "redis[s]://[[user]:password@]host[:port][/database] or"
    + " redis[s]+sentinel://[[user]:password@]host[:port],…/master-name[/database]"

  /// - Throws: ``RedisURL/Invalid`` with a reason that never repeats the URL, since that may hold a password.
  package init(_ text: String) throws(RedisURL.Invalid) {
    let scheme = text.prefix { $0 != ":" }
    guard scheme.hasSuffix("+sentinel") else {
      self = .single(try RedisURL(text))
      return
    }
    self = .sentinel(try MasterGroup(scheme: scheme.dropLast("+sentinel".count), text))
  }

  package var usesTLS: Bool {
    switch self {
    case .single(let url): url.usesTLS
    case .sentinel(let group): group.anyServer.usesTLS
    }
  }

  package var hasPassword: Bool {
    switch self {
    case .single(let url): url.password != nil
    case .sentinel(let group): group.anyServer.password != nil
    }
  }

  /// Whether Sentinels are asked for the master. Then replicas are expected, so that one can replace the master.
  package var hasSentinels: Bool {
    switch self {
    case .single: false
    case .sentinel: true
    }
  }

  /// The name in pages and in `/health`.
  package var mode: String {
    switch self {
    case .single: "single"
    case .sentinel: "sentinel"
    }
  }

  /// Without secrets, for logs.
  package var description: String {
    switch self {
    case .single(let url): url.description
    case .sentinel(let group): group.description
    }
  }

  package var debugDescription: String { description }
}

/// A master and its replicas, and the Sentinels that know which is the master.
package struct MasterGroup: Equatable, Sendable, CustomStringConvertible {
  static let defaultPort = 26379

  package let sentinels: [ServerAddress]
  package let masterName: String
  /// What all storing servers have in common. Its host and port are placeholders.
  let anyServer: RedisURL

  /// The URL of the server at this address.
  func server(at address: ServerAddress) -> RedisURL {
    var url = anyServer
    (url.host, url.port) = (address.host, address.port)
    return url
  }

  fileprivate init(scheme: Substring, _ text: String) throws(RedisURL.Invalid) {
    let rest = text.drop { $0 != ":" }
    guard rest.hasPrefix("://") else { throw RedisURL.Invalid(reason: "not a URL") }
    let parts = rest.dropFirst(3).split(separator: "/", omittingEmptySubsequences: false)
    let (user, hosts) = Self.parted(parts[0])
    guard !user.contains(",") else {
      throw RedisURL.Invalid(reason: "user and password stand once, before the first Sentinel; a comma in them is %2C")
    }
    var sentinels: [ServerAddress] = []
    for host in hosts.split(separator: ",", omittingEmptySubsequences: false) {
      guard !host.isEmpty else { throw RedisURL.Invalid(reason: "no Sentinel is named: host,host…") }
      let url = try RedisURL("redis://\(host)", defaultPort: Self.defaultPort)
      guard url.password == nil, url.user == nil else {
        throw RedisURL.Invalid(reason: "user and password stand once, before the first Sentinel")
      }
      sentinels.append(url.address)
    }
    guard Set(sentinels).count == sentinels.count else { throw RedisURL.Invalid(reason: "a Sentinel is named twice") }
    guard (2...3).contains(parts.count), Self.isName(parts[1]) else {
      throw RedisURL.Invalid(reason: "the path must be the name of the master, as the Sentinels call it")
    }
    self.sentinels = sentinels
    masterName = String(parts[1])
    anyServer = try RedisURL("\(scheme)://\(user)master/\(parts.count == 3 ? parts[2] : "")")
  }

  /// Splits the authority into the user part with its `@`, and the hosts.
  private static func parted(_ authority: Substring) -> (user: Substring, hosts: Substring) {
    guard let at = authority.firstIndex(of: "@") else { return ("", authority) }
    return (authority[...at], authority[authority.index(after: at)...])
  }

  /// Whether Sentinel accepts the text as a master's name.
  private static func isName(_ text: Substring) -> Bool {
    !text.isEmpty && text.utf8.count <= 128
      && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
  }

  package var description: String {
    let scheme = anyServer.usesTLS ? "rediss" : "redis"
    let hosts = sentinels.map(\.description).joined(separator: ",")
    return "\(scheme)+sentinel://\(hosts)/\(masterName)/\(anyServer.database)"
  }
}
