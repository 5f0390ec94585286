import Testing

/// Symbols that doc comments link to exist.
@Suite struct SymbolLinksTests {
  @Test func `every symbol that a comment links to is declared`() throws {
    let files = try SourceFile.all() + SourceFile.tests()
    // Otherwise a search that finds no links would pass.
    #expect(files.count { $0.text.contains("/// ") && $0.text.contains("``") } > 50)
    let links = SymbolLinks(to: files)
    for dead in files.flatMap(links.dead) { Issue.record("\(dead). Name what is there now, or take the link out") }
  }

  private static let declarations = """
    struct Machine<State> {
      enum Event: Equatable { case began, ended(at: Int, [String: Int]) }
      var isOn = false
      init?(_ name: String, isOn: Bool = false) {}
      func answered<Reply: Sendable>(
        _ reply: Reply, by sender: (Int, Int) -> [Int], isLast: Bool
      ) {}
    }
    """

  @Test(arguments: [
    "Machine", "Machine/isOn", "Machine/Event/ended(at:_:)", "ended(at:_:)", "began", "init(_:isOn:)",
    "answered(_:by:isLast:)",
  ])
  func `a link to what is declared is no breach`(link: String) {
    #expect(dead("/// See ``\(link)``.") == [])
  }

  @Test(arguments: [
    ("Engine", "Engine"), ("Machine/isOff", "isOff"), ("Gone/isOn", "Gone"), ("answered", "answered"),
    ("answered(_:isLast:)", "answered(_:isLast:)"), ("isOn(_:)", "isOn(_:)"), ("ended(_:)", "ended(_:)"),
  ])
  func `a link that leads nowhere is noticed, with its line`(link: String, part: String) {
    #expect(dead("\n  /// See ``\(link)``.") == ["Sources/B.swift:2 links to \(part), which is declared nowhere"])
  }

  @Test func `what only looks like a link, in a text, is none`() {
    #expect(dead("let text = \"``Gone``\"") == [])
  }

  private func dead(_ text: String) -> [String] {
    let files = [("Sources/A.swift", Self.declarations), ("Sources/B.swift", text)].map { path, text in
      SourceFile(path: path, text: text)
    }
    return files.flatMap(SymbolLinks(to: files).dead)
  }
}
