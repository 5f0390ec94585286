/// The questions that tell whether a link leads to a server that can be used. All are cheap, and change nothing.
enum LinkQuestion: CaseIterable, Sendable {
  case time
  case role
  /// Whether the user may look for the connection of a leader, without which failover takes the whole lease.
  case clients
  /// Deleting what is not there: refused wherever a write is, without effect where it is not.
  case write

  /// - Parameter vacantKey: a key that never exists, among those that the user has a right to.
  func arguments(vacantKey: String) -> RedisArguments {
    switch self {
    case .time: RedisArguments("TIME")
    case .role: RedisArguments("ROLE")
    case .clients: RedisArguments("CLIENT", "LIST", "ID", "1")
    case .write: RedisArguments("DEL", vacantKey)
    }
  }
}
