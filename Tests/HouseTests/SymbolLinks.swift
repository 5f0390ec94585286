import Foundation

/// Finds links to symbols in doc comments that lead nowhere. They mislead readers, and the compiler skips comments.
///
/// A link is judged by its words alone: each of its parts is declared somewhere in the project, a function with the
/// labels that the link has. Whether a part belongs to the one before it is not looked at.
struct SymbolLinks {
  private static let keywords = [
    "struct ", "class ", "enum ", "protocol ", "actor ", "typealias ", "associatedtype ", "var ", "let ", "case ",
    "func ", "init",
  ]

  private let declared: Set<String>

  init(to files: [SourceFile]) { declared = Set(files.flatMap(Self.declarations)) }

  func dead(in file: SourceFile) -> [String] {
    file.lines.flatMap { number, line -> [String] in
      guard Self.isComment(line), line.contains("``") else { return [] }
      let parts = line.matches(of: #/``([^`]+)``/#).flatMap { $0.1.split(separator: "/") }.map(String.init)
      return parts.filter { !declared.contains($0) }.map { part in
        "\(file.path):\(number) links to \(part), which is declared nowhere"
      }
    }
  }

  private static func isComment(_ line: Substring) -> Bool { line.drop { $0 == " " }.hasPrefix("//") }

  /// The names that a file declares. A function, or a case with values, has its labels: `name(label:_:)`.
  private static func declarations(in file: SourceFile) -> [String] {
    let code = file.lines.map(\.text).filter { !isComment($0) }.joined(separator: "\n")
    return keywords.flatMap { keyword in
      code.components(separatedBy: keyword).dropFirst().flatMap { text -> [String] in
        switch keyword {
        case "init": [declaration("init" + text.drop { "?!".contains($0) })].compactMap(\.self)
        // One line may have several cases.
        case "case ": ([text] + parts(of: text.prefix { $0 != "\n" }).dropFirst()).compactMap(declaration)
        default: [declaration(text)].compactMap(\.self)
        }
      }
    }
  }

  /// The name at the beginning of a text, with its labels if a list of parameters follows.
  private static func declaration(_ text: String) -> String? {
    let start = text.drop { " `".contains($0) }
    let name = start.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
    guard !name.isEmpty else { return nil }
    var rest = start.dropFirst(name.count).drop { $0 == "`" }
    if rest.first == "<" { rest = behindBrackets(rest) }
    guard rest.first == "(" else { return String(name) }
    return name + "(" + parts(of: rest.dropFirst()).map { "\(label($0)):" }.joined() + ")"
  }

  /// What stands behind the generic parameters that a text begins with.
  private static func behindBrackets(_ text: Substring) -> Substring {
    var (depth, last) = (0, Character(" "))
    for index in text.indices {
      if text[index] == "<" { depth += 1 }
      if text[index] == ">", last != "-" { depth -= 1 }
      if depth == 0 { return text[text.index(after: index)...] }
      last = text[index]
    }
    return ""
  }

  /// Parts a text at its commas, up to the bracket that closes it if there is one.
  private static func parts(of text: Substring) -> [String] {
    var (parts, depth, last) = ([""], 0, Character(" "))
    for character in text {
      switch character {
      case "(", "[", "{", "<": depth += 1
      case ")", "]", "}": depth -= 1
      case ">" where last != "-": depth -= 1
      default: break
      }
      if depth < 0 { break }
      if character == ",", depth == 0 { parts.append("") } else { parts[parts.count - 1].append(character) }
      last = character
    }
    return parts.filter { !$0.allSatisfy(\.isWhitespace) }
  }

  /// The label of a parameter; `_` if it has none.
  private static func label(_ parameter: String) -> Substring {
    parameter.prefixMatch(of: #/\s*(\w+)(?:\s+\w+)?:/#).map { $0.1 } ?? "_"
  }
}
