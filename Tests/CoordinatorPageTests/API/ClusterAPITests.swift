import Common
import Foundation
import Hummingbird
import HummingbirdTesting
import Metrics
import TestSupport
import Testing

@testable import Coordinator

@Suite struct ClusterAPITests {
  @Test func `the cluster is told as JSON`() async throws {
    try await SiteBench(Scenes.nodeDown).test { client in
      let answer = try await client.send(.get, "/api/v1/cluster")
      #expect(answer.headers[.contentType] == "application/json" && answer.headers[.cacheControl] == "no-store")
      let cluster = answer.json
      #expect(cluster["healthy"] as? Bool == false)
      #expect((cluster["leader"] as? [String: Any])?["id"] as? String == "node-1")
      #expect((cluster["problems"] as? [[String: Any]])?.first?["kind"] as? String == "node-down")
      let nodes = try #require(cluster["nodes"] as? [[String: Any]])
      #expect(nodes.map { $0["state"] as? String } == ["UP", "DOWN", "UP"])
      #expect(Set(nodes[1].keys).isSuperset(of: ["id", "bootId", "url", "state", "since", "reason", "probeTimes"]))
      #expect((cluster["transitions"] as? [[String: Any]])?.first?["to"] as? String == "DOWN")
    }
  }

  @Test func `the leader is told, or that there is none`() async throws {
    let bench = try SiteBench(Scenes.leaderChanged)
    try await bench.test { client in
      let leader = try await client.send(.get, "/leader")
      #expect(leader.json["id"] as? String == "node-2" && leader.json["epoch"] as? Int == 13)
      #expect(leader.json["url"] as? String == Scenes.node("node-2").url)
      bench.cluster.change { $0.leader = nil }
      let none = try await client.send(.get, "/leader")
      #expect(none.problem == "no-leader" && none.status == .serviceUnavailable)
      #expect(none.headers[.retryAfter] == "1")
    }
  }

  @Test func `Prometheus is told of all nodes that have not left`() async throws {
    var view = Scenes.nodeDown
    view.nodes[0].state = .left
    view.nodes[2].url = "https://[fd00::3]:8443"
    view.nodes += ["http://node-4", "https://node-5/", "node-6"].enumerated().map { index, url in
      var node = Scenes.node("node-\(index + 4)")
      node.url = url
      return node
    }
    let second = String(view.nodes[1].url.dropFirst("http://".count))
    try await SiteBench(view).test { client in
      let answer = try await client.send(.get, "/sd/prometheus")
      #expect(answer.headers[.contentType] == "application/json")
      let groups = try #require(
        try JSONSerialization.jsonObject(with: Data(answer.body.readableBytesView)) as? [[String: Any]])
      let targets = groups.flatMap { $0["targets"] as? [String] ?? [] }
      #expect(targets == [second, "[fd00::3]:8443", "node-4:80", "node-5:443"])
      let labels = groups.compactMap { $0["labels"] as? [String: String] }
      #expect(labels[0] == ["node": "node-2"] && labels[3] == ["node": "node-5", "__scheme__": "https"])
    }
  }

  @Test func `the coordinator is ready once every node has been judged`() async throws {
    let bench = try SiteBench(Scenes.justStarted)
    try await bench.test { client in
      #expect(try await client.send(.get, "/health/live").status == .ok)
      let waiting = try await client.send(.get, "/health/ready")
      #expect(waiting.problem == "not-ready" && waiting.text.contains("3 nodes"))
      bench.cluster.change { $0 = Scenes.nodeDown }
      #expect(try await client.send(.get, "/health/ready").status == .ok)
    }
  }

  @Test func `metrics are those of the process`() async throws {
    let bench = try SiteBench()
    Counter(label: "holdfast_tests_total", factory: bench.metrics).increment()
    try await bench.test { client in
      let answer = try await client.send(.get, "/metrics")
      #expect(answer.headers[.contentType]?.hasPrefix("text/plain; version=0.0.4") == true)
      #expect(answer.text.contains("holdfast_tests_total 1\n"))
    }
  }

  @Test(arguments: ["/", "/api/v1/cluster", "/metrics", "/sd/prometheus", "/leader", "/health/live", "/events"])
  func `HEAD answers as GET does, without a body`(path: String) async throws {
    let bench = try SiteBench()
    try await bench.test(.live) { client in
      let head = try await client.send(.head, path)
      #expect(head.status == .ok && head.body.readableBytes == 0 && head.headers[.contentType] != nil)
      try await eventually("nobody looks") { await bench.site.pictures.viewerCount == 0 }
    }
  }

  @Test(arguments: [("/health/ready", 503), ("/?state=wrong", 400), ("/nothing", 404), ("/logout", 405)])
  func `HEAD is refused without a body`(path: String, status: Int) async throws {
    let bench = try SiteBench(Scenes.justStarted)
    try await bench.test(.live) { client in
      let head = try await client.send(.head, path)
      #expect(head.status.code == status && head.body.readableBytes == 0)
      #expect(head.headers[.contentType] == "application/problem+json")
      // A body would break the next answer on the connection.
      #expect(try await client.send(.get, "/health/live").status == .ok)
    }
  }

  @Test func `a wrong path and a wrong method are told apart`() async throws {
    try await SiteBench().test { client in
      for path in ["/nothing", "/api/v1/nodes/a/b", "/api/v1/nodes/a/drain/x", "/assets/none", "/assets/..%2fpage.css"]
      {
        let answer = try await client.send(.get, path)
        #expect(answer.problem == "not-found", "\(path)")
      }
      for (method, path, allow) in [
        (HTTPRequest.Method.post, "/", "GET, HEAD"), (.get, "/api/v1/nodes", "POST"), (.put, "/leader", "GET, HEAD"),
        (.get, "/api/v1/nodes/a", "DELETE"), (.get, "/api/v1/nodes/a/drain", "POST"), (.get, "/logout", "POST"),
        (.put, "/login", "GET, HEAD, POST"), (.get, "/api/v1/nodes/a/forget", "POST"),
        (.init("BREW")!, "/metrics", "GET, HEAD"),
      ] {
        let answer = try await client.send(method, path)
        #expect(answer.problem == "method-not-allowed" && answer.headers[.allow] == allow, "\(method) \(path)")
      }
    }
  }

  /// A person gets a page with a link back.
  @Test func `a browser is not left with JSON`() async throws {
    try await SiteBench().test { client in
      let headers = ["Accept": "text/html,application/xhtml+xml,*/*;q=0.8"]
      for path in ["/logout", "/api/v1/nodes/node-1/drain", "/api/v1/nodes/node-1/forget"] {
        let answer = try await client.send(.get, path, headers: headers)
        #expect(answer.status == .seeOther && answer.headers[.location] == "/", "\(path)")
      }
      for (path, status) in [("/nothing", 404), ("/?state=wrong", 400)] {
        let answer = try await client.send(.get, path, headers: headers)
        #expect(answer.status.code == status && answer.headers[.contentType]?.hasPrefix("text/html") == true)
        #expect(answer.text.contains(#"<a href="/">Holdfast</a>"#) && answer.text.contains("All is well"))
      }
    }
  }

  @Test func `proxies are told not to hold events up`() async throws {
    let bench = try SiteBench()
    try await bench.test(.live) { client in
      let headers = try await client.send(.head, "/events").headers
      #expect(headers[.init("X-Accel-Buffering")!] == "no" && headers[.cacheControl] == "no-store, no-transform")
      try await eventually("nobody looks") { await bench.site.pictures.viewerCount == 0 }
    }
  }

  @Test func `a request that cannot be read ends its connection`() async throws {
    let bench = try SiteBench()
    try await bench.test(.live) { client in
      let connection = try await RawConnection(port: try #require(client.port))
      connection.send(
        "POST /api/v1/nodes HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer \(SiteBench.clusterToken)\r\n"
          + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")
      #expect(try await connection.answer().status == 400)
      try await connection.waitForEnd()
    }
    #expect(bench.log.lines(with: "a request failed").isEmpty, "it is no fault of ours")
  }

  @Test func `every answer keeps browsers safe`() async throws {
    try await SiteBench().test { client in
      for path in ["/", "/nothing", "/leader", "/api/v1/cluster", "/metrics", "/assets/page.js", "/?state=wrong"] {
        let headers = try await client.send(.get, path).headers
        let policy = headers[.init("Content-Security-Policy")!] ?? ""
        #expect(
          policy.hasPrefix("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("*"), "\(path)")
        for part in ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
          #expect(policy.contains(part))
        }
        #expect(headers[.init("X-Content-Type-Options")!] == "nosniff")
        #expect(headers[.init("Referrer-Policy")!] == "no-referrer")
        #expect(headers[.cacheControl] == (path.hasPrefix("/assets") ? "no-cache" : "no-store"), "\(path)")
      }
    }
  }

  @Test func `an expectation that is not met is refused`() async throws {
    try await SiteBench().test { client in
      for (expectation, status) in [("200-ok", 417), ("100-Continue", 200), ("", 200)] {
        let answer = try await client.send(.get, "/health/live", headers: ["Expect": expectation])
        #expect(answer.status.code == status, "\(expectation)")
        #expect(answer.problem == (status == 417 ? "expectation-failed" : nil))
      }
    }
  }
}
