import Foundation
import Testing

/// Checks the fuzzers' promises on the inputs found so far.
@Suite struct CorpusTests {
  private static let corpora = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus")

  @Test(arguments: Fuzzer.allCases)
  func `every promise is kept for each input of its corpus`(fuzzer: Fuzzer) throws {
    let folder = Self.corpora.appending(path: "\(fuzzer)")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path())
    #expect(names.count >= 10, "the corpus has moved")
    for name in names.sorted() {
      let bytes = [UInt8](try Data(contentsOf: folder.appending(path: name)))
      do {
        try fuzzer.check(bytes)
      } catch {
        Issue.record("\(fuzzer)/\(name): \(error)")
      }
    }
  }
}
