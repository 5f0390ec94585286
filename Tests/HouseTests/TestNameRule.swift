/// A test's name is its promise, written as a raw identifier. The same words stand in the source, in the output of a
/// run, and in `swift test --filter`.
enum TestNameRule {
  /// Every title of a test or suite, and every test with a name of another form.
  static func breaches(in files: [SourceFile]) -> [String] {
    files.flatMap { file in breaches(in: file).map { "\(file.path):\($0.line) \($0.words)" } }
  }

  private static func breaches(in file: SourceFile) -> [(line: Int, words: String)] {
    let titled = ["@Test(\"", "@Suite(\""]
    var breaches: [(line: Int, words: String)] = []
    var (awaitsTitle, awaitsName) = (false, false)
    for (number, text) in file.lines {
      let line = text.drop { $0 == " " }
      if titled.contains(where: { line.hasPrefix($0) }) || awaitsTitle && line.starts(with: "\"") {
        breaches.append((number, "has a title: the name itself says it"))
      }
      awaitsTitle = line == "@Test(" || line == "@Suite("
      if line.starts(with: "@Test") { awaitsName = true }
      if awaitsName, let name = line.prefixMatch(of: #/(?:@Test(?:\(.*\))? )?(?:\w+ )*func (\S)/#) {
        awaitsName = false
        if name.1 != "`" { breaches.append((number, "names a test otherwise than by a sentence between backticks")) }
      }
    }
    return breaches
  }
}
