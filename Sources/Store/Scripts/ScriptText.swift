/// Lua text in which constants are replaced by what they stand for.
///
/// A local variable that several functions of a script share costs each call as much as a small command does. What
/// stands in the text itself costs nothing.
struct ScriptText {
  private let literals: [Substring: String]

  init(_ constants: [ScriptConstant]) {
    literals = Dictionary(constants.map { ($0.name[...], $0.literal) }) { $1 }
  }

  /// The text with each constant replaced, except in comments and strings.
  func replacingConstants(in text: String) -> String {
    var result = ""
    var rest = text[...]
    while let character = rest.first {
      let part: Substring
      if rest.hasPrefix("--") {
        part = rest.prefix { !$0.isNewline }
      } else if character == "'" {
        part = Self.string(rest)
      } else if character.isWordOfLua {
        part = rest.prefix(while: \.isWordOfLua)
      } else {
        part = rest.prefix(1)
      }
      result += literals[part] ?? String(part)
      rest = rest[part.endIndex...]
    }
    return result
  }

  /// The string in single quotes that the text begins with. A backslash makes the next character part of it.
  private static func string(_ text: Substring) -> Substring {
    var end = text.index(after: text.startIndex)
    while end < text.endIndex, text[end] != "'" {
      if text[end] == "\\" { end = text.index(after: end) }
      end = text.index(after: end)
    }
    return text[..<(end < text.endIndex ? text.index(after: end) : end)]
  }
}

extension Character {
  fileprivate var isWordOfLua: Bool { isASCII && (isLetter || isNumber) || self == "_" }
}
