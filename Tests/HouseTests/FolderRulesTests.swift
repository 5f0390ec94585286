import Testing

@Suite struct FolderRulesTests {
  private let rules = FolderRules.coordinator

  @Test(arguments: [FolderRules.node, .coordinator, .pages])
  func `no source file breaks a rule`(rules: FolderRules) throws {
    let files = try SourceFile.all()
    // Otherwise moved folders, or types declared in another way, would not be checked.
    for folder in rules.layers.joined() {
      let found = files.filter { $0.path.hasPrefix(rules.target + folder + "/") }
      #expect(!found.flatMap(\.declaredTypes).isEmpty, "\(folder) declares types")
    }
    for breach in rules.breaches(in: files) { Issue.record("\(breach)") }
  }

  private func breaches(_ files: [(path: String, text: String)]) -> [String] {
    rules.breaches(in: files.map { SourceFile(path: rules.target + $0.path, text: $0.text) })
  }

  @Test(
    arguments: [
      (
        "Registry/A.swift", "struct Upper {}", "Probing/B.swift", "\nlet a: [Upper]? = nil",
        "Probing/B.swift:2 uses Upper of Registry"
      ),
      (
        "Watch/A.swift", "final class Upper {}", "Registry/B.swift", "extension Upper {}",
        "Registry/B.swift:1 uses Upper of Watch"
      ),
      (
        "Watch/A.swift", "actor Upper {}", "Pages/Live/B.swift", "func a() { Upper.b() }",
        "Pages/Live/B.swift:1 uses Upper of Watch"
      ),
      (
        "Watch/A.swift", "enum Upper {}", "Registry/B.swift", "let a = 1...Upper.b",
        "Registry/B.swift:1 uses Upper of Watch"
      ),
      (
        "A.swift", "@main struct Upper {}", "Settings/B.swift", "Upper()",
        "Settings/B.swift:1 uses Upper of the files beside"
      ),
      ("Probing/A.swift", "", "New/B.swift", "", "the folder New has no rule"),
    ])
  func `whoever names a type of a folder above its own, or beside it, is noticed, with the line`(
    upper: String, declaration: String, lower: String, use: String, expected: String
  ) {
    let found = breaches([(upper, declaration), (lower, use)])
    #expect(found.count == 1 && found.first?.contains(expected) == true, "\(found)")
  }

  @Test(
    arguments: [
      ("Probing/A.swift", "Registry/B.swift", "let a = Lower()"), ("Settings/A.swift", "B.swift", "let a = Lower()"),
      ("Registry/A.swift", "Probing/B.swift", "/// As ``Lower`` does.\nlet a = \"a Lower\" // Lower"),
      ("Registry/A.swift", "Probing/B.swift", "let a = LowerBound.lower"),
      ("Registry/A.swift", "Probing/B.swift", "let a = Report.Lower()"),
    ])
  func `what follows the arrows, or only speaks of a type, is no breach`(home: String, user: String, use: String) {
    #expect(breaches([(home, "struct Lower {}"), (user, use)]) == [])
  }
}
