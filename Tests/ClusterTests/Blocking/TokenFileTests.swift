import Foundation
import TestSupport
import Testing

/// SIGHUP makes the process read the token files again and does not end it.
@Suite struct TokenFileTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func write(_ text: String, to name: String) throws -> String {
    let path = directory.url.appending(path: name)
    try text.write(to: path, atomically: true, encoding: .utf8)
    return path.path
  }

  @Test
  func `at SIGHUP a node reads its token files again; a bad file leaves the old tokens and an error`() async throws {
    let redis = try await PrivateRedis()
    let admins = try write("ops:first-token-of-ops\n", to: "admins")
    let clients = try write("shop:first-token-of-shop\n", to: "clients")
    let node = try await NodeUnderTest(
      redisURL: redis.url, settings: ["ADMIN_TOKENS_FILE": admins, "CLIENT_TOKENS_FILE": clients])
    try await node.waitUntilReady()
    func status(_ call: TestRequest, _ token: String) async throws -> Int {
      try await node.send(call.bearer(token)).status
    }
    let list = TestRequest("GET", "/inventory")
    #expect(try await status(list, "first-token-of-ops") == 200)
    _ = try write("ops:second-token-of-ops\nboss:a-token-of-boss-1\n", to: "admins")
    _ = try write("shop:second-token-of-shop\n", to: "clients")
    #expect(try await status(list, "second-token-of-ops") == 401, "not before it is told to")
    node.process.signal(SIGHUP)
    try await eventually("the new tokens are valid") { try await status(list, "second-token-of-ops") == 200 }
    #expect(try await status(list, "first-token-of-ops") == 401)
    #expect(try await status(list, "a-token-of-boss-1") == 200)
    #expect(try await status(.inventory("a"), "second-token-of-shop") == 404)
    #expect(try await status(.inventory("a"), "first-token-of-shop") == 401)

    _ = try write("no token at all", to: "admins")
    node.process.signal(SIGHUP)
    try await eventually("it says why not") { !node.logLines(with: "the old ones stay").isEmpty }
    #expect(try await status(list, "second-token-of-ops") == 200 && node.process.isRunning)
    let told = try #require(node.logLines(with: "tokens have been read anew").first)
    #expect(told.contains(#""adminNames":["ops","boss"]"#) && told.contains(#""clientNames":["shop"]"#))
    #expect(!node.log.contains("token-of"))
  }

  @Test
  func `at SIGHUP a coordinator reads its token files again: operators' tokens and the cluster token`() async throws {
    let admins = try write("ops:first-token-of-ops\n", to: "admins")
    let cluster = try write("first-token-of-cluster\n", to: "cluster")
    let coordinator = try await CoordinatorUnderTest(
      settings: ["ADMIN_TOKENS_FILE": admins, "CLUSTER_TOKEN_FILE": cluster])
    let change = TestRequest("POST", "/api/v1/nodes/nobody/drain")
    let leave = TestRequest("DELETE", "/api/v1/nodes/nobody?bootId=x")
    func status(_ call: TestRequest, _ token: String) async throws -> Int {
      try await coordinator.send(call.bearer(token)).status
    }
    #expect(try await status(change, "first-token-of-ops") == 404)
    #expect(try await status(leave, "first-token-of-cluster") == 404)
    _ = try write("ops:second-token-of-ops\n", to: "admins")
    _ = try write("second-token-of-cluster\n", to: "cluster")
    coordinator.process.signal(SIGHUP)
    try await eventually("the new tokens are valid") { try await status(change, "second-token-of-ops") == 404 }
    #expect(try await status(change, "first-token-of-ops") == 401)
    #expect(try await status(leave, "first-token-of-cluster") == 401)
    #expect(try await status(leave, "second-token-of-cluster") == 404 && coordinator.process.isRunning)
  }

  @Test func `a node announces itself with the token that its file holds now`() async throws {
    let redis = try await PrivateRedis()
    let (old, new) = (try write("first-token-of-cluster\n", to: "cluster"), "second-token-of-cluster")
    let coordinator = try await CoordinatorUnderTest(settings: ["CLUSTER_TOKEN": new])
    let node = try await NodeUnderTest(
      redisURL: redis.url, settings: ["COORDINATOR_URL": coordinator.url, "CLUSTER_TOKEN_FILE": old, "NODE_ID": "n1"])
    try await eventually("it is refused") { !node.logLines(with: "not announced").isEmpty }
    _ = try write(new, to: "cluster")
    node.process.signal(SIGHUP)
    try await eventually("it is known") {
      try await coordinator.send(TestRequest("GET", "/api/v1/cluster")).text.contains("\"n1\"")
    }
  }

  @Test
  func `a token that is easily guessed is warned about at the start, by its name and never by itself`() async throws {
    let redis = try await PrivateRedis()
    let admins = try write("ops:a-good-long-token-1\nboss:tiny\n", to: "admins")
    let node = try await NodeUnderTest(
      redisURL: redis.url, settings: ["ADMIN_TOKENS_FILE": admins, "CLIENT_TOKEN": "little"])
    let coordinator = try await CoordinatorUnderTest(settings: ["ADMIN_TOKENS_FILE": admins, "CLUSTER_TOKEN": "small"])
    try await eventually("both have warned") {
      node.logLines(with: "easily guessed").count == 2 && coordinator.logLines(with: "easily guessed").count == 2
    }
    for log in [node.log, coordinator.log] {
      #expect(log.contains(#""names":["boss"]"#) && !log.contains("tiny") && !log.contains("little"))
    }
  }

  @Test func `wrong tokens are counted, and told in the log by address, not each`() async throws {
    let redis = try await PrivateRedis()
    let node = try await NodeUnderTest(redisURL: redis.url)
    try await node.waitUntilReady()
    for number in 0..<12 {
      let answer = try await node.send(TestRequest("GET", "/inventory").bearer("guess-\(number)"))
      #expect(answer.status == 401)
    }
    #expect(try await node.send(TestRequest("GET", "/inventory").asAdmin).status == 200)
    let metrics = try await node.send(TestRequest("GET", "/metrics")).text
    #expect(metrics.contains("holdfast_wrong_tokens_total 12\n"))
    try await eventually("it is told") { !node.logLines(with: "wrong tokens").isEmpty }
    #expect(node.logLines(with: "wrong tokens").count == 1 && node.log.contains("127.0.0.1"))
    #expect(!node.log.contains("guess-"))
  }
}
