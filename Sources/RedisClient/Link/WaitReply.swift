/// What Redis has answered to WAIT.
struct WaitReply: Equatable {
  /// Whether as many replicas as were wanted have everything.
  let isDone: Bool
  /// What Redis said instead of their number: it is no master any more, or was told to wait no longer.
  let objection: String?

  init(_ reply: RedisReply, wanted: Int) {
    switch reply {
    case .integer(let count): (isDone, objection) = (count >= wanted, nil)
    case .error(let line): (isDone, objection) = (false, line)
    case .status, .bytes, .null, .array: (isDone, objection) = (false, "WAIT was answered with \(reply)")
    }
  }
}
