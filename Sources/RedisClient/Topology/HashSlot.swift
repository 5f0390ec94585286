/// The hash slot of a key: which part of a Redis Cluster it belongs to (Redis documentation, "Redis cluster
/// specification").
package enum HashSlot {
  package static let count = 16_384

  /// - Parameter key: the whole name. Only what stands between its first `{` and the next `}` counts, if that is anything.
  package static func of(_ key: some Collection<UInt8>) -> Int {
    Int(crc16(hashed(key))) % count
  }

  private static func hashed<Key: Collection<UInt8>>(_ key: Key) -> Key.SubSequence {
    guard let opening = key.firstIndex(of: UInt8(ascii: "{")) else { return key[...] }
    let behind = key[key.index(after: opening)...]
    guard let closing = behind.firstIndex(of: UInt8(ascii: "}")), closing != behind.startIndex else { return key[...] }
    return behind[..<closing]
  }

  /// CRC-16/XMODEM: polynomial 0x1021, nothing reflected, begins at 0.
  private static func crc16(_ bytes: some Collection<UInt8>) -> UInt16 {
    bytes.reduce(0) { crc, byte in
      (0..<8).reduce(crc ^ UInt16(byte) << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
    }
  }
}
