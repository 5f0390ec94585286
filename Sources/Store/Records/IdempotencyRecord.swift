/// The record of a first success: `1<fingerprint> <answer>`, or `1<fingerprint>!<nonce> <answer>` where the request came by
/// a claim of its key (``KeyClaim``).
///
/// It holds all that the answer is rebuilt from, except what the same request brings again. So a replay needs nothing
/// else to be still there. `1` is the version of both the record and the format of the answer.
enum IdempotencyRecord {
  static let version = "1"
  static let nonceDigits = 16

  /// What scripts put before the answer.
  static func head(_ fingerprint: Fingerprint, nonce: UInt64? = nil) -> String {
    "\(version)\(fingerprint.text)\(nonce.map { "!" + KeyClaim.Claim.text(ofNonce: $0) } ?? "") "
  }

  /// What scripts find the nonce of the claim by in such a head, as a Lua pattern.
  static let claimPattern = "^\(version)[%w_-]+!(%x+) "

  enum Found: Equatable {
    /// The recorded answer.
    case ours(ArraySlice<UInt8>)
    /// The key was used for another request.
    case anothers
    /// It is no record.
    case damaged
  }

  static func answer(in record: ArraySlice<UInt8>, for fingerprint: Fingerprint) -> Found {
    guard record.starts(with: version.utf8) else { return .damaged }
    let request = record.dropFirst(version.utf8.count).prefix(Fingerprint.length)
    var rest = record[request.endIndex...]
    if rest.first == UInt8(ascii: "!") { rest = rest.dropFirst(1 + nonceDigits) }
    guard request.count == Fingerprint.length, rest.first == UInt8(ascii: " ") else { return .damaged }
    return request.elementsEqual(fingerprint.text.utf8) ? .ours(rest.dropFirst()) : .anothers
  }
}
