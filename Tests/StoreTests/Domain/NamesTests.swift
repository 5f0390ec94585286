import TestSupport
import Testing

@testable import Store

@Suite struct NamesTests {
  @Test(arguments: [
    "A", "z", "0", "moka-pot-6", "grinder-burr.steel", "a_b", "A..B--C__", "9.", String(repeating: "x", count: 64),
  ])
  func `a SKU is up to 64 letters, digits, dots, underscores and hyphens`(text: String) {
    #expect(SKU(text)?.text == text)
  }

  @Test(arguments: [
    "", ".", "_a", "-a", ".a", String(repeating: "x", count: 65), "a b", "a/b", "a:b", "a\n", "\na", "é", "aé",
    "e\u{301}",
    "a\u{301}", "٣", "ａ", "a\u{0}", "a\"", "a\\", "a,", "a{", "\u{212A}",
  ])
  func `nothing else is a SKU`(text: String) {
    #expect(SKU(text) == nil)
  }

  @Test func `every byte is judged in its place`() {
    let first = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    for byte in UInt8.min...127 {
      let text = String(Unicode.Scalar(byte))
      #expect((SKU(text) != nil) == first.contains(byte))
      #expect((SKU("a" + text) != nil) == (first + Array("._-".utf8)).contains(byte))
    }
  }

  /// The order is Redis's order of members with equal scores. It does not depend on the locale.
  @Test(arguments: UInt64(1)...5)
  func `the order of SKUs is that of their bytes`(seed: UInt64) {
    var random = SeededRandom(seed)
    let skus = (0..<300).compactMap { _ in SKU(random.text("aAbBzZ019", 1...1) + random.text("aAbBzZ019._-", 0...5)) }
    let byBytes = skus.map { Array($0.text.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
    #expect(skus.sorted().map { Array($0.text.utf8) } == byBytes)
  }

  @Test func `a reservation id is unguessable and opaque`() {
    var pool = RandomPool()
    let ids = (0..<10_000).map { $0 < 100 ? ReservationID().text : ReservationID(random: &pool).text }
    #expect(Set(ids).count == ids.count)
    #expect(ids.allSatisfy { $0.utf8.count == ReservationID.length && ReservationID($0)?.text == $0 })
    // 128 bits: every character of the text varies. The last one carries only two bits.
    for place in 0..<ReservationID.length {
      let found = Set(ids.map { Array($0.utf8)[place] })
      #expect(found.count == (place == ReservationID.length - 1 ? 4 : 64))
    }
  }

  @Test(arguments: [
    "", "x", String(repeating: "a", count: 21), String(repeating: "a", count: 23),
    String(repeating: "a", count: 21) + "=",
    String(repeating: "a", count: 21) + " ", String(repeating: "a", count: 20) + "é", "reservation:aaaaaaaaaa",
  ])
  func `what no reservation is called is no id`(text: String) {
    #expect(ReservationID(text) == nil)
  }
}
