import TestSupport
import Testing

@testable import Node

@Suite struct IdempotencyKeyFieldTests {
  private static let allowed = (0x21...0x7E).filter { $0 != 0x22 && $0 != 0x5C }.map {
    Character(Unicode.Scalar(UInt8($0)))
  }

  @Test(arguments: UInt64(1)...10)
  func `bare and quoted are the same key`(seed: UInt64) {
    var random = SeededRandom(seed)
    for _ in 0..<100 {
      let key = random.text(String(Self.allowed), 1...random.pick([1, 5, 255]))
      #expect(IdempotencyKeyField.parse(key) == key)
      #expect(IdempotencyKeyField.parse(#""\#(key)""#) == key)
    }
  }

  @Test func `every visible character but quote and backslash is allowed`() {
    for byte in UInt8.min...127 {
      let character = Character(Unicode.Scalar(byte))
      #expect((IdempotencyKeyField.parse("a\(character)b") != nil) == Self.allowed.contains(character), "\(byte)")
    }
  }

  @Test func `a key has 1 to 255 characters`() {
    for (count, isKey) in [(0, false), (1, true), (255, true), (256, false), (5000, false)] {
      let key = String(repeating: "k", count: count)
      #expect((IdempotencyKeyField.parse(key) != nil) == isKey)
      #expect((IdempotencyKeyField.parse(#""\#(key)""#) != nil) == isKey)
    }
  }

  @Test(arguments: [
    "\"", "\"\"", "\"a", "a\"", #""a"b""#, "\"\"a\"\"", "a b", " a", "a ", #""a b""#, #""a\"b""#, "a\\b", #""a";p=1"#,
    "é", "\"é\"", "a\tb", "a\u{0}", "a\u{7F}", "😀",
  ])
  func `anything else is malformed`(field: String) {
    #expect(IdempotencyKeyField.parse(field) == nil)
  }
}
