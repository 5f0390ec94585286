import Crypto
import NIOCore

/// A write's idempotency key, with all that tells its use from another's.
struct IdempotencyKey: Equatable, Sendable {
  /// The name of the record in Redis: scoped to the operation and the caller.
  let recordName: String
  /// What the caller sent, for messages.
  let text: String

  init(operation: String, caller: String, text: String) {
    recordName = RedisKeys.idempotencyRecord(operation: operation, caller: caller, key: text)
    self.text = text
  }
}

/// What a request asks for, reduced to 128 bits: equal for every spelling of the same content.
struct Fingerprint: Equatable, Sendable {
  static let length = 22
  let text: String

  /// - Parameter canonical: the parsed content in one fixed spelling. Parts are divided by a byte no part can hold.
  init(of canonical: String) {
    var canonical = canonical
    let digest = canonical.withUTF8 { SHA256.hash(data: UnsafeRawBufferPointer($0)) }
    text = digest.withUnsafeBytes { bytes in
      Base64URL.text(
        of: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }
}

/// The record of a first success: `1<fingerprint> <answer>`.
///
/// It holds all that the answer is rebuilt from (but what the same request brings again), so that a replay needs
/// nothing else to be still there. `1` is the version of both the record and the format of the answer.
enum IdempotencyRecord {
  static let version = "1"

  /// What scripts put before the answer.
  static func head(_ fingerprint: Fingerprint) -> String { "\(version)\(fingerprint.text) " }

  /// The recorded answer; nil if the key was used for another request.
  static func answer(in record: ArraySlice<UInt8>, for fingerprint: Fingerprint) -> ArraySlice<UInt8>? {
    let head = head(fingerprint)
    guard record.starts(with: head.utf8) else { return nil }
    return record.dropFirst(head.utf8.count)
  }
}

/// 128 bits in 22 characters (RFC 4648, section 5, without padding).
enum Base64URL {
  private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

  static func text(of high: UInt64, _ low: UInt64) -> String {
    String(unsafeUninitializedCapacity: 22) { room in
      var bits = UInt128(high) << 64 | UInt128(low)
      // 21 characters of six bits; the two that are left stand at the head of the last one.
      room[21] = alphabet.utf8Start[Int(truncatingIfNeeded: bits & 3) << 4]
      bits >>= 2
      for index in (0..<21).reversed() {
        room[index] = alphabet.utf8Start[Int(truncatingIfNeeded: bits & 63)]
        bits >>= 6
      }
      return 22
    }
  }
}
