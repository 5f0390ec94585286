/// The questions that show whether the server of a link can be used. All are cheap and change nothing.
enum LinkQuestion: CaseIterable, Sendable {
  case time
  case role
  /// Whether the user may look up a leader's connection. Without that right, a failover takes the whole lease.
  case clients
  /// Deletes a key that does not exist. Redis refuses it like any other write, and otherwise it has no effect.
  case write

  /// - Parameter vacantKey: a key that never exists, and that the Redis user may write.
  func arguments(vacantKey: String) -> RedisArguments {
    switch self {
    case .time: RedisArguments("TIME")
    case .role: RedisArguments("ROLE")
    case .clients: RedisArguments("CLIENT", "LIST", "ID", "1")
    case .write: RedisArguments("DEL", vacantKey)
    }
  }
}
