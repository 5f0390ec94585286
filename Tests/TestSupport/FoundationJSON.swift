import Common
import Foundation
import NIOCore

/// Our reader of JSON against Foundation's. They differ in this, and in nothing else:
///
/// - Foundation takes duplicate names, nests 512 levels deep, and takes a comma before `]` and `}`;
/// - it guesses other encodings than UTF-8 by a byte order mark, or by zeros among the first four bytes;
/// - it refuses numbers beyond `Double`, which are JSON: here they are numbers, and no integers;
/// - it loses U+FEFF at the head of a text and behind an escape, and takes canonically equivalent names for one.
package enum FoundationJSON {
  /// What one reader makes of these bytes and the other does not; nil if they differ only in what is told above.
  package static func difference(_ bytes: [UInt8]) -> String? {
    switch (fault(bytes), foundationsFault(bytes)) {
    case (nil, nil), (_?, _?): nil
    case (nil, let theirs?):
      theirs.hasSuffix("is not representable in Swift.") ? nil : "only Foundation rejects (\(theirs))"
    case (let ours?, nil): isKnownStrictness(ours, bytes) ? nil : "only we reject (\(ours))"
    }
  }

  /// Whether both read the same values, where both take the document.
  package static func readsTheSame(_ bytes: [UInt8]) -> Bool {
    guard let ours = try? JSONValue(bytes),
      let theirs = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
    else { return true }
    return ours.equals(theirs)
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

  package static func fault(_ bytes: [UInt8]) -> JSONValue.SyntaxError? {
    do throws(JSONValue.SyntaxError) {
      _ = try JSONValue(bytes)
      return nil
    } catch {
      return error
    }
  }

  package static func foundationsFault(_ bytes: [UInt8]) -> String? {
    do {
      _ = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
      return nil
    } catch {
      return (error as NSError).userInfo["NSDebugDescription"] as? String ?? "\(error)"
    }
  }
}

extension JSONValue {
  package init(_ bytes: [UInt8]) throws(SyntaxError) {
    self = try ByteBuffer(bytes: bytes).withUnsafeReadableBytes { (bytes) throws(SyntaxError) in
      try JSONValue(parsing: bytes)
    }
  }

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
      ours.count != theirs.count
        || ours.allSatisfy { ours in
          theirs.contains { ours.name.withoutMarks == $0.withoutMarks && ours.value.equals($1) }
        }
    default: false
    }
  }
}

extension String {
  /// Its scalars, since String's own equality takes canonically equivalent texts for one; without U+FEFF.
  fileprivate var withoutMarks: [Unicode.Scalar] { unicodeScalars.filter { $0 != "\u{FEFF}" } }
}
