import NIOCore

/// Writing JSON straight into the buffer that goes out. Names and punctuation are written as literals by the caller.
extension ByteBuffer {
  /// Writes a JSON string with its quotes.
  @inlinable package mutating func writeJSONString(_ text: some StringProtocol) {
    writeInteger(UInt8(ascii: "\""))
    let plain = text.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    if plain {
      writeBytes(text.utf8)
    } else {
      for byte in text.utf8 { writeJSONEscaped(byte) }
    }
    writeInteger(UInt8(ascii: "\""))
  }

  @usableFromInline mutating func writeJSONEscaped(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"):
      writeInteger(UInt8(ascii: "\\"))
      writeInteger(byte)
    case 0..<0x20:
      let hex: StaticString = "0123456789abcdef"
      writeStaticString("\\u00")
      writeInteger(hex.utf8Start[Int(byte >> 4)])
      writeInteger(hex.utf8Start[Int(byte & 15)])
    default: writeInteger(byte)
    }
  }

  /// Writes a JSON array, `element` writing each of `elements`.
  package mutating func writeJSONArray<Element>(
    _ elements: some Sequence<Element>, _ element: (inout ByteBuffer, Element) -> Void
  ) {
    writeInteger(UInt8(ascii: "["))
    var isFirst = true
    for each in elements {
      if !isFirst { writeInteger(UInt8(ascii: ",")) }
      isFirst = false
      element(&self, each)
    }
    writeInteger(UInt8(ascii: "]"))
  }

  /// Writes a number in decimal without making a String of it.
  package mutating func writeDecimal(_ number: Int) {
    if number >= 0, number < 10 {
      writeInteger(UInt8(ascii: "0") + UInt8(number))
      return
    }
    var room: (UInt64, UInt64, UInt64) = (0, 0, 0)
    withUnsafeMutableBytes(of: &room) { room in
      var at = room.count
      var left = number.magnitude
      repeat {
        at -= 1
        room[at] = UInt8(ascii: "0") + UInt8(left % 10)
        left /= 10
      } while left > 0
      if number < 0 {
        at -= 1
        room[at] = UInt8(ascii: "-")
      }
      _ = writeBytes(UnsafeRawBufferPointer(rebasing: room[at...]))
    }
  }

  /// Writes an instant (epoch milliseconds) as a JSON string, RFC 3339 in UTC.
  package mutating func writeJSONInstant(_ epochMilliseconds: Int64) {
    writeInteger(UInt8(ascii: "\""))
    writeRFC3339(epochMilliseconds)
    writeInteger(UInt8(ascii: "\""))
  }
}
