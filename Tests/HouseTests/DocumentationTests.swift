import Testing

/// Everything that exists is documented and tested.
@Suite struct DocumentationTests {
  /// Each case of `Operation` with its method and path, read from its source.
  private func operations() throws -> [(name: String, method: String, path: String)] {
    let source = try Project.file("Sources/Node/Calls/Operation.swift").text
    let found = source.matches(of: #/case \.(\w+): \(\.([A-Z]+), "([^"]+)"\)/#).map {
      (name: String($0.1), method: String($0.2), path: String($0.3))
    }
    try #require(found.count > 10, "the source of Operation has another form")
    return found
  }

  @Test func `each operation stands in openapi.yaml and the README's table, and is called on real nodes`() throws {
    let description = try Project.file("Sources/Node/OpenAPI/openapi.yaml")
    let table = try Project.file("README.md").lines.map(\.text).filter { $0.hasPrefix("| `") }.joined(separator: "\n")
    let tests = try Project.files().filter {
      $0.path.hasPrefix("Tests/ClusterTests/") || $0.path.hasPrefix("Tests/TestSupport/")
    }
    .map(\.text).joined()
    for operation in try operations() {
      #expect(
        Self.describes(operation.method, operation.path, in: description),
        "openapi.yaml lacks \(operation.method) \(operation.path)")
      #expect(
        table.contains("`\(operation.method) \(operation.path)`"),
        "the README's table of calls lacks `\(operation.method) \(operation.path)`")
      // Tests fill in the parts in braces.
      let path = operation.path.replacing(#/\{\w+\}/#, with: #"(\\\([^"]*\)|[^/" ?]+)"#).replacing(".", with: "\\.")
      // A test may use it as a request, in a raw head, or (for reads) in a list of paths.
      let list = operation.method == "GET" ? "|\"\(path)\"[,\\]]" : ""
      let call = try Regex(
        "\"\(operation.method)\",\\s*\"\(path)[\"?]|\\b\(operation.method) \(path)[ ?]\(list)")
      #expect(tests.contains(call), "no test in Tests/ClusterTests calls \(operation.method) \(operation.path)")
    }
  }

  /// Whether the API description has this method for this path.
  private static func describes(_ method: String, _ path: String, in file: SourceFile) -> Bool {
    let lines = file.lines.map(\.text)
    guard let start = lines.firstIndex(where: { $0 == "  \(path):" }) else { return false }
    return lines[(start + 1)...].prefix { $0.isEmpty || $0.hasPrefix("    ") }
      .contains { $0.hasPrefix("    \(method.lowercased()):") }
  }

  @Test(
    arguments: [
      ("Sources/Node/Settings/NodeSettings.swift", "Nodes"),
      ("Sources/Coordinator/Settings/CoordinatorSettings.swift", "The coordinator"),
    ])
  func `each setting stands in docs/settings.md, and nothing else does`(path: String, heading: String) throws {
    var names: Set<String> = []
    // `reader.read…("name"`, perhaps with a comment in between. Tokens have a second setting for their file.
    for match in try Project.file(path).text.matches(
      of: #/reader\.read(\w*)\((?:\s*//[^\n]*)?\s*"(\w+)"(?:, "(\w+)")?/#)
    {
      names.insert(String(match.2))
      if let file = match.3 { names.insert(String(file)) }
    }
    if try Project.file(path).text.contains("reader.readTrustedProxies()") { names.insert("trustedProxies") }
    try #require(names.count > 8, "the settings are read in another way")
    let page = try Project.file("docs/settings.md").text
    let section = page.components(separatedBy: "\n## ").first { $0.hasPrefix(heading) } ?? ""
    let documented = Set(section.matches(of: #/\| `HOLDFAST_(\w+)` \|/#).map { String($0.1) })
    let wanted = Set(names.map { $0.replacing(#/[A-Z]/#) { "_\($0.output)" }.uppercased() })
    #expect(documented == wanted, "\(documented.symmetricDifference(wanted).sorted())")
  }

  @Test func `each metric stands in docs/metrics.md, and nothing else does`() throws {
    let sources = try Project.files().filter { $0.path.hasPrefix("Sources/") && $0.path.hasSuffix(".swift") }
    let made = Set(sources.flatMap { $0.text.matches(of: #/"(holdfast_[a-z_]+[a-z])"/#).map { String($0.1) } })
    try #require(made.count > 30)
    let documented = Set(
      try Project.file("docs/metrics.md").text.matches(of: #/\| `(holdfast_\w+)` \|/#).map { String($0.1) })
    #expect(documented == made, "\(documented.symmetricDifference(made).sorted())")
  }

  @Test func `a source file holds one idea: none grows beyond what can be read at once`() throws {
    let files = try Project.files().filter { $0.path.hasSuffix(".swift") }
    // Otherwise a search that finds no files would pass.
    #expect(files.count > 400)
    for file in files {
      let limit = file.path.hasPrefix("Sources/") ? 400 : 530
      let count = file.lines.count - 1
      #expect(count <= limit, "\(file.path) has \(count) lines: part what it holds, at most \(limit) go into one file")
    }
  }
}
