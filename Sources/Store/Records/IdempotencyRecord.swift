/// The record of a first success: `1<fingerprint> <answer>`.
///
/// It holds all that the answer is rebuilt from, except what the same request brings again. So a replay needs nothing
/// else to be still there. `1` is the version of both the record and the format of the answer.
enum IdempotencyRecord {
  static let version = "1"

  /// What scripts put before the answer.
  static func head(_ fingerprint: Fingerprint) -> String { "\(version)\(fingerprint.text) " }

  enum Found: Equatable {
    /// The recorded answer.
    case ours(ArraySlice<UInt8>)
    /// The key was used for another request.
    case anothers
    /// It is no record.
    case damaged
  }

  static func answer(in record: ArraySlice<UInt8>, for fingerprint: Fingerprint) -> Found {
    let head = head(fingerprint)
    if record.starts(with: head.utf8) { return .ours(record.dropFirst(head.utf8.count)) }
    let isRecord =
      record.count >= head.utf8.count && record.starts(with: version.utf8)
      && record.dropFirst(head.utf8.count - 1).first == UInt8(ascii: " ")
    return isRecord ? .anothers : .damaged
  }
}
