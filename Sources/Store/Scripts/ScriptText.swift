/// Lua text in which constants are replaced by what they stand for.
///
/// A local variable that several functions of a script share costs each call an allocation. What stands in the text itself
/// costs nothing.
struct ScriptText {
  private let literals: [Substring: String]

  /// - Parameter constants: no two of one name.
  init(_ constants: [ScriptConstant]) {
    literals = Dictionary(uniqueKeysWithValues: constants.map { ($0.name[...], $0.literal) })
  }

  /// The text with each constant replaced, except in comments and strings. Strings stand in single quotes.
  func replacingConstants(in text: String) -> String {
    var result = ""
    var rest = text[...]
    while let byte = rest.utf8.first {
      let bytes = rest.utf8
      let end: String.Index
      switch byte {
      case UInt8(ascii: "-") where bytes.dropFirst().first == UInt8(ascii: "-"):
        end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
      case UInt8(ascii: "'"): end = Self.endOfString(bytes)
      case UInt8(ascii: "\""): preconditionFailure("a string in double quotes would be taken for code")
      case _ where Self.isWord(byte): end = bytes.firstIndex { !Self.isWord($0) } ?? bytes.endIndex
      default: end = bytes.dropFirst().firstIndex { Self.isWord($0) || "-'\"".utf8.contains($0) } ?? bytes.endIndex
      }
      let part = rest[..<end]
      result += literals[part] ?? String(part)
      rest = rest[end...]
    }
    return result
  }

  private static func isWord(_ byte: UInt8) -> Bool { byte.isASCIIAlphanumeric || byte == UInt8(ascii: "_") }

  /// Behind its last quote. A backslash makes the next byte part of the string.
  private static func endOfString(_ bytes: Substring.UTF8View) -> String.Index {
    var isEscaped = false
    let closing = bytes.dropFirst().firstIndex { byte in
      if isEscaped {
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else {
        return byte == UInt8(ascii: "'")
      }
      return false
    }
    return closing.map { bytes.index(after: $0) } ?? bytes.endIndex
  }
}
