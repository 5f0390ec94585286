import Foundation
import TestSupport
import Testing

/// What a node reports about itself: metrics and log.
@Suite(
  .cluster(nodes: 1, settings: ["LOG_LEVEL": "trace", "LOG_REQUESTS": "true", "CLIENT_TOKEN": "token-of-the-shop"]))
struct ObservationTests {
  private let cluster = TestCluster.current!

  /// Sends good and bad requests of many kinds. Their tokens must appear nowhere.
  private func traffic() async throws {
    _ = try await cluster.send(.setStock("seen", total: 1).key("the-key"))
    for token in ["token-of-the-shop", "a-wrong-token", NodeUnderTest.adminToken] {
      _ = try await cluster.send(.reserve("seen").bearer(token))
      _ = try await cluster.send(.reserve("unknown").bearer(token).with("X-Request-ID", "seen-in-the-log"))
      _ = try await cluster.send(TestRequest("GET", "/inventory/seen?token=x").bearer(token))
      _ = try await cluster.send(TestRequest("GET", "/nowhere").bearer(token))
    }
  }

  @Test
  func `/metrics is what Prometheus reads, by promtool, and counts requests by operation and outcome`() async throws {
    // A node on a busy machine may answer "try again".
    var metrics = try await cluster.succeed(TestRequest("GET", "/metrics"))
    let outcomes = ["insufficient-stock", "unknown-sku", "unauthorized", "not-found"]
    try await eventually("each outcome is counted") {
      try await traffic()
      metrics = try await cluster.succeed(TestRequest("GET", "/metrics"))
      let counts = metrics.text.split(separator: "\n").filter { $0.contains("request_duration_seconds_count") }
      return outcomes.allSatisfy { outcome in counts.contains { $0.contains("outcome=\"\(outcome)\"") } }
    }
    #expect(metrics.header("Content-Type")?.hasPrefix("text/plain; version=0.0.4") == true)
    let file = try TemporaryDirectory()
    try metrics.text.write(to: file.url.appending(path: "metrics"), atomically: true, encoding: .utf8)
    _ = try Shell.find("promtool")
    let complaints = try Shell.run("sh", ["-c", "promtool check metrics < '\(file.url.path)/metrics' && echo fine"])
    #expect(complaints == "fine")

    let lines = metrics.text.split(separator: "\n")
    #expect(lines.allSatisfy { $0.hasPrefix("#") || $0.hasPrefix("holdfast_") || $0.hasPrefix("process_") })
    try await eventually("the gauges are set") {
      try await cluster.succeed(TestRequest("GET", "/metrics")).text.contains("\nholdfast_redis_up 1\n")
    }
  }

  @Test
  func `a logged request has its client's address; X-Forwarded-For counts from a trusted proxy only`() async throws {
    let request = TestRequest("GET", "/inventory/seen").with("X-Forwarded-For", "198.51.100.7")
    _ = try await cluster.send(request.with("X-Request-ID", "forged-forwarded-for"))
    func clientInTheLog() throws -> String? {
      let line = cluster.nodes[0].log.split(separator: "\n").first { $0.contains("forged-forwarded-for") }
      guard let line else { return nil }
      return (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["client"] as? String
    }
    try await eventually("the request is in the log") { try clientInTheLog() != nil }
    #expect(try clientInTheLog() == "127.0.0.1")
  }

  @Test
  func `every line of the log is a JSON object, requests are found by their id, and no token is in it`() async throws {
    try await traffic()
    try await eventually("the request is in the log") { cluster.nodes[0].log.contains("seen-in-the-log") }
    let log = cluster.nodes[0].log
    for line in log.split(separator: "\n") {
      let record = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      #expect(["timestamp", "level", "message"].allSatisfy { record?[$0] is String }, "\(line)")
    }
    for secret in ["token-of-the-shop", "a-wrong-token", NodeUnderTest.adminToken] {
      #expect(!log.contains(secret))
      #expect(try await !cluster.succeed(TestRequest("GET", "/metrics")).text.contains(secret))
      #expect(try await !cluster.succeed(.health).text.contains(secret))
    }
  }
}
