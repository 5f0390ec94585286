import Common
import Hummingbird
import HummingbirdTesting
import Testing

@testable import Coordinator

@Suite struct LogInTests {
  private let bench: SiteBench

  init() throws { bench = try SiteBench() }

  @Test func `the cookie is out of reach of scripts and other sites`() async throws {
    try await bench.test { client in
      let form = "token=\(SiteBench.adminToken)"
      let plain = try await client.send(.post, "/login", form: form)
      #expect(plain.status == .seeOther && plain.headers[.location] == "/")
      let attributes = (plain.headers[.setCookie] ?? "").split(separator: "; ").dropFirst()
      #expect(Set(attributes) == ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"])
      let secure = try await client.send(.post, "/login", form: form, headers: ["X-Forwarded-Proto": "https"])
      #expect(secure.headers[.setCookie]?.contains("; Secure") == true)
      #expect(plain.headers[.setCookie]?.prefix(50) != secure.headers[.setCookie]?.prefix(50))
    }
  }

  @Test func `only those who are logged in see buttons`() async throws {
    try await bench.test { client in
      let visitor = try await client.send(.get, "/").text
      #expect(!visitor.contains("formaction") && visitor.contains(#"<a href="/login">Log in</a>"#))
      #expect(try await client.send(.get, "/login").text.contains("Admin token"))
      let alice = try await client.logIn()
      let page = try await client.send(.get, "/", headers: ["Cookie": alice.cookie]).text
      #expect(page.contains("Logged in as <bdi>alice</bdi>") && page.contains("Drain node-1"))
      let again = try await client.send(.get, "/login?state=up", headers: ["Cookie": alice.cookie])
      #expect(again.status == .seeOther && again.headers[.location] == "/?state=up", "there is nothing to log in for")
    }
  }

  /// Without scripts. The page with the form must not reload. A reload would lose the typed text, and would request by
  /// GET the answer to a form, which does not exist there.
  @Test func `whoever is refused is told so on a page that stays, and can try again`() async throws {
    try await bench.test { client in
      let form = try await client.send(.get, "/login?state=down", headers: ["Accept": "text/html"])
      #expect(form.status == .ok && !form.text.contains("http-equiv"))
      let refused = try await client.send(
        .post, "/login?state=down", form: "token=wrong", headers: ["Accept": "text/html"])
      #expect(refused.status == .unauthorized && refused.text.contains("This is not an admin token."))
      #expect(!refused.text.contains("http-equiv") && refused.text.contains(#"<form method="post" id="log-in""#))
      let own = "/login?state=down"
      #expect(refused.text.contains(#"action="\#(own)""#) && refused.text.contains(#"data-own="\#(own)""#))
      var limited = refused
      for _ in 0..<AttemptLimit.budget.tokens {
        limited = try await client.send(.post, "/login", form: "token=wrong", headers: ["Accept": "text/html"])
      }
      #expect(limited.headers[.contentType]?.hasPrefix("text/html") == true && limited.status.code >= 429)
      #expect(limited.headers[.retryAfter] != nil && limited.text.contains(#"id="log-in""#))
    }
    try await SiteBench(adminTokens: AccessTokens()).test { client in
      let disabled = try await client.send(.post, "/login", form: "token=x", headers: ["Accept": "text/html"])
      #expect(disabled.status == .forbidden && disabled.headers[.contentType]?.hasPrefix("text/html") == true)
    }
  }

  /// Behind a proxy all clients share one address, but each client that guesses has its own budget.
  @Test(arguments: ["127.0.0.0/8,::1", "10.0.0.0/8"])
  func `whom a trusted proxy forwards is who asks`(proxies: String) async throws {
    let bench = try SiteBench(proxies: TrustedProxies(AddressPolicy(proxies)))
    let isTrusted = proxies != "10.0.0.0/8"
    try await bench.test(.live) { client in
      func guess(_ address: String) async throws -> Int {
        try await client.send(.post, "/login", form: "token=wrong", headers: ["X-Forwarded-For": address]).status.code
      }
      var told: [Int] = []
      for _ in 0...AttemptLimit.budget.tokens { told.append(try await guess("198.51.100.7")) }
      told.append(try await guess("203.0.113.9"))
      #expect(told == Array(repeating: 401, count: AttemptLimit.budget.tokens) + [503, isTrusted ? 401 : 503])
    }
    #expect(bench.log.lines(with: "203.0.113.9").isEmpty != isTrusted)
  }

  /// Browsers keep cookies by host and ignore the port.
  @Test func `two coordinators on one host do not log each other out`() async throws {
    let other = try SiteBench()
    try await bench.test { client in
      let alice = try await client.logIn()
      try await other.test { otherClient in
        let bob = try await otherClient.logIn()
        #expect(alice.cookie.prefix { $0 != "=" } != bob.cookie.prefix { $0 != "=" })
        let both = ["Cookie": "\(alice.cookie); \(bob.cookie)"]
        #expect(try await client.send(.get, "/", headers: both).text.contains("Logged in as"))
        #expect(try await otherClient.send(.get, "/", headers: both).text.contains("Logged in as"))
      }
    }
  }

  @Test func `a wrong token logs nobody in`() async throws {
    try await bench.test { client in
      for form in ["token=wrong", "token=", "other=1", "token=\(SiteBench.clusterToken)"] {
        let answer = try await client.send(.post, "/login", form: form)
        #expect(answer.problem == (form.hasPrefix("token") ? "unauthorized" : "invalid-request"), "\(form)")
        #expect(answer.headers[.setCookie] == nil)
      }
      let page = try await client.send(.post, "/login", form: "token=wrong", headers: ["Accept": "text/html"])
      #expect(page.status == .unauthorized && page.text.contains("This is not an admin token."))
    }
    #expect(bench.log.lines(with: "wrong admin token").count == 1)
    #expect(bench.log.lines(with: "token=").isEmpty && bench.log.lines(with: SiteBench.clusterToken).isEmpty)
  }

  @Test func `a log-out ends the session, and needs the token of the form`() async throws {
    try await bench.test { client in
      let alice = try await client.logIn()
      let headers = ["Cookie": alice.cookie]
      #expect(try await client.send(.post, "/logout", form: "formToken=0", headers: headers).problem == "unauthorized")
      #expect(try await client.send(.get, "/", headers: headers).text.contains("Logged in"))
      let out = try await client.send(.post, "/logout", form: alice.form, headers: headers)
      #expect(out.status == .seeOther && out.headers[.setCookie]?.contains("Max-Age=0") == true)
      #expect(try await !client.send(.get, "/", headers: headers).text.contains("Logged in"))
      let drain = try await client.send(.post, "/api/v1/nodes/node-1/drain", form: alice.form, headers: headers)
      #expect(drain.problem == "unauthorized")
    }
  }

  @Test func `guessing is slowed down, and locks nobody out`() async throws {
    let bench = try SiteBench()
    try await bench.test { client in
      var problems: [String?] = []
      for _ in 0...AttemptLimit.budget.tokens {
        problems.append(try await client.send(.post, "/login", form: "token=guess").problem)
      }
      #expect(problems.dropLast().allSatisfy { $0 == "unauthorized" } && problems.last == "overloaded")
      let limited = try await client.send(.post, "/api/v1/nodes/node-1/drain", token: "guess")
      #expect(limited.problem == "overloaded" && limited.headers[.retryAfter] == "1")
      // A right token is always accepted.
      _ = try await client.logIn()
      let right = try await client.send(.post, "/api/v1/nodes/node-1/drain", token: SiteBench.adminToken)
      #expect(right.status == .ok)
      bench.clock.advance(by: .seconds(1))
      let looked = try await client.send(.post, "/api/v1/nodes/node-1/drain", token: "guess")
      #expect(looked.problem == "unauthorized")
    }
    #expect(bench.log.lines(with: "wrong admin token").count == 1)
  }
}
