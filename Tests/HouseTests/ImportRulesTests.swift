import Testing

@Suite struct ImportRulesTests {
  @Test func `no source file breaks a rule`() throws {
    let files = try SourceFile.all()
    // Otherwise a moved folder would not be checked.
    #expect(Set(files.map(\.module)) == Set(ImportRules.allowed.keys), "each target with a rule has sources")
    for folder in ["Sources/Node/Controllers/", "Sources/Node/Services/"] {
      #expect(files.count(where: { $0.path.hasPrefix(folder) }) > 1)
    }
    for breach in ImportRules.breaches(in: files) { Issue.record("\(breach)") }
  }

  @Test(
    arguments: [
      ("Sources/Common/A.swift", "import NIOCore\nimport RedisClient", "Sources/Common/A.swift:2 imports RedisClient"),
      ("Sources/RedisClient/A.swift", "import Store", "Sources/RedisClient/A.swift:1 imports Store"),
      ("Sources/Store/A.swift", "@testable import Node", "Sources/Store/A.swift:1 imports Node"),
      ("Sources/Store/A.swift", "import struct NIOHTTP1.HTTPHeaders", "Sources/Store/A.swift:1 imports NIOHTTP1"),
      ("Sources/Store/A.swift", "\n\npackage import NIOHTTP1", "Sources/Store/A.swift:3 imports NIOHTTP1"),
      ("Sources/Node/Controllers/A.swift", "import RedisClient", "Controllers/A.swift:1 imports RedisClient"),
      ("Sources/Node/Services/A.swift", "import RedisClient", "Services/A.swift:1 imports RedisClient"),
      ("Sources/Node/A.swift", "import Coordinator", "Sources/Node/A.swift:1 imports Coordinator"),
      ("Sources/Coordinator/A.swift", "import Store", "Sources/Coordinator/A.swift:1 imports Store"),
      ("Sources/RedisClient/A.swift", "\nlet vacantReservation = 1", "RedisClient/A.swift:2 says “reservation”"),
      ("Sources/RedisClient/A.swift", "/// Of each SKU.", "Sources/RedisClient/A.swift:1 says “sku”"),
      ("Sources/New/A.swift", "", "the target New has no rule"),
    ])
  func `each rule notices what it is there for, and tells the line`(path: String, text: String, expected: String) {
    let breaches = ImportRules.breaches(in: [SourceFile(path: path, text: text)])
    #expect(breaches.count == 1 && breaches.first?.contains(expected) == true, "\(breaches)")
  }

  @Test(
    arguments: [
      ("Sources/Node/Health/A.swift", "import Common\nimport NIOHTTP1\nimport RedisClient\nimport Store"),
      ("Sources/Node/Services/A.swift", "import Common\nimport Store\n// import RedisClient"),
      ("Sources/Node/Controllers/A.swift", "import Store\n// import RedisClient"),
      ("Sources/Store/A.swift", "import RedisClient\nlet text = \"import Node\""),
      ("Sources/RedisClient/A.swift", "import CHiredis\nimport Common\nimport NIOCore"),
      ("Sources/Coordinator/A.swift", "import Common\nimport Hummingbird\nlet sku = 1"),
    ])
  func `what follows the arrows is no breach`(path: String, text: String) {
    #expect(ImportRules.breaches(in: [SourceFile(path: path, text: text)]).isEmpty)
  }
}
