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

  static func isDigit(_ character: UInt8) -> Bool { value(of: character) > 0 || character == UInt8(ascii: "A") }

  /// The six bits that a character of the alphabet stands for; 0 for any other.
  static func value(of character: UInt8) -> UInt8 {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
    case UInt8(ascii: "-"): 62
    case UInt8(ascii: "_"): 63
    default: 0
    }
  }
}
