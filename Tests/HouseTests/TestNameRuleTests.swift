import Testing

@Suite struct TestNameRuleTests {
  @Test func `every test is named by a sentence, and by nothing beside it`() throws {
    let files = try SourceFile.tests()
    // Otherwise a search that finds no files would pass.
    #expect(files.count > 200)
    for breach in TestNameRule.breaches(in: files) { Issue.record("\(breach)") }
  }

  @Test(arguments: [
    ("@Test func `it holds`() {}", []), ("@Test(arguments: [1])\nfunc `it holds`(n: Int) {}\nfunc other() {}", []),
    ("@Test func itHolds() {}", [1]), ("  @Test\n  mutating func itHolds() {}", [2]),
    ("@Test(\n  arguments: [1]\n)\nfunc holds(n: Int) {}\n@Test func `it holds`() {}", [4]),
    ("@Test(\"it holds\") func `it holds`() {}", [1]), ("@Test(\n  \"it holds\",\n  arguments: [1])", [2]),
    ("@Suite(\"All that holds\") struct AllTests {}", [1]), ("@Suite(.serialized) struct AllTests {}", []),
  ])
  func `a title, and a name of another form, are noticed`(text: String, lines: [Int]) {
    let breaches = TestNameRule.breaches(in: [SourceFile(path: "Tests/A.swift", text: text)])
    #expect(breaches.map { $0.prefix { $0 != " " } } == lines.map { "Tests/A.swift:\($0)" })
  }
}
