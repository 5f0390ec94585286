import Crypto

/// A Lua script as Redis runs it, known there by the SHA-1 of its text.
package struct Script: Sendable {
  package let name: String
  package let source: String
  package let sha: String
  /// `EVALSHA sha 0`, ready to send.
  package let call: RedisArguments
  /// Whether it may write, so that it must do nothing past its not-after instant.
  package let writes: Bool

  /// Redis's words with the script's name behind them, for people who look for what went wrong.
  package func signed(_ line: String) -> String { "\(line) (script \(name))" }

  /// Redis's own words again, where it does not matter which script they are about.
  package func unsigned(_ line: String) -> String {
    let signature = signed("")
    return line.hasSuffix(signature) ? String(line.dropLast(signature.count)) : line
  }

  /// The failure of a call that was answered with what no script of ours says: a write may have been done.
  package func strange(_ reply: String) -> RedisFailure {
    let words = signed("a reply that can't be read: \(reply)")
    return writes ? .unknown(.scriptFailed(words)) : .rejected(.other(words))
  }

  package init(name: String, source: String, writes: Bool) {
    self.name = name
    self.source = source
    self.writes = writes
    // Redis's own name for a script, not a safeguard.
    sha = Insecure.SHA1.hash(data: Array(source.utf8)).map { byte in
      String(byte, radix: 16).leftPadded(to: 2)
    }.joined()
    call = RedisArguments("EVALSHA", sha, "0")
  }
}

extension String {
  fileprivate func leftPadded(to width: Int) -> String {
    String(repeating: "0", count: max(0, width - count)) + self
  }
}
