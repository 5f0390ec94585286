import Foundation
import TestSupport
import Testing

/// What a node reports about its link to Redis, and when it accepts requests again.
@Suite struct RedisLinkTests {
  private func reasons(_ node: NodeUnderTest) async throws -> String {
    (try await node.send(.ready).json["reasons"] as? [String] ?? []).joined(separator: "; ")
  }

  @Test func `a node whose silent link was closed is not ready again before a new link has served`() async throws {
    let redis = try await PrivateRedis()
    let proxy = try await ChaosProxy(to: redis.port)
    let node = try await NodeUnderTest(redisURL: "redis://127.0.0.1:\(proxy.port)/0")
    try await node.waitUntilReady()
    try await proxy.set(.toClient, .init(drops: true))
    try await eventually("the silence is noticed") { await !node.isReady }
    // This includes the closing of the silent link and the attempts after it.
    try await eventually("new links came to nothing for more than the grace of a lost link") {
      #expect(await !node.isReady, "ready again, and nobody has answered it")
      let attempts = node.logLines(with: "did not answer the handshake").filter { $0.contains("redis.requests") }
      guard let first = attempts.first.flatMap({ instant(of: $0) }) else { return false }
      return Date.now.timeIntervalSince(first) > 1.5
    }
    try await eventually("it says why") {
      try await reasons(node).contains("did not answer the handshake within 500 ms")
    }
    try await proxy.set(.toClient)
    try await node.waitUntilReady()
    #expect(try await node.send(.inventory("unknown")).status == 404, "it is ready, and so it serves")
  }

  private func instant(of line: Substring) -> Date? {
    let record = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
    let form = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    return record?.values.lazy.compactMap { ($0 as? String).flatMap { try? form.parse($0) } }.first
  }

  @Test func `a demoted master that lives on is not read or written, and nodes say whose replica it is`() async throws {
    let (old, new) = (try await PrivateRedis(), try await PrivateRedis())
    let nodes = try await concurrently(0..<3) { index in
      try await NodeUnderTest(redisURL: old.url, settings: ["NODE_ID": "node-\(index)"])
    }
    for node in nodes { try await node.waitUntilReady() }
    #expect(try await nodes[0].send(.setStock("demoted", total: 5)).status == 201)
    let id = try #require(try await nodes[1].send(.reserve("demoted")).text("reservationId"))
    try old.cli("REPLICAOF", "127.0.0.1", "\(new.port)")
    let told = "Redis at 127.0.0.1:\(old.port) is a replica of 127.0.0.1:\(new.port)"
    for node in nodes {
      try await eventually("it is not ready, and says why") { try await reasons(node).contains(told) }
      let calls: [TestRequest] = [
        .reservation(id), .inventory("demoted"), .listStock(), .audit(), .reserve("demoted"), .confirm(id),
      ]
      for call in calls { #expect(try await node.send(call).status == 503, "\(call)") }
      for link in ["requests", "administration", "audit", "lease", "sweep", "releases"] {
        try await eventually("the link of \(link) is left") {
          node.logLines(with: told).contains { $0.contains("redis.\(link)\"") }
        }
      }
    }
    try old.cli("REPLICAOF", "NO", "ONE")
    for node in nodes { try await node.waitUntilReady() }
  }

  @Test
  func `a Redis user that loses its rights: the node is not ready, and says why, until it has them`() async throws {
    let redis = try await PrivateRedis()
    try redis.cli("ACL", "SETUSER", "shop", "on", ">s3cret", "~*", "&*", "+@all")
    let node = try await NodeUnderTest(redisURL: "redis://shop:s3cret@127.0.0.1:\(redis.port)/0")
    try await node.waitUntilReady()
    try redis.cli("ACL", "SETUSER", "shop", "-@all")
    try await eventually("it is not ready, and says why") {
      try await reasons(node).contains("the Redis user lacks a right")
    }
    try await eventually("in /health as well, in Redis's words") {
      let reasons = try await node.send(.health).json["reasons"] as? [String] ?? []
      return reasons.contains { $0.contains("NOPERM") }
    }
    try redis.cli("ACL", "SETUSER", "shop", "+@all")
    try await node.waitUntilReady()
  }

  @Test func `CLIENT LIST and ROLE forbidden: the node serves, and warns in /health and in the log`() async throws {
    let redis = try await PrivateRedis()
    try redis.cli("ACL", "SETUSER", "shop", "on", ">s3cret", "~*", "&*", "+@all", "-role", "-client|list")
    let node = try await NodeUnderTest(redisURL: "redis://shop:s3cret@127.0.0.1:\(redis.port)/0")
    try await node.waitUntilReady()
    try await eventually("it warns of both") {
      let warnings = (try await node.send(.health).json["redis"] as? [String: Any])?["warnings"] as? [String] ?? []
      return ["ROLE", "CLIENT LIST"].allSatisfy { name in warnings.contains { $0.contains(name) } }
    }
    #expect(await node.isReady)
    #expect(node.logLines(with: "may not run CLIENT LIST").count == 1)
  }
}
