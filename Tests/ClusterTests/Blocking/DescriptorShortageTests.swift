import Foundation
import TestSupport
import Testing

/// Without free file descriptors, connections wait and the processor stays idle. Afterwards all is as before.
@Suite struct DescriptorShortageTests {
  /// How long the server waits after each failure to accept a connection.
  private static let pause = Duration.milliseconds(200)

  /// Sends requests on a connection made before the shortage. New connections are not accepted.
  private final class Watcher {
    private let connection: RawConnection
    private var asked = 0

    init(_ server: some ServerUnderTest) async throws { connection = try await RawConnection(port: server.port) }

    /// How many attempts to accept a connection have failed.
    func failures() async throws -> Int {
      asked += 1
      connection.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
      let metrics = try await connection.answers(asked)[asked - 1].text
      let line = metrics.split(separator: "\n").first { $0.hasPrefix("holdfast_accept_pauses_total ") }
      return try #require(line?.split(separator: " ").last.flatMap { Int($0) }, "\(metrics)")
    }
  }

  private struct Before {
    var failures: Int
    var instant = ContinuousClock.now
  }

  /// - Parameters:
  ///   - shortage: the log message about it.
  ///   - during: checks while it lasts. It gets the values from before the shortage.
  ///   - after: further checks afterwards.
  private static func expectBorne(
    _ server: some ServerUnderTest, shortage: String, during: (Watcher, Before) async throws -> Void,
    after: () async throws -> Void = {}
  ) async throws {
    let watcher = try await Watcher(server)
    let before = Before(failures: try await watcher.failures())
    var held: [RawConnection] = []
    // Fewer than the kernel's backlog for a server that does not accept.
    for _ in 0..<200 { held.append(try await RawConnection(port: server.port)) }
    try await eventually("it is out of descriptors") {
      !server.logLines(with: shortage).isEmpty
    }
    try await during(watcher, before)
    // It is logged once for many attempts. On a slow machine the shortage may end and start again meanwhile.
    #expect(server.logLines(with: shortage).count <= 1 + server.logLines(with: "connections are accepted again").count)

    for connection in held { connection.close() }
    held = []
    try await eventually("it accepts again") {
      (try? await server.send(TestRequest("GET", "/health/live"), within: .seconds(5)))?.status == 200
    }
    try await after()
    #expect(server.process.isRunning)
  }

  @Test func `a node with few descriptors bears more connections than it has descriptors for`() async throws {
    let redis = try await PrivateRedis()
    let node = try await NodeUnderTest(redisURL: redis.url, surroundings: Surroundings(openFiles: 48))
    try await node.waitUntilReady()
    try await Self.expectBorne(node, shortage: "no connections can be accepted at present") { watcher, before in
      var more = 0
      try await eventually("it is tried again and again") {
        more = try await watcher.failures() - before.failures
        return more >= 5
      }
      // A pause follows each failure, so a busy machine has fewer failures and never more.
      let took = ContinuousClock.now - before.instant
      #expect(Self.pause * (more - 1) <= took, "\(more) times in \(took)")
    } after: {
      try await eventually("it says so") { !node.logLines(with: "connections are accepted again").isEmpty }
    }
    try await node.waitUntilReady()
  }

  @Test func `a coordinator with few descriptors bears more connections than it has descriptors for`() async throws {
    let coordinator = try await CoordinatorUnderTest(surroundings: Surroundings(openFiles: 64))
    try await Self.expectBorne(coordinator, shortage: "all connections are taken") { watcher, before in
      // It has as many as it may have and does not try to open more.
      for _ in 0..<20 {
        let failures = try await watcher.failures()
        #expect(failures == before.failures)
      }
    }
  }
}
