import Foundation
import TestSupport
import Testing

/// How a node checks its Redis and its own settings at the start.
@Suite struct StartCheckTests {
  /// Runs a node that must end by itself. Returns its exit code and its output without log lines.
  private func failedStart(redisURL: String, _ settings: [String: String]) async throws -> (code: Int32, said: [String])
  {
    let directory = try TemporaryDirectory()
    let process = try NodeUnderTest.start(redisURL: redisURL, settings: settings, logs: directory)
    try await eventually("the node ends") { !process.isRunning }
    return (process.exitCode, process.log.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("{") })
  }

  @Test func `a Redis that evicts is refused at start: exit code 78 and one clear line`() async throws {
    let redis = try await PrivateRedis(options: ["--maxmemory-policy", "allkeys-lru"])
    let (code, said) = try await failedStart(redisURL: redis.url, [:])
    #expect(code == 78)
    #expect(said.count == 1, "\(said)")
    #expect(said.first?.contains("allkeys-lru") == true && said.first?.contains("noeviction") == true)
  }

  private func warnings(of node: NodeUnderTest) async throws -> [String] {
    (try await node.send(.health).json["redis"] as? [String: Any])?["warnings"] as? [String] ?? []
  }

  @Test func `a policy that is changed to eviction later is warned of, and the node keeps serving`() async throws {
    let redis = try await PrivateRedis()
    let node = try await NodeUnderTest(redisURL: redis.url)
    try await node.waitUntilReady()
    #expect(try await warnings(of: node) == [])
    try redis.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try await eventually("the node warns") { try await warnings(of: node).first?.contains("allkeys-lru") == true }
    #expect(await node.isReady)
  }

  @Test func `a Redis without append-only file is warned of, in /health and in the log`() async throws {
    let redis = try await PrivateRedis(options: ["--appendonly", "no"])
    let node = try await NodeUnderTest(redisURL: redis.url)
    try await node.waitUntilReady()
    var warnings: [String] = []
    try await eventually("the node warns") {
      warnings = try await self.warnings(of: node)
      return !warnings.isEmpty
    }
    #expect(warnings.count == 1 && warnings.first?.contains("appendonly no") == true)
    try await eventually("the log tells it") { node.log.contains("appendonly no") }
  }

  @Test func `where an ACL forbids CONFIG, the node serves, and says that it could not check`() async throws {
    let redis = try await PrivateRedis()
    try redis.cli("ACL", "SETUSER", "holdfast", "on", ">password-of-redis", "~*", "&*", "+@all", "-config")
    let url = redis.url.replacingOccurrences(of: "redis://", with: "redis://holdfast:password-of-redis@")
    let node = try await NodeUnderTest(redisURL: url)
    try await node.waitUntilReady()
    try await eventually("the node warns") { try await warnings(of: node).first?.contains("could not check") == true }
    #expect(try await node.send(.setStock("acl", total: 1)).status == 201)
    #expect(try await node.send(.reserve("acl")).status == 201)
    #expect(!node.log.contains("password-of-redis"))
  }

  @Test
  func `a wrong password of Redis keeps the node from being ready, and is in no answer and no log`() async throws {
    let redis = try await PrivateRedis()
    try redis.cli("CONFIG", "SET", "requirepass", "the-right-password")
    let url = redis.url.replacingOccurrences(of: "redis://", with: "redis://:a-wrong-password@")
    let node = try await NodeUnderTest(redisURL: url)
    try await eventually("it tells why") { try await node.send(.ready).text.contains("WRONGPASS") }
    #expect(!node.log.contains("a-wrong-password"))
    #expect(try await !node.send(.health).text.contains("a-wrong-password"))
  }

  @Test(
    arguments: [
      ("PORT", "70000"), ("DRAIN_DELAY", "-1"), ("MAX_QUANTITY", "0"), ("MAX_TTL_SECONDS", "3601"),
      ("RETENTION_SECONDS", "3599"),
      ("LOG_LEVEL", "loud"), ("NODE_ID", "a b"), ("CLIENT_TOKEN", "with space"), ("REDIS_URL", "http://:hush@x"),
      ("CLIENT_TOKENS_FILE", "/nowhere/tokens"), ("ADMIN_TOKENS_FILE", "/dev/null"), ("CONFIG", "/nowhere/config"),
      ("CLIENT_TOKEN", NodeUnderTest.adminToken), ("COORDINATOR_URL", "http://127.0.0.1:1"),
      ("COORDINATOR_URL", "127.0.0.1:1"), ("ADVERTISED_URL", "http://127.0.0.1/node"),
      ("CLUSTER_TOKEN", "with space"), ("CLUSTER_TOKEN_FILE", "/nowhere/token"),
    ])
  func `a bad setting ends the start with exit code 78 and one line that names it, without a secret`(
    name: String, value: String
  ) async throws {
    let (code, said) = try await failedStart(redisURL: "redis://127.0.0.1:1/0", [name: value])
    #expect(code == 78)
    #expect(said.count == 1, "\(said)")
    let key = name.lowercased().split(separator: "_").joined()
    #expect(said.first?.lowercased().replacingOccurrences(of: " ", with: "").contains(key) == true, "\(said)")
    for secret in ["hush", "with space", NodeUnderTest.adminToken] { #expect(!said.joined().contains(secret)) }
  }

  @Test(
    arguments: [
      (["REDIS_CA_FILE": "/nowhere/ca"], #"setting redisCaFile: file "/nowhere/ca": No such file or directory"#),
      (["REDIS_CA_FILE": "/dev/null"], #"setting redisCaFile: file "/dev/null": not a regular file"#),
      (
        ["REDIS_CERT_FILE": "/nowhere/c", "REDIS_KEY_FILE": "/nowhere/k"],
        #"setting redisCertFile: file "/nowhere/c": No such file or directory"#
      ),
      (["REDIS_CERT_FILE": "/nowhere/c"], "each needs the other"),
    ])
  func `a file for TLS that can't be used ends the start with exit code 78 and one line that names it`(
    settings: [String: String], words: String
  ) async throws {
    let (code, said) = try await failedStart(redisURL: "rediss://127.0.0.1:1/0", settings)
    #expect(code == 78 && said.count == 1 && said.first?.contains(words) == true, "\(said)")
  }
}
