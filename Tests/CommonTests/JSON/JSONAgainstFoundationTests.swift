import Common
import Foundation
import TestSupport
import Testing

/// Compares our reader with Foundation's on what is valid JSON (``FoundationJSON``).
@Suite struct JSONAgainstFoundationTests {
  @Test(arguments: UInt64(1)...20)
  func `JSON that Foundation accepts or rejects is accepted or rejected`(seed: UInt64) {
    var documents = RandomJSON(seed: seed)
    for _ in 0..<1000 {
      let bytes = documents.next()
      let difference = FoundationJSON.difference(bytes)
      #expect(difference == nil, "\(difference ?? ""): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
    }
  }

  @Test(arguments: [
    #"{"a":1,"a":1}"#, "[1,]", #"{"a":1,}"#, String(repeating: "[", count: 33) + String(repeating: "]", count: 33),
    "\u{FEFF}1", "1\u{0}",
  ])
  func `JSON is read more strictly than by Foundation`(text: String) {
    let bytes = Array(text.utf8)
    #expect(FoundationJSON.fault(bytes) != nil && FoundationJSON.foundationsFault(bytes) == nil)
    #expect(FoundationJSON.difference(bytes) == nil)
  }

  @Test(arguments: [String.Encoding.utf16LittleEndian, .utf16BigEndian, .utf32LittleEndian, .utf32BigEndian])
  func `no other encoding than UTF-8 is taken`(encoding: String.Encoding) throws {
    let bytes = Array(try #require(#"{"a":1}"#.data(using: encoding)))
    #expect(FoundationJSON.fault(bytes) != nil && FoundationJSON.foundationsFault(bytes) == nil)
  }

  @Test(arguments: UInt64(1)...5)
  func `the values that Foundation reads are read`(seed: UInt64) throws {
    var documents = RandomJSON(seed: seed)
    for _ in 0..<1000 {
      let bytes = documents.next()
      #expect(FoundationJSON.readsTheSame(bytes), "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
    }
  }
}

extension JSONValue {
  init(_ text: String) throws(SyntaxError) { try self.init(Array(text.utf8)) }
}
