/// Some servers of a Redis Cluster, which know all others.
package struct ClusterSeeds: Equatable, Sendable, CustomStringConvertible {
  static let defaultPort = 6379

  package let addresses: [ServerAddress]
  /// What all servers have in common. Its host and port are placeholders.
  let anyServer: RedisURL

  init(_ list: ServerList) throws(RedisURL.Invalid) {
    // A slash at the end is no path.
    guard list.path.isEmpty || list.path == [""] else {
      throw RedisURL.Invalid(reason: "a Cluster has one database, without a number")
    }
    addresses = list.addresses
    anyServer = try list.anyServer()
  }

  /// The URL of the server at this address.
  package func server(at address: ServerAddress) -> RedisURL { anyServer.at(address) }

  package var description: String {
    "\(anyServer.usesTLS ? "rediss" : "redis")+cluster://\(addresses.map(\.description).joined(separator: ","))"
  }
}
