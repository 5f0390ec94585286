import Testing

/// Files named in comments and docs exist.
@Suite struct FileReferenceTests {
  @Test func `every file that is named is there`() throws {
    let files = try Project.files()
    // Otherwise a search that finds no files would pass.
    #expect(files.count > 500 && files.contains { $0.path == "README.md" })
    let references = FileReferences(to: files)
    // The tests of this folder name files that do not exist.
    for dead in files.filter({ !$0.path.hasPrefix("Tests/HouseTests/") }).flatMap(references.dead) {
      Issue.record("\(dead). Name what is there now, or take the words out")
    }
  }

  @Test(
    arguments: [
      ("docs/a.md", "See [b](b.md).", "docs/a.md:1 refers to b.md"),
      ("docs/a.md", "See [x](../Sources/X.swift).", "refers to ../Sources/X.swift"),
      ("docs/a.md", "\nSee [there](#nowhere).", "docs/a.md:2 refers to #nowhere"),
      ("Sources/A.swift", "let a = 1 // as engine.md has it", "Sources/A.swift:1 refers to engine.md"),
      ("Sources/a.lua", "-- see stock.lua", "Sources/a.lua:1 refers to stock.lua"),
      ("Scripts/a.sh", "# Scripts/lib/b.sh does it", "refers to Scripts/lib/b.sh"),
    ])
  func `a file that is not there is noticed`(path: String, text: String, expected: String) {
    let file = SourceFile(path: path, text: text)
    let found = FileReferences(to: [file]).dead(in: file)
    #expect(found.contains { $0.contains(expected) }, "\(found)")
  }

  @Test(
    arguments: [
      "# Head one\nSee [itself](a.md#head-one), `a.md`, docs/a.md and https://example.org/x.md.",
      "`*.lua` and `<name>.md`",
    ])
  func `what is there, or is none of ours, is no breach`(text: String) {
    let file = SourceFile(path: "docs/a.md", text: text)
    #expect(FileReferences(to: [file]).dead(in: file) == [])
  }
}
