import Common
import Hummingbird
import HummingbirdTesting
import Testing

@testable import Coordinator

@Suite struct ChangeTests {
  private let bench: SiteBench

  init() throws { bench = try SiteBench() }

  @Test func `an admin token changes what is wanted of a node`() async throws {
    try await bench.test { client in
      for change in ["drain", "undrain", "recheck"] {
        let answer = try await client.send(.post, "/api/v1/nodes/node-2/\(change)", token: SiteBench.adminToken)
        #expect(answer.status == .ok && answer.json["id"] as? String == "node-2")
      }
      let unknown = try await client.send(.post, "/api/v1/nodes/node-9/drain", token: SiteBench.adminToken)
      #expect(unknown.problem == "unknown-node")
    }
    bench.cluster.state.withLockedValue { state in
      #expect(state.wanted.map(\.wanted) == [.drain, .serve] && state.wanted.allSatisfy { $0.operatorName == "alice" })
      #expect(state.rechecked == ["node-2"])
    }
    #expect(bench.log.lines(with: "change asked for").count == 3)
  }

  @Test(arguments: [nil, "wrong", SiteBench.clusterToken])
  func `nobody changes anything without an admin token`(token: String?) async throws {
    try await bench.test { client in
      for change in NodeChange.allCases {
        let answer = try await client.send(.post, "/api/v1/nodes/node-1/\(change)", token: token)
        #expect(answer.problem == "unauthorized", "\(change)")
      }
    }
    bench.cluster.state.withLockedValue { #expect($0.wanted.isEmpty && $0.rechecked.isEmpty) }
  }

  @Test func `where no admin token is configured, nothing can be changed`() async throws {
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

  @Test func `a log-in carries changes only with the token of its forms`() async throws {
    try await bench.test { client in
      let (alice, other) = (try await client.logIn(), try await client.logIn())
      let path = "/api/v1/nodes/node-1/drain"
      func post(_ form: String?, cookie: String = alice.cookie) async throws -> TestResponse {
        try await client.send(.post, path, form: form, headers: ["Cookie": cookie])
      }
      #expect(try await post(nil).problem == "unauthorized")
      #expect(try await post("").problem == "unauthorized")
      #expect(try await post(other.form).problem == "unauthorized", "the token of another log-in")
      #expect(try await post(alice.form, cookie: alice.cookie.prefix { $0 != "=" } + "=0").problem == "unauthorized")
      #expect(bench.cluster.state.withLockedValue { $0.wanted.isEmpty })
      #expect(try await post(alice.form).status == .ok)
      #expect(try await post(alice.form, cookie: "a=b; \(alice.cookie); c=d").status == .ok)
    }
  }

  @Test func `a loss is acknowledged by whoever may change things, and by nobody else`() async throws {
    let loss = HealthReport.Store.Loss(
      seenIdentity: "9c1f", seenMark: 1, foundIdentity: nil, foundMark: nil, since: "2026-11-22T08:45:00.123Z")
    bench.cluster.change { $0.store.loss = loss }
    let path = "/api/v1/store/acknowledge"
    try await bench.test { client in
      for token in [nil, "wrong", SiteBench.clusterToken] {
        #expect(try await client.send(.post, path, token: token).problem == "unauthorized")
      }
      #expect(try await !client.send(.get, "/").text.contains(path), "nobody has logged in")
      let (alice, other) = (try await client.logIn(), try await client.logIn())
      let headers = ["Cookie": alice.cookie, "Accept": "text/html,*/*"]
      #expect(try await client.send(.get, "/", headers: headers).text.contains("formaction=\"\(path)\""))
      let foreign = try await client.send(.post, path, form: other.form, headers: headers)
      #expect(foreign.status == .unauthorized && bench.cluster.state.withLockedValue { $0.acknowledgedBy.isEmpty })
      let done = try await client.send(.post, path, form: alice.form, headers: headers)
      #expect(done.status == .seeOther && bench.cluster.state.withLockedValue { $0.acknowledgedBy } == ["alice"])
      #expect(try await client.send(.get, "/", headers: headers).text.contains("the store is taken as it is now"))
      let again = try await client.send(.post, path, token: SiteBench.adminToken)
      #expect(again.status == .ok && again.text.contains("nothing to acknowledge"))
    }
    #expect(bench.log.lines(with: "loss of data acknowledged").count == 1)
  }

  @Test func `a form of the page is answered with a page`() async throws {
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

  // MARK: - Forgetting

  @Test func `a node that is gone can be forgotten, and one that is alive cannot`() async throws {
    let bench = try SiteBench(Scenes.nodeGone)
    try await bench.test { client in
      func forget(_ id: String) async throws -> TestResponse {
        try await client.send(.post, "/api/v1/nodes/\(id)/forget", token: SiteBench.adminToken)
      }
      let alive = try await forget("node-1")
      #expect(alive.status == .conflict && alive.problem == "node-alive" && alive.text.contains("node-1 is UP"))
      #expect(try await forget("nobody").problem == "unknown-node")
      let down = try await forget("node-2")
      #expect(down.status == .ok && (down.json["message"] as? String)?.contains("it is a new node") == true)
      #expect(try await forget("node-2").problem == "unknown-node")
      #expect(try await forget("node-3").status == .ok)
    }
    #expect(bench.cluster.state.withLockedValue { $0.forgotten.map(\.id) } == ["node-2", "node-3"])
    #expect(bench.cluster.state.withLockedValue { $0.forgotten.allSatisfy { $0.operatorName == "alice" } })
  }

  @Test func `the page has a button to forget only for nodes that are gone`() async throws {
    let bench = try SiteBench(Scenes.nodeGone)
    try await bench.test { client in
      let alice = try await client.logIn()
      let headers = ["Cookie": alice.cookie, "Accept": "text/html,*/*"]
      let page = try await client.send(.get, "/", headers: headers).text
      #expect(!page.contains("Forget node-1") && page.contains("Forget node-2") && page.contains("Forget node-3"))
      let path = "/api/v1/nodes/node-2/forget"
      #expect(try await client.send(.post, path, form: "formToken=0", headers: headers).status == .unauthorized)
      let done = try await client.send(.post, path, form: alice.form, headers: headers)
      #expect(done.status == .seeOther && done.headers[.location] == "/#nodes")
      let after = try await client.send(.get, "/", headers: headers).text
      #expect(after.contains("node-2 is forgotten") && !after.contains(#"id="n-node-2""#))
    }
  }

  // MARK: - The last node that is ready

  @Test func `the page asks before the last ready node drains, and says what follows`() async throws {
    let bench = try SiteBench(Scenes.nodeGone)
    try await bench.test { client in
      let alice = try await client.logIn()
      let (path, headers) = ("/api/v1/nodes/node-1/drain", ["Cookie": alice.cookie, "Accept": "text/html"])
      let asked = try await client.send(.post, path, form: alice.form, headers: headers)
      #expect(asked.status == .conflict && asked.text.contains("node-1 is the last node that is ready"))
      #expect(asked.text.contains(#"<form method="post" action="\#(path)">"#))
      #expect(asked.text.contains(#"name="confirmed" value="yes""#) && asked.text.contains("the shop cannot sell"))
      #expect(bench.cluster.state.withLockedValue { $0.wanted.isEmpty }, "nothing is done before it is answered")
      // The page's script gets the same answer and shows that page.
      let told = try await client.send(.post, path, form: alice.form, headers: ["Cookie": alice.cookie])
      #expect(told.problem == "last-ready-node" && told.status == .conflict)
      #expect(
        try await client.send(.post, path, form: "confirmed=yes", headers: headers).status == .unauthorized,
        "an answer from another site is none")
      #expect(bench.cluster.state.withLockedValue { $0.wanted.isEmpty })
      let done = try await client.send(.post, path, form: alice.form + "&confirmed=yes", headers: headers)
      #expect(done.status == .seeOther && bench.cluster.state.withLockedValue { $0.wanted.count } == 1)
    }
  }

  @Test func `a program that drains the last ready node is obeyed, and told what follows`() async throws {
    let bench = try SiteBench(Scenes.nodeGone)
    try await bench.test { client in
      let done = try await client.send(.post, "/api/v1/nodes/node-1/drain", token: SiteBench.adminToken)
      let message = done.json["message"] as? String ?? ""
      #expect(done.status == .ok && message.contains("is to drain") && message.contains("the last node that is ready"))
    }
    #expect(bench.cluster.state.withLockedValue { $0.wanted.count } == 1)
  }

  @Test func `only a node without another that is ready and stays so is the last`() {
    var view = Scenes.allUp
    #expect(!view.wouldLeaveNoneReady(drained: "node-1") && !view.wouldLeaveNoneReady(drained: "nobody"))
    view.nodes[1].ready = false
    #expect(!view.wouldLeaveNoneReady(drained: "node-1"))
    view.nodes[2].wanted = "drain"
    #expect(view.wouldLeaveNoneReady(drained: "node-1"), "the other is about to drain")
    #expect(!view.wouldLeaveNoneReady(drained: "node-2"), "it is not ready anyway")
    for index in view.nodes.indices { (view.nodes[index].ready, view.nodes[index].state) = (false, .unknown) }
    #expect(view.wouldLeaveNoneReady(drained: "node-1"), "as yet nobody knows of another")
  }

  // MARK: - What a browser shows

  @Test func `what somebody looked at is still looked at after a form`() async throws {
    try await SiteBench(Scenes.nodeGone).test { client in
      let login = try await client.send(
        .post, "/login?state=down,up&reload=off", form: "token=\(SiteBench.adminToken)")
      #expect(login.headers[.location] == "/?state=up,down&reload=off")
      let alice = try await client.logIn()
      let headers = ["Cookie": alice.cookie, "Accept": "text/html"]
      let page = try await client.send(.get, "/?state=down&reload=off", headers: headers).text
      #expect(page.contains(#"formaction="/api/v1/nodes/node-2/recheck?state=down&amp;reload=off""#))
      let done = try await client.send(
        .post, "/api/v1/nodes/node-2/recheck?state=down&reload=off", form: alice.form, headers: headers)
      #expect(done.headers[.location] == "/?state=down&reload=off#n-node-2")
    }
  }
}
