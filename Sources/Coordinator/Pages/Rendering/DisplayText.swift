import Foundation
import Mustache

/// Makes text that others wrote fit to be shown: short, and without characters that change what stands beside it.
///
/// Lengths are in characters as Unicode counts them: scalar values.
enum DisplayText {
  static let maxScalars = 300
  static let maxNameScalars = 64

  static func shownName(_ name: String) -> String { shown(name, maxScalars: maxNameScalars) }

  static func shown(_ text: String, maxScalars: Int = maxScalars) -> String {
    assert(maxScalars > 0)
    var shown = String.UnicodeScalarView()
    var marksInARow = 0
    for (index, scalar) in text.unicodeScalars.enumerated() {
      guard index < maxScalars else {
        shown.append("…")
        break
      }
      switch scalar.properties.generalCategory {
      // Among them are line ends, marks that turn the direction of writing, and what is not seen at all.
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
        shown.append(scalar == "\n" || scalar == "\t" ? " " : "\u{FFFD}")
      // If they pile up, they cover the lines above.
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
/// Mustache's own escaping goes by what people see as one character, and `<` can hide in one: after U+0600 it lets `<`
/// pass, and before U+0301 it lets `"` pass. Browsers take both for what they are.
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
