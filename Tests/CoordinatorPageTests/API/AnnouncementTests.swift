import Common
import Hummingbird
import HummingbirdTesting
import Testing

@testable import Coordinator

@Suite struct AnnouncementTests {
  private let bench: SiteBench

  init() throws { bench = try SiteBench() }

  @Test func `an announcement is handed on, and what the operator wants is handed back`() async throws {
    bench.cluster.change { $0.nodes.append(Scenes.node("node-4")) }
    try await bench.test { client in
      let serve = try await client.send(
        .post, "/api/v1/nodes", token: SiteBench.clusterToken, json: SiteBench.announcement)
      #expect(serve.status == .ok && serve.text == #"{"wanted":"serve"}"#)
      bench.cluster.change { $0.nodes[3].wanted = "drain" }
      let drain = try await client.send(
        .post, "/api/v1/nodes", token: SiteBench.clusterToken, json: SiteBench.announcement)
      #expect(drain.text == #"{"wanted":"drain"}"#)
    }
    let announced = bench.cluster.state.withLockedValue { $0.announced }
    #expect(
      announced.first
        == Announcement(id: "node-4", bootId: "b4", url: "http://10.0.0.4:8080", version: "0.1.0", state: "serving"))
  }

  @Test(arguments: [nil, "", SiteBench.adminToken, SiteBench.clusterToken + "x"])
  func `nobody announces itself without the cluster token`(token: String?) async throws {
    try await bench.test { client in
      for request in 0..<20 {
        let answer =
          request % 2 == 0
          ? try await client.send(.post, "/api/v1/nodes", token: token, json: SiteBench.announcement)
          : try await client.send(.delete, "/api/v1/nodes/node-1?bootId=b", token: token)
        #expect(answer.problem == "unauthorized" && answer.status == .unauthorized)
        #expect(answer.headers[.wwwAuthenticate]?.hasPrefix("Bearer") == true)
      }
    }
    bench.cluster.state.withLockedValue { #expect($0.announced.isEmpty && $0.left.isEmpty) }
    #expect(bench.log.lines(with: "wrong cluster token").count == 1, "a log is not to fill with it")
  }

  @Test func `where no cluster token is configured, nobody announces itself`() async throws {
    try await SiteBench(clusterToken: nil).test { client in
      for token in ["", "x", SiteBench.clusterToken] {
        let answer = try await client.send(.post, "/api/v1/nodes", token: token, json: SiteBench.announcement)
        #expect(answer.problem == "unauthorized")
      }
    }
  }

  @Test func `what is wrong with a body is told`() async throws {
    @Sendable func post(_ json: String, _ client: any TestClientProtocol) async throws -> TestResponse {
      try await client.send(.post, "/api/v1/nodes", token: SiteBench.clusterToken, json: json)
    }
    try await bench.test { client in
      let missing = try await post(#"{"id":"a","bootId":7}"#, client)
      #expect(missing.problem == "invalid-request")
      let pointers = (missing.json["errors"] as? [[String: String]])?.compactMap { $0["pointer"] }
      #expect(pointers == ["#/bootId", "#/url", "#/version", "#/state"])
      for json in ["", "{", "[]", #"{"id":"a","id":"b"}"#] {
        #expect(try await post(json, client).problem == "invalid-request", "\(json)")
      }
      let filler = String(repeating: " ", count: 8 * 1024 + 1 - SiteBench.announcement.utf8.count)
      #expect(try await post(SiteBench.announcement + filler.dropLast(), client).status == .ok)
      #expect(try await post(SiteBench.announcement + filler, client).problem == "payload-too-large")
      let text = try await client.send(
        .post, "/api/v1/nodes", token: SiteBench.clusterToken, form: SiteBench.announcement)
      #expect(text.problem == "unsupported-media-type")
    }
  }

  @Test(
    arguments: [
      (AnnouncementRefusal.invalid("the URL is not allowed"), 400, "invalid-request"),
      (.idTaken("node-4 is alive"), 409, "node-id-taken"), (.tooMany, 503, "overloaded"),
      (.unknownNode, 404, "unknown-node"),
    ])
  func `a refusal is told by its status`(refusal: AnnouncementRefusal, status: Int, name: String) async throws {
    bench.cluster.state.withLockedValue { $0.refusal = refusal }
    try await bench.test { client in
      let answer = try await client.send(
        .post, "/api/v1/nodes", token: SiteBench.clusterToken, json: SiteBench.announcement)
      #expect(answer.status.code == status && answer.problem == name)
      #expect((answer.headers[.retryAfter] != nil) == (refusal == .tooMany))
      if case .invalid(let detail) = refusal { #expect(answer.json["detail"] as? String == detail) }
      let left = try await client.send(.delete, "/api/v1/nodes/node-4?bootId=b4", token: SiteBench.clusterToken)
      #expect(left.status.code == status)
    }
  }

  @Test func `a node leaves by its id and boot id`() async throws {
    try await bench.test { client in
      let token = SiteBench.clusterToken
      let left = try await client.send(.delete, "/api/v1/nodes/no%64e-1?bootId=b%31", token: token)
      #expect(left.status == .noContent && left.body.readableBytes == 0)
      #expect(try await client.send(.delete, "/api/v1/nodes/node-1", token: token).problem == "invalid-request")
    }
    #expect(bench.cluster.state.withLockedValue { $0.left } == ["node-1 b1"])
  }
}
