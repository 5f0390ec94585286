import Foundation
import TestSupport
import Testing

@Suite struct LogNumbersTests {
  /// Fields whose texts may look like numbers, because they are names given by others.
  private static let names: Set<String> = ["requestID", "node", "id", "operator", "reconnects"]

  /// Text values that look like numbers or durations.
  private static func suspects(in log: String) throws -> [String] {
    try log.split(separator: "\n").flatMap { line in
      let json = try? JSONSerialization.jsonObject(with: Data(line.utf8))
      let record = try #require(json as? [String: Any], "no JSON: \(line)")
      return record.compactMap { name, value -> String? in
        guard let text = value as? String, !names.contains(name) else { return nil }
        let number = #/-?[0-9]+(\.[0-9]+)?( ?(s|ms|seconds|milliseconds))?/#
        return text.wholeMatch(of: number) == nil ? nil : "\(name): \(text)"
      }
    }
  }

  @Test func `values that are numbers are JSON numbers in the logs of node and coordinator`() async throws {
    let redis = try await PrivateRedis()
    let coordinator = try await CoordinatorUnderTest(settings: ["LOG_LEVEL": "debug"])
    let node = try await NodeUnderTest(
      redisURL: redis.url,
      settings: [
        "LOG_LEVEL": "debug", "LOG_REQUESTS": "true", "DRAIN_DELAY": "0", "COORDINATOR_URL": coordinator.url,
        "CLUSTER_TOKEN": CoordinatorUnderTest.clusterToken,
      ])
    try await node.waitUntilReady()
    _ = try await node.send(.setStock("numbers", total: 5))
    _ = try await node.send(.adjustStock("numbers", by: 2))
    _ = try await node.send(.reserve("numbers", 9))
    _ = try await node.send(TestRequest("GET", "/inventory").bearer("wrong"))
    _ = try await coordinator.send(TestRequest("POST", "/api/v1/nodes/x/drain").bearer("wrong"))
    try await eventually("it leads, and is known") {
      !node.logLines(with: "leads from now on").isEmpty && !coordinator.logLines(with: "\"UP\"").isEmpty
    }
    for server in [node.process, coordinator.process] { server.signal(SIGTERM) }
    try await eventually("both have ended") { !node.process.isRunning && !coordinator.process.isRunning }
    for log in [node.log, coordinator.log] {
      // The log must not contain a whole token.
      for secret in [CoordinatorUnderTest.clusterToken, NodeUnderTest.adminToken] { #expect(!log.contains(secret)) }
    }
    #expect(try Self.suspects(in: node.log) == [])
    #expect(try Self.suspects(in: coordinator.log) == [])
    let request = try #require(node.logLines(with: #""operation":"set-stock""#).first)
    #expect(request.contains(#""status":201"#) && request.contains(#/"microseconds":[0-9]+/#))
    #expect(node.logLines(with: "draining").first?.contains(#""seconds":0.0"#) == true)
  }
}
