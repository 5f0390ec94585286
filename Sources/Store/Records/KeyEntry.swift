import RedisClient

/// What stands under an idempotency key in place of an answer (``IdempotencyRecord``) where the store has several shards:
///
///     !<fingerprint> <number of the home> <nonce>    at the key's own shard: the claim of a request (``KeyClaim``)
///     ~<nonce> <nonce>…                              at a home: claims by which nothing will be done any more
extension KeyClaim {
  struct Claim: Equatable, Sendable {
    var fingerprint: Fingerprint
    /// Where its request is at home.
    var home: Shard
    /// Tells this claim from others of the same request.
    var nonce: UInt64
  }

  static let voidMark = "~"
}

extension KeyClaim.Claim {
  static let mark = "!"
  /// Where the fingerprint stands, as Lua counts places; in an ``IdempotencyRecord``, too.
  static let requestStart = mark.utf8.count + 1
  static let requestEnd = mark.utf8.count + Fingerprint.length

  var text: String { "\(Self.mark)\(fingerprint.text) \(home.number) \(nonceText)" }

  var nonceText: String { Self.text(ofNonce: nonce) }

  static func text(ofNonce nonce: UInt64) -> String {
    let digits = String(nonce, radix: 16)
    return String(repeating: "0", count: IdempotencyRecord.nonceDigits - digits.utf8.count) + digits
  }

  /// Nil for what we have not written.
  init?(_ tokens: inout ReplyTokens) {
    guard let head = tokens.nextText(), head.hasPrefix(Self.mark),
      let fingerprint = Fingerprint(stored: head.dropFirst(Self.mark.count)),
      let home = tokens.nextInteger(), (0..<ShardMap.maxCount).contains(home),
      let nonce = tokens.nextText(), nonce.utf8.count == IdempotencyRecord.nonceDigits,
      let number = UInt64(nonce, radix: 16)
    else { return nil }
    self.init(fingerprint: fingerprint, home: Shard(number: home), nonce: number)
  }
}
