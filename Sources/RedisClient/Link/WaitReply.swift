/// Redis's answer to WAIT.
struct WaitReply: Equatable {
  /// Whether the wanted number of replicas have all writes.
  let isDone: Bool
  /// What Redis said instead of a number: it is no longer a master, or it was told to stop waiting.
  let objection: String?

  init(_ reply: RedisReply, wanted: Int) {
    switch reply {
    case .integer(let count): (isDone, objection) = (count >= wanted, nil)
    case .error(let line): (isDone, objection) = (false, line)
    case .status, .bytes, .null, .array: (isDone, objection) = (false, "WAIT was answered with \(reply)")
    }
  }
}
