import Foundation
import TestSupport
import Testing

/// Which callers may make which calls.
@Suite struct AccessTests {
  private static let adminCalls: [TestRequest] = [
    TestRequest("PUT", "/inventory/access", json: #"{"total":5}"#),
    TestRequest("POST", "/inventory/access/adjust", json: #"{"delta":1}"#),
    TestRequest("DELETE", "/inventory/access"), TestRequest("GET", "/inventory"), TestRequest("GET", "/audit"),
  ]

  private static func expectUnauthorized(_ answer: TestAnswer, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(answer.problem == "unauthorized", "\(answer)", sourceLocation: sourceLocation)
    #expect(answer.header("WWW-Authenticate")?.hasPrefix("Bearer") == true, sourceLocation: sourceLocation)
  }

  @Suite(.cluster(nodes: 1)) struct OpenShop {
    @Test func `admin calls are 401 without the admin token, with a wrong one, and in a wrong form`() async throws {
      let cluster = TestCluster.current!
      let token = NodeUnderTest.adminToken
      let forms = [
        "Bearer", "Bearer ", "Bearer x", "Bearer \(token)x", "Bearer \(token.dropLast())",
        "Bearer \(token.uppercased())",
        "Basic \(token)", token, "Bearer \(token) x", "Bearer  \(token)x",
      ]
      for call in adminCalls {
        expectUnauthorized(try await cluster.send(call))
        for form in forms { expectUnauthorized(try await cluster.send(call.with("Authorization", form))) }
        expectUnauthorized(try await cluster.send(call.asAdmin.asAdmin))
      }
      // Access is checked before the content of the request.
      expectUnauthorized(
        try await cluster.send(TestRequest("PUT", "/inventory/-", json: "no JSON").key("bad key")))
      #expect(try await cluster.send(.inventory("access")).problem == "unknown-sku")
    }

    @Test func `the shop is open without a client token, and the scheme is taken in any case`() async throws {
      let cluster = TestCluster.current!
      let admin = TestRequest("PUT", "/inventory/open", json: #"{"total":5}"#)
      #expect(try await cluster.send(admin.with("Authorization", "bEARER \(NodeUnderTest.adminToken)")).status == 201)
      #expect(try await cluster.send(.reserve("open")).status == 201)
      #expect(try await cluster.send(.reserve("open").bearer("whatever")).status == 201)
    }

    @Test func `on an open shop all callers are one: a key is the same whatever token comes with it`() async throws {
      let cluster = TestCluster.current!
      try await cluster.succeed(.setStock("one", total: 5))
      let first = try await cluster.succeed(.reserve("one").key("shared").bearer("a"))
      let again = try await cluster.succeed(.reserve("one").key("shared").bearer("b"))
      #expect(again.isReplay && again.body == first.body)
    }
  }

  @Suite(.cluster(nodes: 1, settings: ["CLIENT_TOKEN": "shop-token"])) struct ClosedShop {
    @Test func `shop calls need the client token, admin calls the admin token, health needs none`() async throws {
      let cluster = TestCluster.current!
      let shopCalls: [TestRequest] = [
        .reserve("a"), .confirm("a"), .cancel("a"), .extend("a", ttl: 1), .reservation("a"), .inventory("a"),
      ]
      for call in shopCalls {
        expectUnauthorized(try await cluster.send(call))
        expectUnauthorized(try await cluster.send(call.asAdmin))
        #expect(try await cluster.send(call.bearer("shop-token")).status == 404)
      }
      for call in adminCalls { expectUnauthorized(try await cluster.send(call.bearer("shop-token"))) }
      for path in ["/health/live", "/health/ready", "/health", "/metrics", "/openapi.yaml"] {
        #expect(try await cluster.send(TestRequest("GET", path)).status == 200)
      }
    }
  }

  @Suite(.cluster(nodes: 1, settings: ["ADMIN_TOKEN": ""])) struct NoAdmin {
    @Test func `without an admin token admin calls are 403 admin-disabled, whatever they bring`() async throws {
      for call in adminCalls {
        #expect(try await TestCluster.current.send(call).problem == "admin-disabled")
        #expect(try await TestCluster.current.send(call.asAdmin).problem == "admin-disabled")
        #expect(try await TestCluster.current.send(call.bearer("")).status == 403)
      }
    }
  }

  @Test
  func `a key's scope is the token's name: two tokens of one name share it, another name does not`() async throws {
    let directory = try TemporaryDirectory()
    func file(_ name: String, _ lines: String) throws -> String {
      let path = directory.url.appending(path: name)
      try lines.write(to: path, atomically: true, encoding: .utf8)
      return path.path
    }
    let redis = try await PrivateRedis()
    let admins = try file("admins", "ops:\(NodeUnderTest.adminToken)\nops:new-admin-token\n")
    let before = try file("before", "# the shops\nweb:old-token\n\napp:app-token\n")
    let during = try file("during", "web:old-token\nweb:new-token\napp:app-token\n")
    let after = try file("after", "web:new-token\napp:app-token\n")
    let nodes = try await concurrently([before, during, after]) { clients in
      let node = try await NodeUnderTest(
        redisURL: redis.url, settings: ["CLIENT_TOKENS_FILE": clients, "ADMIN_TOKENS_FILE": admins])
      try await node.waitUntilReady()
      return node
    }
    let stocked = try await nodes[0].send(.setStock("rotation", total: 5).key("stock"))
    let restocked = try await nodes[1].send(
      TestRequest("PUT", "/inventory/rotation", json: #"{"total":5}"#).bearer("new-admin-token").key("stock"))
    #expect(stocked.status == 201 && restocked.isReplay && restocked.body == stocked.body)

    let call = TestRequest.reserve("rotation").key("order-1")
    let first = try await nodes[0].send(call.bearer("old-token"))
    #expect(first.status == 201)
    for (node, token) in [(nodes[1], "old-token"), (nodes[1], "new-token"), (nodes[2], "new-token")] {
      let replay = try await node.send(call.bearer(token))
      #expect(replay.isReplay && replay.status == 201 && replay.body == first.body)
    }
    Self.expectUnauthorized(try await nodes[0].send(call.bearer("new-token")))
    Self.expectUnauthorized(try await nodes[2].send(call.bearer("old-token")))
    let other = try await nodes[1].send(call.bearer("app-token"))
    #expect(other.status == 201 && !other.isReplay && other.id != first.id)
  }
}
