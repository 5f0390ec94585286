import Common
import Hummingbird
import HummingbirdTesting
import Testing

@testable import Coordinator

@Suite struct LogInTests {
  private let bench: SiteBench

  init() throws { bench = try SiteBench() }

  @Test func theCookieIsOutOfReachOfScriptsAndOtherSites() async throws {
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

  @Test func onlyThoseWhoAreLoggedInSeeButtons() async throws {
    try await bench.test { client in
      let visitor = try await client.send(.get, "/").text
      #expect(!visitor.contains("formaction") && visitor.contains("Admin token"))
      let alice = try await client.logIn()
      let page = try await client.send(.get, "/", headers: ["Cookie": alice.cookie]).text
      #expect(page.contains("Logged in as <bdi>alice</bdi>") && page.contains("Drain node-1"))
    }
  }

  @Test func aWrongTokenLogsNobodyIn() async throws {
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

  @Test func aLogOutEndsTheSessionAndNeedsTheTokenOfTheForm() async throws {
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

  @Test func guessingIsStopped() async throws {
    let bench = try SiteBench()
    try await bench.test { client in
      var problems: [String?] = []
      for _ in 0...AttemptLimit.wrongPerSecond {
        problems.append(try await client.send(.post, "/login", form: "token=guess").problem)
      }
      #expect(problems.dropLast().allSatisfy { $0 == "unauthorized" } && problems.last == "overloaded")
      let limited = try await client.send(.post, "/api/v1/nodes/node-1/drain", token: "guess")
      #expect(limited.problem == "overloaded" && limited.headers[.retryAfter] == "1")
      bench.clock.advance(by: .seconds(1))
      let looked = try await client.send(.post, "/api/v1/nodes/node-1/drain", token: "guess")
      #expect(looked.problem == "unauthorized")
    }
    #expect(bench.log.lines(with: "wrong admin token").count == 1)
  }
}
