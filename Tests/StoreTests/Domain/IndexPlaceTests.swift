import Testing

@testable import Store

@Suite struct IndexPlaceTests {
  @Test func `a place is told in words and read from them`() throws {
    let members: [[UInt8]] = [
      Array("moka".utf8), Array("a b".utf8), [0], [255, 0, 10], Array(repeating: 0x61, count: 64),
      Array(repeating: 0x61, count: 65),
    ]
    for member in members {
      let place = IndexPlace(after: member)
      #expect(place.member == member && IndexPlace(place.description) == place)
    }
    #expect(IndexPlace(after: members[0]).description == "moka" && IndexPlace(after: [255, 0]).description == "~ff00")
    // A member longer than any SKU is skipped, along with all members that begin like it.
    let long = Array(repeating: UInt8(0x61), count: 65)
    #expect(IndexPlace(after: long + [0x62, 0x63]).member == long + [255])
    #expect(IndexPlace(after: long + [255, 255, 0x63]).member == long + [255, 255, 255])
    for text in ["", "~", "~f", "~fg", "~+f", "a b", ":5"] { #expect(IndexPlace(text) == nil, "\(text)") }
  }
}
