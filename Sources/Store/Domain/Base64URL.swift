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
