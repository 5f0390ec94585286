/// The one-line reply of a script: a verdict, Redis's time, and what the verdict brings along, parted by spaces.
///
/// One bulk string is the cheapest reply there is for Lua, Redis and hiredis alike. Which verdicts a script gives, and
/// what they mean, is known by whoever has written it; the runner knows ``late`` alone.
package struct ScriptReply: Equatable, Sendable {
  /// The verdict of a script that ran past its not-after instant, and did nothing.
  package static let late = "LATE"

  package struct Malformed: Error {}

  package let verdict: String
  /// Redis's time when it ran, epoch milliseconds.
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
