import Foundation
import TestSupport
import Testing

/// A log reader that stops reading blocks nobody.
@Suite struct LogReaderTests {
  /// Far more lines than a pipe holds.
  private static let requests = 2000

  private static func expectNotHeldUp(_ server: some ServerUnderTest, paths: [String]) async throws {
    let answered = try await concurrently(0..<8) { client -> String? in
      for number in 0..<(requests / 8) {
        let path = paths[(client + number) % paths.count]
        let answer = try await server.send(TestRequest("GET", path), within: .seconds(60))
        guard (200..<500).contains(answer.status) else { return "\(answer)" }
      }
      return nil
    }
    #expect(answered.compactMap(\.self).isEmpty)
    #expect(try await server.send(TestRequest("GET", "/health/live"), within: .seconds(60)).status == 200)
    // At its end, the process waits only a limited time for the rest of the log.
    server.process.signal(SIGTERM)
    try await eventually("the process ends") { !server.process.isRunning }
    #expect(server.process.exitCode == 0)
  }

  @Test
  func `a node whose stderr nobody reads keeps serving, counts dropped lines, and ends when told to`() async throws {
    let redis = try await PrivateRedis()
    let log = Pipe()
    let node = try await NodeUnderTest(
      redisURL: redis.url,
      settings: [
        "PORT": "\(try FreePort.find())", "LOG_REQUESTS": "true", "LOG_LEVEL": "debug", "DRAIN_DELAY": "0",
      ], surroundings: Surroundings(standardError: log.fileHandleForWriting))
    try await node.waitUntilReady()
    // Long IDs fill more than the queue for the reader.
    let request = TestRequest("GET", "/nowhere").with("X-Request-ID", String(repeating: "i", count: 128)).bytes
    try await eventually("lines are dropped") {
      let connection = try await RawConnection(port: node.port)
      for _ in 0..<500 { connection.send(request) }
      _ = try await connection.answers(500, within: .seconds(60))
      let metrics = try await node.send(TestRequest("GET", "/metrics")).text
      return metrics.split(separator: "\n").contains {
        $0.hasPrefix("holdfast_log_lines_dropped_total ") && !$0.hasSuffix(" 0")
      }
    }
    try await Self.expectNotHeldUp(node, paths: ["/health/live", "/nowhere", "/inventory/a", "/inventory"])
  }

  @Test func `a coordinator whose stderr nobody reads keeps serving, and ends when it is told to`() async throws {
    let log = Pipe()
    let coordinator = try await CoordinatorUnderTest(
      settings: ["PORT": "\(try FreePort.find())", "LOG_LEVEL": "trace"],
      surroundings: Surroundings(standardError: log.fileHandleForWriting))
    try await Self.expectNotHeldUp(coordinator, paths: ["/health/live", "/nowhere", "/api/v1/cluster"])
  }
}
