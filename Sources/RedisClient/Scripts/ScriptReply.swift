/// The one-line reply of a script: a verdict, Redis's time, and data of the verdict, separated by spaces.
///
/// One bulk string is the cheapest reply for Lua, Redis and hiredis. The callers of a script know its verdicts and what
/// they mean. The runner knows only the three below.
package struct ScriptReply: Equatable, Sendable {
  /// The verdict of a script that ran after its not-after instant and did nothing.
  package static let late = "LATE"
  /// The verdict of a script that failed while it ran as one of several (``ScriptBatcher``). Redis's words follow.
  static let failed = "FAILED"
  /// The verdict of a script that did not run as one of several, because the others had done enough. It has done nothing.
  static let again = "AGAIN"

  static func isOfRunner(_ verdict: String) -> Bool { verdict == late || verdict == failed || verdict == again }

  package struct Malformed: Error {}

  package let verdict: String
  /// Redis's time when the script ran, in epoch milliseconds.
  package let time: Int64
  /// What follows the time.
  package let rest: ReplyTokens

  package init(_ reply: RedisReply) throws(Malformed) {
    guard case .bytes(let bytes) = reply else { throw Malformed() }
    var tokens = ReplyTokens(bytes[...])
    guard let verdict = tokens.nextText(), !verdict.isEmpty, let time = tokens.nextInteger() else { throw Malformed() }
    self.verdict = verdict
    self.time = Int64(time)
    rest = tokens
  }
}
