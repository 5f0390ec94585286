import Common
import Foundation
import NIOCore

/// Compares our JSON reader with Foundation's. These are the only differences:
///
/// - Foundation accepts duplicate names, 512 levels of nesting, and a comma before `]` and `}`.
/// - It guesses encodings other than UTF-8 from a byte order mark, or from zeros among the first four bytes.
/// - It refuses numbers beyond `Double`. They are valid JSON, and our reader takes them as numbers but not integers.
/// - It loses U+FEFF at the start of a text and after an escape, and treats canonically equivalent names as one.
package enum FoundationJSON {
  /// How the two readers differ on these bytes. Nil if they differ only in the ways listed above.
  package static func difference(_ bytes: [UInt8]) -> String? {
    switch (fault(bytes), foundationsFault(bytes)) {
    case (nil, nil), (_?, _?): nil
    case (nil, let theirs?):
      theirs.hasSuffix("is not representable in Swift.") ? nil : "only Foundation rejects (\(theirs))"
    case (let ours?, nil): isKnownStrictness(ours, bytes) ? nil : "only we reject (\(ours))"
    }
  }

  /// Whether both readers read the same values, if both accept the document.
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

  /// Whether Foundation's value is the same.
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
  /// The scalars without U+FEFF. String's own equality would treat canonically equivalent texts as equal.
  fileprivate var withoutMarks: [Unicode.Scalar] { unicodeScalars.filter { $0 != "\u{FEFF}" } }
}
