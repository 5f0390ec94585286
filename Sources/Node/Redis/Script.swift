import Crypto

/// A Lua script as Redis runs it, known there by the SHA-1 of its text.
struct Script: Sendable {
  let name: String
  let source: String
  let sha: String
  /// `EVALSHA sha 0`, ready to send.
  let call: RedisArguments
  let kind: Kind

  enum Kind: Sendable {
    case reads
    /// It finishes or frees what is there already, and so runs on a full store too.
    case finishes
    /// It adds to the store, and is refused while that is nearly full.
    case adds
  }

  var writes: Bool { kind != .reads }

  init(name: String, source: String, kind: Kind) {
    self.name = name
    self.source = source
    self.kind = kind
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
