import FoundationEssentials

/// The address of a Redis server and our login: `redis[s]://[[user]:password@]host[:port][/database]`.
package struct RedisURL: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
  package var usesTLS: Bool
  package var host: String
  package var port: Int
  package var user: String?
  package var password: String?
  package var database: Int

  init(usesTLS: Bool, address: ServerAddress, user: String?, password: String?) {
    self.usesTLS = usesTLS
    (host, port, self.user, self.password, database) = (address.host, address.port, user, password, 0)
  }

  package struct Invalid: Error, Equatable {
    package let reason: String

    package init(reason: String) { self.reason = reason }
  }

  /// - Throws: ``Invalid`` with a reason that never repeats the URL, since that may hold a password.
  package init(_ text: String) throws(Invalid) { try self.init(text, defaultPort: 6379) }

  init(_ text: String, defaultPort: Int) throws(Invalid) {
    guard let parts = URLComponents(string: text) else { throw Invalid(reason: "not a URL") }
    switch parts.scheme {
    case "redis": usesTLS = false
    case "rediss": usesTLS = true
    default: throw Invalid(reason: "the scheme must be redis or rediss")
    }
    guard let host = parts.host, !host.isEmpty else { throw Invalid(reason: "no host") }
    guard parts.query == nil, parts.fragment == nil else { throw Invalid(reason: "no query or fragment is known") }
    // An IPv6 address comes with its brackets.
    self.host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    port = parts.port ?? defaultPort
    guard (1...65535).contains(port) else { throw Invalid(reason: "the port must be 1 to 65535") }
    user = parts.user.flatMap { $0.isEmpty ? nil : $0 }
    password = parts.password.flatMap { $0.isEmpty ? nil : $0 }
    guard user == nil || password != nil else { throw Invalid(reason: "a user without a password") }
    let path = parts.path.drop { $0 == "/" }
    guard path.isEmpty || path.allSatisfy({ $0.isASCII && $0.isNumber }), let database = Int(path.isEmpty ? "0" : path)
    else { throw Invalid(reason: "the path must be a database number") }
    self.database = database
  }

  package var address: ServerAddress { ServerAddress(host: host, port: port) }

  /// The same way to another server.
  func at(_ address: ServerAddress) -> RedisURL {
    var url = self
    (url.host, url.port) = (address.host, address.port)
    return url
  }

  /// Without secrets, for logs.
  package var description: String { "\(usesTLS ? "rediss" : "redis")://\(host):\(port)/\(database)" }
  package var debugDescription: String { description }
}
