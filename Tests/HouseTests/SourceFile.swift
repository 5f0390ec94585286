/// A file of this package's sources, read as text.
struct SourceFile {
  /// From the root of the package: `Sources/Store/Domain/SKU.swift`.
  var path: String
  var text: String

  /// The target of the file: its folder below `Sources`.
  var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

  /// The imported modules, each with its line number.
  var imports: [(module: String, line: Int)] {
    // Attributes, an access level, and a symbol may be there: `@testable package import struct NIOCore.ByteBuffer`.
    let pattern = #/^\s*(?:@\w+\s+)*(?:\w+\s+)?import\s+(?:(?:struct|class|enum|protocol|func|var|let)\s+)?(\w+)/#
    return lines.filter { $0.text.contains("import") }.compactMap { number, line in
      line.firstMatch(of: pattern).map { (String($0.1), number) }
    }
  }

  var lines: [(number: Int, text: Substring)] {
    text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map { ($0.offset + 1, $0.element) }
  }

  /// All Swift files below `Sources`.
  static func all() throws -> [SourceFile] { try swift(below: "Sources/") }

  /// All Swift files below `Tests`.
  static func tests() throws -> [SourceFile] { try swift(below: "Tests/") }

  private static func swift(below folder: String) throws -> [SourceFile] {
    try Project.files().filter { $0.path.hasPrefix(folder) && $0.path.hasSuffix(".swift") }
  }
}
