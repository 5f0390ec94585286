/// A URL that names several servers: `redis[s]+kind://[[user]:password@]host[:port],host[:port]…[/path]`.
struct ServerList {
  let addresses: [ServerAddress]
  /// The parts of the path between slashes. Empty without a path.
  let path: [Substring]
  private let scheme: Substring
  /// The user part with its `@`.
  private let user: Substring

  /// - Parameters:
  ///   - kind: the end of the scheme, with its plus sign.
  ///   - defaultPort: of the servers that are named.
  /// - Throws: ``RedisURL/Invalid`` with a reason that never repeats the URL, since that may hold a password.
  init(_ text: String, kind: String, defaultPort: Int) throws(RedisURL.Invalid) {
    let name = kind == "+sentinel" ? "Sentinel" : "server"
    scheme = text.prefix { $0 != ":" }.dropLast(kind.count)
    let rest = text.drop { $0 != ":" }
    guard rest.hasPrefix("://") else { throw RedisURL.Invalid(reason: "not a URL") }
    let parts = rest.dropFirst(3).split(separator: "/", omittingEmptySubsequences: false)
    let (user, hosts) = Self.parted(parts[0])
    guard !user.contains(",") else {
      throw RedisURL.Invalid(reason: "user and password stand once, before the first \(name); a comma in them is %2C")
    }
    var addresses: [ServerAddress] = []
    for host in hosts.split(separator: ",", omittingEmptySubsequences: false) {
      guard !host.isEmpty else { throw RedisURL.Invalid(reason: "no \(name) is named: host,host…") }
      let url = try RedisURL("redis://\(host)", defaultPort: defaultPort)
      guard url.password == nil, url.user == nil else {
        throw RedisURL.Invalid(reason: "user and password stand once, before the first \(name)")
      }
      addresses.append(url.address)
    }
    guard Set(addresses).count == addresses.count else { throw RedisURL.Invalid(reason: "a \(name) is named twice") }
    (self.addresses, self.user, path) = (addresses, user, Array(parts.dropFirst()))
  }

  /// What all storing servers have in common. Its host and port are placeholders.
  func anyServer(database: Substring = "") throws(RedisURL.Invalid) -> RedisURL {
    try RedisURL("\(scheme)://\(user)server/\(database)")
  }

  /// Splits the authority into the user part with its `@`, and the hosts.
  private static func parted(_ authority: Substring) -> (user: Substring, hosts: Substring) {
    guard let at = authority.firstIndex(of: "@") else { return ("", authority) }
    return (authority[...at], authority[authority.index(after: at)...])
  }
}
