/// What the answers to ``LinkQuestion``s say about a link.
package struct LinkFindings: Equatable, Sendable {
  var role = ServerRole.unknown
  /// Whether Redis has accepted a write.
  var hasWritten = false
  /// The error line with which Redis refuses every command. Nil if it serves.
  var refusal: String?
  /// What works less well than it could, in plain words.
  var warnings: [String] = []

  init(_ answers: [LinkQuestion: RedisReply]) {
    role = answers[.role].map { ServerRole($0) } ?? .unknown
    if role == .forbidden {
      warnings.append(
        "the Redis user may not run ROLE: a master that has become a replica is noticed only when it refuses a write "
          + "(allow it with +role)")
    }
    if case .error(let line)? = answers[.clients], line.hasPrefix("NOPERM") {
      warnings.append(
        "the Redis user may not run CLIENT LIST: after a leader has died, the next one waits for the end of its lease "
          + "(allow it with +client|list)")
    }
    switch answers[.write] {
    case .error(let line)?:
      // Redis still serves reads. The watch over the store reports that it takes no writes.
      if case .unwritable = RedisFailure.Rejection(line: line) { break }
      // Only one slot is elsewhere, or on its way.
      if LinkProblem.concernsOneSlot(line) { break }
      refusal = line
    case .integer?: hasWritten = true
    default: break
    }
  }
}
