import Foundation

/// Finds comments and docs that name a file that does not exist. They mislead readers.
struct FileReferences {
  private static let suffixes: Set<String> = [
    "swift", "lua", "md", "sh", "py", "yaml", "yml", "mustache", "cfg", "css",
  ]
  /// Files of other projects that may be named.
  private static let foreign: Set<String> = ["prometheus.yml"]

  private let paths: Set<String>
  private let tails: Set<String>
  private let anchors: [String: Set<String>]

  init(to files: [SourceFile]) {
    paths = Set(files.map(\.path))
    // A comment may name a file by the last parts of its path.
    tails = Set(
      files.flatMap { file in
        let parts = file.path.split(separator: "/")
        return parts.indices.map { parts[$0...].joined(separator: "/") }
      })
    anchors = Dictionary(
      uniqueKeysWithValues: files.filter { $0.path.hasSuffix(".md") }.map { ($0.path, Self.anchors(of: $0)) })
  }

  func dead(in file: SourceFile) -> [String] {
    file.lines.flatMap { number, line -> [String] in
      let place = "\(file.path):\(number)"
      guard let text = Self.prose(of: line, in: file) else { return [] }
      let links = file.path.hasSuffix(".md") ? deadLinks(in: text, of: file) : []
      return (links + deadNames(in: text)).map { "\(place) refers to \($0), which is not there" }
    }
  }

  /// The part of a line that is written for people. Nil if there is none.
  private static func prose(of line: Substring, in file: SourceFile) -> String? {
    let mark =
      switch file.path.split(separator: ".").last {
      case "md": ""
      case "swift", "js": "//"
      case "lua": "--"
      case "sh", "py", "yaml", "yml", "cfg": "#"
      default: "\0"
      }
    guard !mark.isEmpty else { return String(line) }
    return afterMark(mark, in: line).map(String.init)
  }

  /// The text after the first comment mark. A mark after a colon belongs to a URL.
  private static func afterMark(_ mark: String, in line: Substring) -> Substring? {
    var rest = line
    while let found = rest.range(of: mark) {
      let isInAddress = found.lowerBound > line.startIndex && line[line.index(before: found.lowerBound)] == ":"
      guard isInAddress else { return line[found.upperBound...] }
      rest = line[found.upperBound...]
    }
    return nil
  }

  private func deadNames(in text: String) -> [String] {
    // Any other character in such a word makes it a URL or a pattern.
    let words = text.split { !($0.isLetter || $0.isNumber || "._/+-*<>{}:@~$%".contains($0)) }
    return words.map { String($0).trimmingCharacters(in: .punctuationCharacters) }.filter { word in
      // Cheap checks first, because a pattern is built for each word.
      guard let dot = word.lastIndex(of: "."), Self.suffixes.contains(String(word[word.index(after: dot)...])),
        !tails.contains(word), !Self.foreign.contains(word)
      else { return false }
      return word.wholeMatch(of: #/(?:\w[\w.+-]*\/)*\w[\w.+-]*\.\w+/#) != nil
    }
  }

  private func deadLinks(in text: String, of file: SourceFile) -> [String] {
    guard text.contains("](") else { return [] }
    return text.matches(of: #/\]\(([^)\s]+)\)/#).map { String($0.1) }.filter { link in
      guard !link.contains("://"), !link.hasPrefix("mailto:") else { return false }
      let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
      let target = parts[0].isEmpty ? file.path : Self.resolve(String(parts[0]), from: file.path)
      guard
        paths.contains(target) || FileManager.default.fileExists(atPath: Project.root.appending(path: target).path())
      else { return true }
      guard parts.count == 2, let known = anchors[target] else { return false }
      return !known.contains(String(parts[1]))
    }
  }

  private static func resolve(_ link: String, from path: String) -> String {
    var parts = path.split(separator: "/").dropLast().map(String.init)
    for part in link.split(separator: "/") {
      if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(String(part)) }
    }
    return parts.joined(separator: "/")
  }

  /// The anchors by which links name headings.
  private static func anchors(of file: SourceFile) -> Set<String> {
    Set(
      file.lines.map(\.text).filter { $0.hasPrefix("#") }.map { heading in
        let words = heading.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
        return String(words.compactMap { $0 == " " ? "-" : $0.isLetter || $0.isNumber || "-_".contains($0) ? $0 : nil })
      })
  }
}
