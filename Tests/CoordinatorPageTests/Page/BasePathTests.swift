import Foundation
import Hummingbird
import HummingbirdTesting
import TestSupport
import Testing

@testable import Coordinator

@Suite struct BasePathTests {
  private let base: BasePath

  init() throws { base = try #require(BasePath("/ops/holdfast")) }

  @Test func `what lies below the base path is found`() {
    for (address, own) in [
      ("/ops/holdfast", "/"), ("/ops/holdfast/", "/"), ("/ops/holdfast/login", "/login"),
      ("/ops/holdfast?state=down", "/?state=down"), ("/ops/holdfast/?a=/ops/holdfast", "/?a=/ops/holdfast"),
      ("/ops/holdfastx", nil), ("/ops", nil), ("/", nil), ("", nil), ("/x/ops/holdfast/login", nil),
    ] {
      #expect(base.own(address) == own, "\(address)")
    }
    #expect(BasePath("/") == .root && BasePath.root.address("/x") == "/x" && BasePath.root.ofCookies == "/")
    #expect(BasePath("/ops/holdfast/") == base)
  }

  @Test func `all that pages refer to lies below the base path`() async throws {
    for view in Scenes.all.values {
      try await SiteBench(view, base: base).test { client in
        let alice = try await client.logIn(base: "/ops/holdfast")
        for (path, headers) in [
          ("/", [:]), ("/login", [:]), ("/?state=down&reload=off", [:]), ("/", ["Cookie": alice.cookie]),
          ("/nothing", ["Accept": "text/html"]),
        ] {
          let page = try await client.send(.get, "/ops/holdfast\(path)", headers: headers).text
          let addresses = page.matches(of: #/\s(?:href|src|action|formaction|data-own)="([^"]*)"/#)
            .map { String($0.output.1) }
          #expect(addresses.count > 8)
          for address in addresses {
            let isOurs = address.hasPrefix("/ops/holdfast/") || address.hasPrefix("#")
            #expect(isOurs || address.hasPrefix("http://10."), "\(address)")
          }
          #expect(page.contains(#"data-base="/ops/holdfast""#))
        }
      }
    }
  }

  @Test func `redirects and cookies lie below the base path`() async throws {
    try await SiteBench(base: base).test { client in
      let logIn = try await client.send(.post, "/ops/holdfast/login", form: "token=\(SiteBench.adminToken)")
      #expect(logIn.headers[.location] == "/ops/holdfast/")
      #expect(
        logIn.headers[.setCookie]?.contains("; Path=/ops/holdfast;") == true
          || logIn.headers[.setCookie]?.hasSuffix("; Path=/ops/holdfast") == true)
      let alice = try await client.logIn(base: "/ops/holdfast")
      let headers = ["Cookie": alice.cookie, "Accept": "text/html"]
      let drain = try await client.send(
        .post, "/ops/holdfast/api/v1/nodes/node-1/drain", form: alice.form, headers: headers)
      #expect(drain.headers[.location] == "/ops/holdfast/#n-node-1")
      let back = try await client.send(.get, "/ops/holdfast/logout", headers: headers)
      #expect(back.headers[.location] == "/ops/holdfast/")
      let out = try await client.send(.post, "/ops/holdfast/logout", form: alice.form, headers: headers)
      #expect(out.headers[.location] == "/ops/holdfast/")
    }
  }

  /// For nodes, Prometheus, and proxies that remove the base path.
  @Test func `all is there without a base path, too`() async throws {
    try await SiteBench(base: base).test { client in
      for path in ["/", "/api/v1/cluster", "/health/live", "/sd/prometheus", "/assets/page.js"] {
        for base in ["", "/ops/holdfast"] {
          #expect(try await client.send(.get, base + path).status == .ok, "\(base)\(path)")
        }
      }
      #expect(try await client.send(.get, "/ops/holdfast").status == .ok)
      #expect(try await client.send(.get, "/ops").problem == "not-found")
      let announced = try await client.send(
        .post, "/api/v1/nodes", token: SiteBench.clusterToken, json: SiteBench.announcement)
      #expect(announced.status == .ok)
    }
  }
}
