/// A server's answer to ROLE. Only a master may be read from and written to.
enum ServerRole: Equatable, Sendable {
  case master
  /// A replica of the server at this address.
  case replica(of: String)
  case sentinel
  /// The Redis user may not run ROLE.
  case forbidden
  /// The answer does not say.
  case unknown

  init(_ reply: RedisReply) {
    switch reply {
    case .error(let line) where line.hasPrefix("NOPERM"): self = .forbidden
    case .array(let parts):
      switch parts.first?.text {
      case "master": self = .master
      case "slave":
        guard parts.count >= 3, let host = parts[1].text, case .integer(let port) = parts[2] else {
          self = .replica(of: "another server")
          return
        }
        self = .replica(of: host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
      case "sentinel": self = .sentinel
      default: self = .unknown
      }
    default: self = .unknown
    }
  }

  /// Why the server at `address` must not be used in this role. Nil if it may be used.
  func obstacle(at address: String) -> String? {
    switch self {
    case .master, .forbidden, .unknown: nil
    case .replica(let master): "Redis at \(address) is a replica of \(master)"
    case .sentinel: "Redis at \(address) is a Sentinel, which stores nothing"
    }
  }
}
