import Common
import Foundation
import TestSupport
import Testing

@testable import Coordinator

@Suite struct RegistryFileTests {
  private let directory: TemporaryDirectory
  private let file: RegistryFile

  init() throws {
    directory = try TemporaryDirectory()
    file = RegistryFile(path: directory.url.appending(path: "registry.json").path)
  }

  private var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: directory.url.path).sorted() }
  }

  /// A registry of a cluster with some history.
  private func bench() throws -> RegistryBench {
    var bench = RegistryBench()
    try bench.admit(HealthReport.sample().leading(epoch: 4))
    try bench.admit(.sample(id: "n2"), url: "http://10.0.0.2")
    try bench.admit(.sample(id: "n3"), url: "http://10.0.0.3")
    bench.kill("n2")
    _ = bench.registry.want(.drain, of: "n1", by: "anna", at: bench.now)
    try bench.registry.leave(id: "n3", bootID: "b1", at: bench.now)
    return bench
  }

  private func contents() throws -> RegistryContents { try bench().registry.contents }

  @Test func `what was saved is what is loaded`() throws {
    #expect(file.load() == .nothing)
    let contents = try contents()
    for _ in 0..<3 {
      try file.save(contents)
      #expect(file.load() == .contents(contents))
    }
    #expect(try names == ["registry.json"])
  }

  @Test func `only its owner may read it, even if one lay there that others could`() throws {
    for path in [file.path, file.path + ".new"] {
      try Data("{}".utf8).write(to: URL(fileURLWithPath: path))
      try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: path)
    }
    try file.save(try contents())
    let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func `nothing is written through a link that somebody put there`() throws {
    let victim = directory.url.appending(path: "victim").path
    try Data("precious".utf8).write(to: URL(fileURLWithPath: victim))
    try FileManager.default.createSymbolicLink(atPath: file.path + ".new", withDestinationPath: victim)
    #expect(throws: RegistryFile.Failure.self) { try file.save(try contents()) }
    #expect(try String(contentsOfFile: victim, encoding: .utf8) == "precious")
  }

  @Test func `what is put aside is named after the time at which it was found`() throws {
    var file = file
    file.now = { 1_800_000_000_000 }
    try Data("{".utf8).write(to: URL(fileURLWithPath: file.path))
    guard case .damaged(_, let movedTo) = file.load() else {
      Issue.record("the damage was not found")
      return
    }
    #expect(movedTo == file.path + ".damaged-1800000000000")
  }

  @Test(
    arguments: [
      "", "{", "null", "[]", "{}", "\u{0}\u{1}",
      #"{"format":"something-else","version":1,"nodes":[],"history":[],"isLeaderGone":true,"failovers":0}"#,
      #"{"format":"holdfast-coordinator-registry","version":2,"nodes":[],"history":[],"isLeaderGone":true,"failovers":0}"#,
    ])
  func `a file that is damaged or no registry is told and put aside, and the next one takes its place`(
    text: String
  ) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: file.path))
    guard case .damaged(let reason, let movedTo?) = file.load() else {
      Issue.record("the damage was not found")
      return
    }
    #expect(!reason.isEmpty)
    #expect(try String(contentsOfFile: movedTo, encoding: .utf8) == text)
    #expect(file.load() == .nothing)
    let contents = try contents()
    try file.save(contents)
    #expect(file.load() == .contents(contents))
  }

  @Test func `a registry that no coordinator could have written is damaged, wherever it was cut or changed`() throws {
    var contents = try contents()
    contents.nodes[0].url = "file:///etc/passwd"
    #expect(contents.fault != nil)
    contents = try self.contents()
    contents.nodes[0].id = "a/b"
    #expect(contents.fault != nil)
    contents = try self.contents()
    contents.nodes.append(contents.nodes[0])
    #expect(contents.fault != nil)
    let changes: [(inout RegistryContents) -> Void] = [
      { $0.failovers = .max }, { $0.failovers = -1 }, { $0.nodes[0].since = .min }, { $0.history[0].at = .max },
      { $0.leader?.since = .min }, { $0.nodes[0].reason = String(repeating: "x", count: 9999) },
      { $0.history[0].reason = String(repeating: "x", count: 9999) },
      { $0.store = StoreMemory(acknowledged: -1) },
      { $0.store = StoreMemory(evidence: StoreEvidence(identity: "a b")) },
      { $0.store = StoreMemory(evidence: StoreEvidence(identity: "a", marks: ["b": .max])) },
    ]
    for (index, change) in changes.enumerated() {
      contents = try self.contents()
      change(&contents)
      #expect(contents.fault != nil, "change \(index)")
    }
    #expect(try self.contents().fault == nil)

    try file.save(try self.contents())
    let whole = try Data(contentsOf: URL(fileURLWithPath: file.path))
    for length in stride(from: 0, to: whole.count - 1, by: 37) {
      try whole.prefix(length).write(to: URL(fileURLWithPath: file.path))
      guard case .damaged = file.load() else {
        Issue.record("\(length) bytes of \(whole.count) were taken for a registry")
        return
      }
    }
  }

  @Test func `what is there and is no file is told, and neither moved nor replaced: it may be /dev/null`() throws {
    #expect(mkfifo(file.path, 0o600) == 0)
    #expect(file.load() == .damaged(reason: "not a regular file", movedTo: nil))
    #expect(throws: RegistryFile.Failure(reason: "what is there is not a regular file")) {
      try file.save(try contents())
    }
    #expect(try names == ["registry.json"] && FileContents.isOther(file.path))
  }

  @Test func `a pipe in the way of the new file holds nobody up`() async throws {
    let (path, contents) = (file.path + ".new", try contents())
    #expect(mkfifo(path, 0o600) == 0)
    let told = Replaceable<RegistryFile.Failure?>(nil)
    Thread.detachNewThread { [file] in
      do throws(RegistryFile.Failure) { try file.save(contents) } catch { told.current = error }
    }
    // A writer that waits for a reader gets one at the end.
    defer { close(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) }
    try await eventually("it is told") { told.current != nil }
    #expect(told.current?.reason == "open: No such device or address")
  }

  @Test func `a directory that is not there is a failure that says so, and nothing else`() throws {
    let file = RegistryFile(path: directory.url.appending(path: "missing/registry.json").path)
    #expect(file.load() == .nothing)
    #expect(throws: RegistryFile.Failure(reason: "open: No such file or directory")) { try file.save(try contents()) }
  }

  @Test func `what could not be written leaves the file before as it was`() throws {
    let contents = try contents()
    try file.save(contents)
    // A directory blocks the path of the new file.
    try FileManager.default.createDirectory(atPath: file.path + ".new", withIntermediateDirectories: false)
    var other = contents
    other.failovers += 1
    #expect(throws: RegistryFile.Failure.self) { try file.save(other) }
    #expect(file.load() == .contents(contents))
  }

  @Test(arguments: ["", "a b", "ä", String(repeating: "1", count: 60)])
  func `what was saved can be loaded, whatever a node told`(text: String) throws {
    var bench = RegistryBench()
    try bench.announce()
    var report = HealthReport.sample(version: text).leading(epoch: .max)
    (report.lease.since, report.reasons, report.redis.warnings) = (text, [text], [text])
    bench.answer(report.bounded)
    bench.answer(HealthReport.sample(id: text).bounded)
    bench.end("n1", .success(HealthReport.sample(bootID: text).bounded))
    bench.kill()
    #expect(bench.status() == .down && bench.registry.contents.fault == nil)
  }

  // MARK: - Restarts of the coordinator

  @Test func `after a restart known nodes are UNKNOWN or LEFT, and drain marks and history are there`() throws {
    let before = try bench()
    let after = RegistryBench(contents: before.registry.contents)
    #expect(after.status("n1") == .unknown && after.status("n2") == .unknown && after.status("n3") == .left)
    #expect(after.registry.nodes["n1"]?.wanted == .drain && after.registry.nodes["n1"]?.wantedBy == "anna")
    #expect(after.registry.history.entries.dropLast() == before.registry.history.entries[...])
    #expect(after.lastEntry?.reason == "the coordinator started, with 3 nodes known from before")
    #expect(after.registry.wakeUp == Moment.start.instant, "they are asked at once")
  }

  @Test func `a node that is as it was before the restart is so since then; another state is a change`() throws {
    let before = try bench()
    let known = try #require(before.registry.nodes["n2"])
    var after = RegistryBench(contents: before.registry.contents)
    after.now = .at(.seconds(1000))
    let entries = after.registry.history.entries.count
    after.kill("n2")
    #expect(after.status("n2") == .down && after.registry.history.entries.count == entries)
    #expect(after.registry.nodes["n2"]?.since == known.since && after.registry.nodes["n2"]?.reason == known.reason)
    after.kill("n1")
    #expect(after.status("n1") == .down && after.lastEntry?.from == "UP" && after.lastEntry?.to == "DOWN")
    #expect(after.registry.nodes["n1"]?.since == after.now.epochMilliseconds)
  }

  @Test func `what was known is not lost by restarts that follow each other before anything is judged`() throws {
    let contents = try contents()
    let once = RegistryBench(contents: contents).registry.contents
    #expect(once.nodes == contents.nodes)
    #expect(once.leaderTracker.last == contents.leaderTracker.last)
  }
}
