import Crypto

/// A Lua script that Redis runs. Redis knows it by the SHA-1 of its text.
///
/// A class, because each step of each call carries its script along.
package final class Script: Sendable {
  package let name: String
  package let source: String
  package let sha: String
  /// `EVALSHA sha`, ready to send.
  package let call: RedisArguments
  /// Whether it may write. If so, it must do nothing after its not-after instant.
  package let writes: Bool

  /// Redis's words followed by the script's name, for people who look for the cause.
  package func signed(_ line: String) -> String { "\(line) (script \(name))" }

  /// Removes the script's name again, where it does not matter.
  package func unsigned(_ line: String) -> String {
    let signature = signed("")
    return line.hasSuffix(signature) ? String(line.dropLast(signature.count)) : line
  }

  /// The failure of a call whose reply can't be read. A script that writes may have written.
  package func strange(_ reply: String) -> RedisFailure {
    let words = signed("a reply that can't be read: \(reply)")
    return writes ? .unknown(.scriptFailed(words)) : .rejected(.other(words))
  }

  package init(name: String, source: String, writes: Bool) {
    self.name = name
    self.source = source
    self.writes = writes
    // Redis names scripts by SHA-1. It protects nothing here.
    sha = Insecure.SHA1.hash(data: Array(source.utf8)).map { byte in
      String(byte, radix: 16).leftPadded(to: 2)
    }.joined()
    call = RedisArguments("EVALSHA", sha)
  }
}

extension String {
  fileprivate func leftPadded(to width: Int) -> String {
    String(repeating: "0", count: max(0, width - count)) + self
  }
}
