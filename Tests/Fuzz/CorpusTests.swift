import Foundation
import Testing

@Suite("What fuzzers look for, in what they have found so far")
struct CorpusTests {
  private static let corpora = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus")

  @Test("every promise is kept for each input of its corpus", arguments: Fuzzer.allCases)
  func corpus(fuzzer: Fuzzer) throws {
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
