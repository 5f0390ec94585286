import Crypto
import NIOCore

/// A write's idempotency key, with all that tells its use from another's.
package struct IdempotencyKey: Equatable, Sendable {
  /// Scoped to the operation and the caller: `{operation}/{caller}:{key}`.
  package let scoped: String
  /// What the caller sent, for messages.
  package let text: String

  package init(operation: String, caller: String, text: String) {
    scoped = "\(operation)/\(caller):\(text)"
    self.text = text
  }
}

/// What a request asks for, reduced to 128 bits: equal for every spelling of the same content.
package struct Fingerprint: Equatable, Sendable {
  package static let length = 22
  package let text: String

  /// Nil for what is no fingerprint.
  init?(stored text: some StringProtocol) {
    guard text.utf8.count == Self.length, text.utf8.allSatisfy({ Base64URL.isDigit($0) }) else { return nil }
    self.text = String(text)
  }

  /// - Parameter canonical: the parsed content in one fixed spelling. Parts are divided by a byte no part can hold.
  package init(of canonical: String) {
    var canonical = canonical
    let digest = canonical.withUTF8 { SHA256.hash(data: UnsafeRawBufferPointer($0)) }
    text = digest.withUnsafeBytes { bytes in
      Base64URL.text(
        of: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }
}
