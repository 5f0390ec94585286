import Foundation
import Mustache

/// Makes text that others wrote fit to be shown: short, and without characters that change what stands beside it.
enum DisplayText {
  static let limit = 300

  /// - Parameter limit: the most characters (Unicode scalar values) that are shown.
  static func shown(_ text: String, limit: Int = limit) -> String {
    var shown = String.UnicodeScalarView()
    var marksInARow = 0
    for (index, scalar) in text.unicodeScalars.enumerated() {
      guard index < limit else {
        shown.append("…")
        break
      }
      switch scalar.properties.generalCategory {
      // Among them line ends, marks that turn the direction of writing, and what is not seen at all.
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
        shown.append(scalar == "\n" || scalar == "\t" ? " " : "\u{FFFD}")
      // Piled up, they would cover the lines above.
      case .nonspacingMark, .enclosingMark:
        marksInARow += 1
        if marksInARow <= 2 { shown.append(scalar) }
        continue
      default: shown.append(scalar)
      }
      marksInARow = 0
    }
    return String(shown)
  }
}

/// Escapes for HTML byte by byte.
///
/// Mustache's own goes by what people see as one character, in which `<` can hide: it lets `<` pass after U+0600, and
/// `"` before U+0301, while browsers take both for what they are.
struct StrictHTML: MustacheContentType {
  static let name = "STRICT_HTML"

  func escapeText(_ text: String) -> String {
    var escaped: [UInt8] = []
    escaped.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "&"): escaped += "&amp;".utf8
      case UInt8(ascii: "<"): escaped += "&lt;".utf8
      case UInt8(ascii: ">"): escaped += "&gt;".utf8
      case UInt8(ascii: "\""): escaped += "&quot;".utf8
      case UInt8(ascii: "'"): escaped += "&#39;".utf8
      default: escaped.append(byte)
      }
    }
    return String(decoding: escaped, as: UTF8.self)
  }
}
