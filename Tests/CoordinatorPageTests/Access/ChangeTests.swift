import Common
import Hummingbird
import HummingbirdTesting
import Testing

@testable import Coordinator

@Suite struct ChangeTests {
  private let bench: SiteBench

  init() throws { bench = try SiteBench() }

  @Test func anAdminTokenChangesWhatIsWantedOfANode() async throws {
    try await bench.test { client in
      for change in ["drain", "undrain", "recheck"] {
        let answer = try await client.send(.post, "/api/v1/nodes/node-2/\(change)", token: SiteBench.adminToken)
        #expect(answer.status == .ok && answer.json["id"] as? String == "node-2")
      }
      let unknown = try await client.send(.post, "/api/v1/nodes/node-9/drain", token: SiteBench.adminToken)
      #expect(unknown.problem == "unknown-node")
    }
    bench.cluster.state.withLock { state in
      #expect(state.wanted.map(\.wanted) == [.drain, .serve] && state.wanted.allSatisfy { $0.operatorName == "alice" })
      #expect(state.rechecked == ["node-2"])
    }
    #expect(bench.log.lines(with: "change asked for").count == 3)
  }

  @Test(arguments: [nil, "wrong", SiteBench.clusterToken])
  func nobodyChangesAnythingWithoutAnAdminToken(token: String?) async throws {
    try await bench.test { client in
      for change in ["drain", "undrain", "recheck"] {
        let answer = try await client.send(.post, "/api/v1/nodes/node-1/\(change)", token: token)
        #expect(answer.problem == "unauthorized", "\(change)")
      }
    }
    bench.cluster.state.withLock { #expect($0.wanted.isEmpty && $0.rechecked.isEmpty) }
  }

  @Test func whereNoAdminTokenIsConfiguredNothingCanBeChanged() async throws {
    let bench = try SiteBench(adminTokens: AccessTokens())
    try await bench.test { client in
      for token in [nil, "", SiteBench.adminToken] {
        let answer = try await client.send(.post, "/api/v1/nodes/node-1/drain", token: token)
        #expect(answer.problem == "admin-disabled")
      }
      #expect(try await client.send(.post, "/login", form: "token=").problem == "admin-disabled")
      let page = try await client.send(.get, "/").text
      #expect(page.contains("No admin token is configured") && !page.contains("<form"))
    }
  }

  @Test func aLogInCarriesChangesOnlyWithTheTokenOfItsForms() async throws {
    try await bench.test { client in
      let (alice, other) = (try await client.logIn(), try await client.logIn())
      let path = "/api/v1/nodes/node-1/drain"
      func post(_ form: String?, cookie: String = alice.cookie) async throws -> TestResponse {
        try await client.send(.post, path, form: form, headers: ["Cookie": cookie])
      }
      #expect(try await post(nil).problem == "unauthorized")
      #expect(try await post("").problem == "unauthorized")
      #expect(try await post(other.form).problem == "unauthorized", "the token of another log-in")
      #expect(try await post(alice.form, cookie: "holdfast_session=0").problem == "unauthorized")
      #expect(bench.cluster.state.withLock { $0.wanted.isEmpty })
      #expect(try await post(alice.form).status == .ok)
      #expect(try await post(alice.form, cookie: "a=b; \(alice.cookie); c=d").status == .ok)
    }
  }

  @Test func aFormOfThePageIsAnsweredWithAPage() async throws {
    try await bench.test { client in
      let alice = try await client.logIn()
      let headers = ["Cookie": alice.cookie, "Accept": "text/html,*/*"]
      let done = try await client.send(.post, "/api/v1/nodes/node-1/drain", form: alice.form, headers: headers)
      #expect(done.status == .seeOther && done.headers[.location] == "/#n-node-1")
      let page = try await client.send(.get, "/", headers: headers)
      #expect(page.text.contains("node-1 is to drain") && page.text.contains("Undrain node-1"))
      #expect(try await !client.send(.get, "/", headers: headers).text.contains("node-1 is to drain"), "told once")
      let unknown = try await client.send(.post, "/api/v1/nodes/nobody/drain", form: alice.form, headers: headers)
      #expect(unknown.status == .notFound && unknown.text.contains("No node nobody is known here"))
      let expired = try await client.send(
        .post, "/api/v1/nodes/node-1/drain", form: alice.form, headers: ["Accept": "text/html"])
      #expect(expired.status == .unauthorized && expired.text.contains("log in on the page"))
    }
  }
}
