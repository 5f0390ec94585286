import Foundation
import NIOCore
import TestSupport
import Testing

@testable import Common

/// Our reader against Foundation's in what is JSON at all. They differ in this, and in nothing else:
///
/// - Foundation takes duplicate names, nests 512 levels deep, and takes a comma before `]` and `}`;
/// - it guesses other encodings than UTF-8 by a byte order mark, or by zeros among the first four bytes;
/// - it refuses numbers beyond `Double`, which are JSON: here they are numbers, and no integers.
@Suite struct JSONAgainstFoundationTests {
  @Test(arguments: UInt64(1)...20)
  func acceptsAndRejectsWhatFoundationDoes(seed: UInt64) {
    var documents = RandomJSON(seed: seed)
    for _ in 0..<1000 {
      let bytes = documents.next()
      let difference = Self.difference(bytes)
      #expect(difference == nil, "\(difference ?? ""): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
    }
  }

  @Test(arguments: [
    #"{"a":1,"a":1}"#, "[1,]", #"{"a":1,}"#, String(repeating: "[", count: 33) + String(repeating: "]", count: 33),
    "\u{FEFF}1", "1\u{0}",
  ])
  func isStricterThanFoundation(text: String) {
    let bytes = Array(text.utf8)
    #expect(Self.ourFault(bytes) != nil && Self.foundationsFault(bytes) == nil)
    #expect(Self.difference(bytes) == nil)
  }

  @Test(arguments: [String.Encoding.utf16LittleEndian, .utf16BigEndian, .utf32LittleEndian, .utf32BigEndian])
  func takesNoOtherEncodingThanUTF8(encoding: String.Encoding) throws {
    let bytes = Array(try #require(#"{"a":1}"#.data(using: encoding)))
    #expect(Self.ourFault(bytes) != nil && Self.foundationsFault(bytes) == nil)
  }

  @Test(arguments: UInt64(1)...5)
  func readsTheValuesThatFoundationReads(seed: UInt64) throws {
    var documents = RandomJSON(seed: seed)
    for _ in 0..<1000 {
      let bytes = documents.next()
      guard let ours = try? JSONValue(bytes), Self.foundationsFault(bytes) == nil else { continue }
      let theirs = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
      #expect(ours.equals(theirs), "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
    }
  }

  /// What one reader takes and the other does not, unless it is one of the differences above.
  private static func difference(_ bytes: [UInt8]) -> String? {
    switch (ourFault(bytes), foundationsFault(bytes)) {
    case (nil, nil), (_?, _?): nil
    case (nil, let theirs?):
      theirs.hasSuffix("is not representable in Swift.") ? nil : "only Foundation rejects (\(theirs))"
    case (let ours?, nil): isKnownStrictness(ours, bytes) ? nil : "only we reject (\(ours))"
    }
  }

  private static func isKnownStrictness(_ fault: JSONValue.SyntaxError, _ bytes: [UInt8]) -> Bool {
    if bytes.prefix(4).contains(0) || bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return true }
    switch fault.reason {
    case "the member name stands here twice", "nested deeper than 32 levels": return true
    case "a value is expected here", "a member name is expected here":
      let before = bytes[..<fault.offset].last { !" \t\r\n".utf8.contains($0) }
      return before == UInt8(ascii: ",") && "]}".utf8.contains(bytes[fault.offset])
    default: return false
    }
  }

  private static func ourFault(_ bytes: [UInt8]) -> JSONValue.SyntaxError? {
    do throws(JSONValue.SyntaxError) {
      _ = try JSONValue(bytes)
      return nil
    } catch {
      return error
    }
  }

  private static func foundationsFault(_ bytes: [UInt8]) -> String? {
    do {
      _ = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
      return nil
    } catch {
      return (error as NSError).userInfo["NSDebugDescription"] as? String ?? "\(error)"
    }
  }
}

extension JSONValue {
  init(_ bytes: [UInt8]) throws(SyntaxError) {
    self = try ByteBuffer(bytes: bytes).withUnsafeReadableBytes { (bytes) throws(SyntaxError) in
      try JSONValue(parsing: bytes)
    }
  }

  init(_ text: String) throws(SyntaxError) { try self.init(Array(text.utf8)) }

  /// Whether Foundation has read the same.
  fileprivate func equals(_ other: Any) -> Bool {
    switch (self, other) {
    case (.null, is NSNull): true
    case (.boolean(let ours), let theirs as Bool): ours == theirs
    case (.integer(let ours), let theirs as NSNumber): ours == theirs.intValue
    case (.number, is NSNumber): true
    case (.string(let ours), let theirs as String): ours.withoutMarks == theirs.withoutMarks
    case (.array(let ours), let theirs as [Any]):
      ours.count == theirs.count && zip(ours, theirs).allSatisfy { $0.equals($1) }
    case (.object(let ours), let theirs as [String: Any]):
      // Foundation's dictionary takes canonically equivalent names for one.
      ours.count != theirs.count
        || ours.allSatisfy { ours in
          theirs.contains { ours.name.withoutMarks == $0.withoutMarks && ours.value.equals($1) }
        }
    default: false
    }
  }
}

extension String {
  /// Its scalars, since String's own equality takes canonically equivalent texts for one; without U+FEFF, which
  /// Foundation loses at the head of a text and behind an escape.
  fileprivate var withoutMarks: [Unicode.Scalar] { unicodeScalars.filter { $0 != "\u{FEFF}" } }
}
