/// Which target may import which. The arrows point one way:
///
///     Node ─→ Store ─→ RedisClient ─→ Common ←─ Coordinator
///
/// The compiler enforces only the dependencies in `Package.swift`. These rules are repeated here so that a change of
/// the manifest does not remove them unnoticed. Some rules the compiler cannot check at all.
enum ImportRules {
  /// The modules of this package that each target may import.
  static let allowed: [String: Set<String>] = [
    "Common": ["CCurl"],
    "RedisClient": ["CHiredis", "Common"],
    "Store": ["RedisClient", "Common"],
    "Node": ["Store", "RedisClient", "Common"],
    "Coordinator": ["Common"],
  ]

  /// The modules that a folder must not import, and why.
  private static let forbidden: [(folder: String, modules: Set<String>, advice: String)] = [
    (
      "Sources/Node/Controllers/", ["RedisClient"],
      "a controller turns HTTP into a wish and an outcome back into HTTP. What needs Redis belongs into a service or, if"
        + " it is about what is stored, into a repository in Sources/Store"
    ),
    (
      "Sources/Node/Services/", ["RedisClient"],
      "a service is policy. How Redis holds what is stored, and what a link is needed for, belongs into a repository in"
        + " Sources/Store"
    ),
    (
      "Sources/Store/", ["NIOHTTP1", "NIOHTTP2", "NIOHTTPTypes", "HTTPTypes", "Hummingbird", "HummingbirdCore"],
      "the store must work below any front end. Give it values, and turn requests into them in Sources/Node"
    ),
    (
      "Sources/RedisClient/", ["NIOHTTP1", "NIOHTTP2", "NIOHTTPTypes", "HTTPTypes", "Hummingbird", "HummingbirdCore"],
      "it speaks to Redis and to nobody else"
    ),
  ]

  /// Words of the inventory domain. The Redis client must not use them.
  private static let trade = ["sku", "stock", "reservation", "inventory"]

  /// Every breach of the rules: what is wrong, where it is, and what to do.
  static func breaches(in files: [SourceFile]) -> [String] {
    let ours = Set(allowed.keys).union(allowed.values.joined())
    return files.flatMap { file -> [String] in
      guard let mayImport = allowed[file.module] else {
        return [
          "\(file.path): the target \(file.module) has no rule. Say in ImportRules.allowed which modules of this package it"
            + " may import."
        ]
      }
      return file.imports.flatMap { module, line -> [String] in
        let place = "\(file.path):\(line) imports \(module)"
        var found: [String] = []
        if ours.contains(module), module != file.module, !mayImport.contains(module) {
          found.append(
            "\(place), but \(file.module) may know only \(mayImport.sorted().joined(separator: ", ")) of this package:"
              + " Node → Store → RedisClient → Common ← Coordinator. Move this code up to where \(module) is known, or what"
              + " it needs of \(module) down to where both can reach it.")
        }
        for rule in forbidden where file.path.hasPrefix(rule.folder) && rule.modules.contains(module) {
          found.append("\(place), which nothing in \(rule.folder) may: \(rule.advice).")
        }
        return found
      } + tradeWords(in: file)
    }
  }

  private static func tradeWords(in file: SourceFile) -> [String] {
    guard file.module == "RedisClient" else { return [] }
    return file.lines.flatMap { number, text in
      trade.filter { text.lowercased().contains($0) }.map { word in
        "\(file.path):\(number) says “\(word)”, but RedisClient knows nothing of what is stored. Let its caller pass it in,"
          + " or move this code to Sources/Store."
      }
    }
  }
}
