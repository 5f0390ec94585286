import Foundation
import TestSupport
import Testing

@testable import Coordinator

@Suite struct RegistryKeeperTests {
  private let directory: TemporaryDirectory
  private let log = LogRecorder()
  private let contents: RegistryContents

  init() throws {
    directory = try TemporaryDirectory()
    var bench = RegistryBench()
    try bench.admit()
    contents = bench.registry.contents
  }

  private func file(_ name: String = "registry.json") -> RegistryFile {
    RegistryFile(path: directory.url.appending(path: name).path)
  }

  private func lines(_ message: String) -> Int { log.all.count { $0.hasPrefix(message) } }

  @Test func `only a revision that the file does not hold needs to be written`() async {
    let keeper = RegistryKeeper(file(), revision: 3, logger: log.logger)
    #expect(await keeper.needs(3) == false)
    #expect(await keeper.needs(4))
    #expect(await keeper.save(contents, revision: 4) == nil)
    #expect(await keeper.needs(4) == false)
    #expect(await keeper.needs(5))
    #expect(file().load() == .contents(contents) && log.all.isEmpty)
  }

  @Test
  func `what could not be written is tried again; the log tells once that it fails, once that it works`() async throws {
    let keeper = RegistryKeeper(file("later/registry.json"), revision: 0, logger: log.logger)
    for _ in 0..<3 {
      #expect(await keeper.save(contents, revision: 1) == "open: No such file or directory")
      #expect(await keeper.needs(1), "though nothing has changed")
    }
    #expect(lines("the registry can't be kept") == 1 && lines("the registry is kept again") == 0)
    try FileManager.default.createDirectory(
      at: directory.url.appending(path: "later"), withIntermediateDirectories: false)
    for revision in 1...3 { #expect(await keeper.save(contents, revision: revision) == nil) }
    #expect(await keeper.needs(3) == false)
    #expect(lines("the registry can't be kept") == 1 && lines("the registry is kept again") == 1)
  }

  @Test func `what was kept is known again; a file that can't be used is told with its new place`() throws {
    #expect(file().known(log.logger) == nil && log.all.isEmpty, "no file is no trouble")
    try file().save(contents)
    #expect(file().known(log.logger) == contents && log.all.isEmpty)
    try Data("{".utf8).write(to: URL(fileURLWithPath: file().path))
    #expect(file().known(log.logger) == nil)
    #expect(lines("the registry file can't be used") == 1 && log.all[0].contains(file().path + ".damaged-"))
  }
}
