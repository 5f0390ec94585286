/// Which folder of a target may use which. The compiler knows no folders: all types of a module can use each other. So
/// this rule checks names: a file that names a type uses the folder in which that type is declared.
///
/// It does not see members that one folder adds to a type of another, names behind a dot, and names within strings.
struct FolderRules {
  /// The folder of a target, or a folder below it, with a slash at its end.
  let target: String
  /// From top to bottom. Each folder may use those of the layers below its own, so there can be no cycle. Files beside
  /// the folders may use everything, and no folder may use them.
  let layers: [[String]]

  static let node = FolderRules(
    target: "Sources/Node/",
    layers: [["Announcing", "Controllers", "Leader", "Settings"], ["HTTP", "Health", "Services"], ["Calls"]])
  static let coordinator = FolderRules(
    target: "Sources/Coordinator/", layers: [["Settings"], ["Pages", "Watch"], ["Registry"], ["Probing"]])
  static let pages = FolderRules(
    target: "Sources/Coordinator/Pages/", layers: [["Controllers"], ["Live"], ["Rendering"], ["Access"], ["HTTP"]])

  /// Every breach of the rules: what is wrong, where it is, and what to do.
  func breaches(in files: [SourceFile]) -> [String] {
    let files = files.filter { $0.path.hasPrefix(target) }
    let homes = Dictionary(
      files.flatMap { file in file.declaredTypes.map { ($0, folder(of: file)) } },
      uniquingKeysWith: { first, _ in first })
    return files.flatMap { file -> [String] in
      guard let folder = folder(of: file) else { return [] }
      guard let layer = layers.firstIndex(where: { $0.contains(folder) }) else {
        return ["\(file.path): the folder \(folder) has no rule. Give it a layer in FolderRules."]
      }
      let mayKnow = Set(layers[(layer + 1)...].joined()).union([folder])
      return file.usedNames.flatMap { name, line -> [String] in
        guard let home = homes[name], !mayKnow.contains(home ?? "") else { return [] }
        let others = mayKnow.subtracting([folder]).sorted().joined(separator: ", ")
        return [
          "\(file.path):\(line) uses \(name) of \(home ?? "the files beside the folders"), but of the others \(folder)"
            + " may know only: \(others.isEmpty ? "none" : others). Move \(name) down, or what needs it up."
        ]
      }
    }
  }

  /// Nil for a file beside the folders.
  private func folder(of file: SourceFile) -> String? {
    let parts = file.path.dropFirst(target.count).split(separator: "/")
    return parts.count > 1 ? String(parts[0]) : nil
  }
}

extension SourceFile {
  private static let kinds: Set<Substring> = ["struct", "class", "enum", "actor", "protocol", "typealias"]

  /// Types that other files can name: declared at the start of a line, and not private.
  var declaredTypes: [String] {
    lines.compactMap { _, line in
      guard line.first?.isLetter == true || line.first == "@" else { return nil }
      let words = Self.words(of: line)
      guard let kind = words.firstIndex(where: Self.kinds.contains), kind + 1 < words.count,
        !words[..<kind].contains(where: { ["private", "fileprivate", "extension"].contains($0) })
      else { return nil }
      return String(words[kind + 1])
    }
  }

  /// Words that begin with a capital letter, outside strings and comments, each with its line number. A word behind a dot
  /// is a member of another type, whatever its name.
  fileprivate var usedNames: [(name: String, line: Int)] {
    lines.flatMap { number, line in
      // Every other part between quotation marks is code.
      let parts = line.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
      let code = parts.filter { $0.offset.isMultiple(of: 2) }.map(\.element).joined(separator: "\"\"")
      let bare = code.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
      let names = Self.words(of: bare).filter { $0.first?.isUppercase == true && !Self.isMember($0, in: bare) }
      return Set(names).sorted().map { (String($0), number) }
    }
  }

  /// Whether a word stands behind a dot. The dots of a range do not count.
  private static func isMember(_ word: Substring, in line: Substring) -> Bool {
    let before = line[..<word.startIndex]
    return before.hasSuffix(".") && !before.hasSuffix("..")
  }

  private static func words(of text: Substring) -> [Substring] {
    text.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
  }
}
