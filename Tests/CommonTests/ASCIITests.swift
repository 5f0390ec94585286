import Common
import TestSupport
import Testing

@Suite struct ASCIITests {
  @Test func `decimals are read exactly or not at all`() {
    var random = SeededRandom(1)
    for _ in 0..<2000 {
      let number = Int(truncatingIfNeeded: random.next()) >> random.number(0...62)
      #expect(Int(decimal: String(number).utf8) == number)
    }
    for (text, expected) in [
      ("0", 0), ("-0", 0), ("007", 7), ("9223372036854775807", Int.max), ("-9223372036854775807", -Int.max),
    ] {
      #expect(Int(decimal: text.utf8) == expected)
    }
    for text in [
      "", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "--1", "٣", "9223372036854775808", "-9223372036854775809",
    ] {
      #expect(Int(decimal: text.utf8) == nil, "\(text)")
    }
  }

  @Test func `every byte is judged by itself`() {
    let alphanumeric = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    for byte in UInt8.min ... .max {
      #expect(byte.isASCIIAlphanumeric == alphanumeric.contains(byte), "\(byte)")
      #expect(byte.isVisibleASCII == (byte > UInt8(ascii: " ") && byte < 0x7F), "\(byte)")
    }
  }
}
