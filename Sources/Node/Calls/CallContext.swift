import NIOCore
import Store

/// Who calls, when, and with which idempotency key.
struct CallContext: Sendable {
  /// The name of the caller's token; `-` on an open shop, where all callers are one.
  var caller: String
  var keyText: String?
  /// When the request was complete.
  var arrival: NIODeadline

  static let anyone = "-"

  func write(_ operation: Operation, canonical: String) -> Write {
    assert(operation.takesKey, "the key of another operation is not judged")
    return Write(
      key: keyText.map { IdempotencyKey(operation: operation.rawValue, caller: caller, text: $0) },
      fingerprint: keyText.map { _ in Fingerprint(of: canonical) }, arrival: arrival)
  }
}
