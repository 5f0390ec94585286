import Foundation
import TestSupport
import Testing

@testable import Common

@Suite struct FileContentsTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func failure(_ path: String, maxBytes: Int = 4) -> String? {
    #expect(throws: FileFailure.self) { try FileContents.read(path, maxBytes: maxBytes) }?.reason
  }

  @Test func `a regular file is read to its end, whatever its size says`() throws {
    let path = directory.url.appending(path: "file").path
    let bytes = [UInt8](repeating: 7, count: 10_000)
    try Data(bytes).write(to: URL(filePath: path))
    #expect(try FileContents.read(path) == bytes)
    #expect(try FileContents.read(path, maxBytes: 10_000) == bytes)
    #expect(failure(path, maxBytes: 9999) == "longer than 9999 bytes")
    let stat = try FileContents.read("/proc/self/stat")
    #expect(!stat.isEmpty)
  }

  /// Readers of other files could wait for ever or read without end.
  @Test func `nothing but a regular file is read`() throws {
    let (pipe, link) = (directory.url.appending(path: "pipe").path, directory.url.appending(path: "link").path)
    #expect(mkfifo(pipe, 0o600) == 0)
    // The pipe holds bytes, so that a reader does not wait.
    let end = open(pipe, O_RDWR | O_CLOEXEC)
    defer { close(end) }
    #expect(write(end, "token", 5) == 5)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: pipe)
    for path in [pipe, link, "/dev/zero", "/dev/null"] { #expect(failure(path) == "not a regular file", "\(path)") }
    #expect(failure(directory.url.path) == "Is a directory")
    #expect(failure("/nowhere/x") == "No such file or directory")
  }
}
