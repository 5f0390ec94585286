import Foundation

/// The handwritten files of the project, as text.
enum Project {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Every file below these folders and at the root. Generated files are not included.
  static func files() throws -> [SourceFile] {
    var found = try names(of: root).filter { !isFolder($0) }
    for folder in [".ci", "Benchmarks", "Scripts", "Sources", "Tests", "deploy", "docs"] {
      let below = try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path())
      found += below.map { "\(folder)/\($0)" }.filter { !isFolder($0) && !$0.contains("__pycache__") }
    }
    return found.sorted().compactMap { path in
      // Files that are not text, such as pictures, are skipped.
      (try? String(contentsOf: root.appending(path: path), encoding: .utf8)).map { SourceFile(path: path, text: $0) }
    }
  }

  static func file(_ path: String) throws -> SourceFile {
    SourceFile(path: path, text: try String(contentsOf: root.appending(path: path), encoding: .utf8))
  }

  private static func names(of folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path())
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: root.appending(path: path).path(), isDirectory: &isFolder)
      && isFolder.boolValue
  }
}
