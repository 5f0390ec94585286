/// A master and its replicas, and the Sentinels that know which is the master.
package struct MasterGroup: Equatable, Sendable, CustomStringConvertible {
  static let defaultPort = 26379

  package let sentinels: [ServerAddress]
  package let masterName: String
  /// What all storing servers have in common. Its host and port are placeholders.
  let anyServer: RedisURL

  /// The URL of the server at this address.
  func server(at address: ServerAddress) -> RedisURL { anyServer.at(address) }

  init(_ list: ServerList) throws(RedisURL.Invalid) {
    guard (1...2).contains(list.path.count), Self.isName(list.path[0]) else {
      throw RedisURL.Invalid(reason: "the path must be the name of the master, as the Sentinels call it")
    }
    sentinels = list.addresses
    masterName = String(list.path[0])
    anyServer = try list.anyServer(database: list.path.count == 2 ? list.path[1] : "")
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
