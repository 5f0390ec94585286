import Common

/// `Idempotency-Key` (IETF httpapi draft): bare, or as an RFC 8941 string; both are the same key.
enum IdempotencyKeyField {
  /// What it must be, in words.
  static let form =
    "one key of 1 to \(HTTPLimits.maxIdempotencyKeyBytes) visible ASCII characters without space, quote and backslash is needed"

  static func parse(_ field: String) -> String? {
    var key = field.utf8[...]
    if key.first == UInt8(ascii: "\""), key.last == UInt8(ascii: "\""), key.count >= 2 {
      key = key.dropFirst().dropLast()
    }
    guard (1...HTTPLimits.maxIdempotencyKeyBytes).contains(key.count),
      key.allSatisfy({ $0.isVisibleASCII && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
    else { return nil }
    return String(Substring(key))
  }
}
