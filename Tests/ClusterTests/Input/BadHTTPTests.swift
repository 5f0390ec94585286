import Foundation
import TestSupport
import Testing

/// Input that is not HTTP, or HTTP that a node does not accept.
@Suite(.cluster(nodes: 1)) struct BadHTTPTests {
  private let cluster = TestCluster.current!
  private var port: Int { cluster.nodes[0].port }

  private func answer(to text: String) async throws -> TestAnswer {
    let connection = try await RawConnection(port: port)
    connection.send(text)
    return try await connection.answer()
  }

  @Test func `garbage instead of HTTP gets 400 as a problem document, and the connection is closed`() async throws {
    for text in [
      "garbage\r\n\r\n", "GET\r\n\r\n", "\u{1}\u{2}\u{3}\r\n\r\n",
      "GET /health/live HTTP/1.1\r\nHost : x\r\n\r\n", "GET /health/live HTTP/1.1\r\nHo st: x\r\n\r\n",
      "GET /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
      "POST /inventory/reserve HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
      "POST /inventory/reserve HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
      "POST /inventory/reserve HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /inventory/reserve HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999999\r\n\r\n",
    ] {
      let connection = try await RawConnection(port: port)
      connection.send(text)
      let answer = try await connection.answer()
      #expect(
        answer.status == 400 && answer.problem == "invalid-request" && answer.closesConnection, "\(text): \(answer)")
      try await connection.waitForEnd()
      #expect(connection.answers.count == 1, "\(text)")
    }
  }

  @Test func `a bad chunk after a good head is refused`() async throws {
    let head =
      "POST /inventory/reserve HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(try await answer(to: head + "zz\r\n{}\r\n").problem == "invalid-request")
  }

  @Test func `HTTP/1.1 needs exactly one Host; HTTP/1.0 needs none, and is closed after its answer`() async throws {
    #expect(try await answer(to: "GET /health/live HTTP/1.1\r\n\r\n").problem == "invalid-request")
    #expect(try await answer(to: "GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status == 400)
    let old = try await answer(to: "GET /health/live HTTP/1.0\r\n\r\n")
    #expect(old.status == 200 && old.closesConnection)
  }

  @Test
  func `a body of 64 KiB is taken and one byte more is 413, by Content-Length and in chunks alike`() async throws {
    try await cluster.succeed(.setStock("size", total: 1000))
    let most = 65_536
    func body(_ size: Int) -> String {
      let start = #"{"sku":"size","quantity":1,"note":""#
      return start + String(repeating: "n", count: size - start.utf8.count - 2) + "\"}"
    }
    func chunked(_ size: Int) async throws -> TestAnswer {
      let connection = try await RawConnection(port: port)
      connection.send(
        "POST /inventory/reserve HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
      )
      var rest = body(size)[...]
      while !rest.isEmpty {
        let chunk = rest.prefix(5000)
        rest = rest.dropFirst(5000)
        connection.send("\(String(chunk.utf8.count, radix: 16))\r\n\(chunk)\r\n")
      }
      connection.send("0\r\n\r\n")
      return try await connection.answer()
    }
    let path = "/inventory/reserve"
    #expect(try await cluster.send(TestRequest("POST", path, json: body(most))).status == 201)
    #expect(try await cluster.send(TestRequest("POST", path, json: body(most + 1))).problem == "payload-too-large")
    #expect(try await chunked(most).status == 201)
    #expect(try await chunked(most + 1).problem == "payload-too-large")
    #expect(try await chunked(400_000).problem == "payload-too-large")
    // The answer comes before the body is sent.
    let declared = try await answer(
      to: "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n")
    #expect(declared.problem == "payload-too-large" && declared.closesConnection)
  }

  @Test func `request line and headers of up to 16 KiB are taken, more is 431`() async throws {
    let inOneField = { (size: Int) in
      let start = "GET /health/live HTTP/1.1\r\nHost: x\r\nX-Filler: "
      return start + String(repeating: "f", count: size - start.utf8.count - 4) + "\r\n\r\n"
    }
    let inManyFields = { (size: Int) in
      let fields = (0..<(size - 40) / 21).map { "X-Filler-\(1000 + $0): ffff\r\n" }.joined()
      return "GET /health/live HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
    }
    let inThePath = { (size: Int) in
      "GET /inventory/\(String(repeating: "p", count: size - 38)) HTTP/1.1\r\nHost: x\r\n\r\n"
    }
    for head in [inOneField, inManyFields] {
      #expect(try await answer(to: head(16_000)).status == 200)
      for size in [16_500, 40_000, 200_000] {
        let refused = try await answer(to: head(size))
        #expect(refused.problem == "headers-too-large" && refused.closesConnection, "\(size): \(refused)")
      }
    }
    #expect(try await answer(to: inThePath(16_000)).status == 400)
    #expect(try await answer(to: inThePath(16_500)).problem == "headers-too-large")
  }

  @Test func `Expect: 100-continue is told to go on, or refused before the body is sent`() async throws {
    try await cluster.succeed(.setStock("expect", total: 10))
    let body = #"{"sku":"expect","quantity":1}"#
    func head(_ path: String, _ length: Int) -> String {
      "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: \(length)\r\n"
        + "Expect: 100-continue\r\n\r\n"
    }
    let connection = try await RawConnection(port: port)
    connection.send(head("/inventory/reserve", body.utf8.count))
    #expect(try await connection.answer().status == 100)
    connection.send(body)
    #expect(try await connection.answers(2)[1].status == 201)

    #expect(try await answer(to: head("/inventory/reserve", 70_000)).problem == "payload-too-large")
    #expect(try await answer(to: head("/nowhere", 10)).problem == "not-found")
    #expect(try await answer(to: head("/inventory/expect/adjust", 10)).problem == "unauthorized")
  }

  @Test func `unknown paths are 404, wrong methods 405 with the right ones, before all else is judged`() async throws {
    for path in [
      "/", "/nowhere", "/inventory/", "/inventory/a/b", "//inventory", "/Inventory", "/reservations", "/health/",
      "/inventory/reserve/", "/checkout", "/checkout/confirm/x", "/reservations/a/b", "/../etc/passwd", "/%00",
    ] {
      #expect(try await cluster.send(TestRequest("GET", path)).problem == "not-found", "\(path)")
    }
    for (method, path, allowed) in [
      ("POST", "/inventory", "GET, HEAD"), ("PUT", "/checkout/confirm", "POST"), ("DELETE", "/checkout/cancel", "POST"),
      ("PATCH", "/inventory/a", "DELETE, GET, HEAD, PUT"), ("POST", "/inventory/a", "DELETE, GET, HEAD, PUT"),
      ("GET", "/inventory/a/adjust", "POST"), ("POST", "/reservations/a", "GET, HEAD"),
      ("POST", "/health/live", "GET, HEAD"),
      ("DELETE", "/metrics", "GET, HEAD"), ("OPTIONS", "/audit", "GET, HEAD"), ("POST", "/audit", "GET, HEAD"),
    ] {
      let answer = try await cluster.send(TestRequest(method, path, json: "no JSON"))
      #expect(
        answer.problem == "method-not-allowed" && answer.header("Allow") == allowed, "\(method) \(path): \(answer)")
    }
  }

  @Test
  func `a body that is no application/json is 415, before its size, the key, or its content is judged`() async throws {
    try await cluster.succeed(.setStock("media", total: 10))
    var request = TestRequest.reserve("media")
    for type in [
      "text/plain", "application/jsonx", "application/x-www-form-urlencoded", "", "json", "application/problem+json",
    ] {
      request.headers = [("Content-Type", type)]
      #expect(try await cluster.send(request.key("bad key")).problem == "unsupported-media-type", "\(type)")
    }
    request.headers = []
    #expect(try await cluster.send(request).problem == "unsupported-media-type")
    for type in [
      "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8",
    ] {
      request.headers = [("Content-Type", type)]
      #expect(try await cluster.send(request).status == 201, "\(type)")
    }
  }

  @Test func `white space around a field value is no part of it`() async throws {
    let padded = TestRequest("PUT", "/inventory/padded").with("Content-Type", "\tapplication/json \t")
      .with("Authorization", " Bearer \(NodeUnderTest.adminToken)  ").with("X-Request-ID", "padded\t")
    var request = padded
    request.body = Array(#"{"total":1}"#.utf8)
    let answer = try await cluster.succeed(request)
    #expect(answer.header("X-Request-ID") == "padded")
  }

  @Test
  func `X-Request-ID is taken over if it is 1 to 128 visible ASCII characters, and made otherwise`() async throws {
    for id in ["a", String(repeating: "x", count: 128), "~!#$%&'*+-.^_`|{}\"\\"] {
      #expect(try await cluster.send(.live.with("X-Request-ID", id)).header("X-Request-ID") == id)
      #expect(
        try await cluster.send(TestRequest("GET", "/nowhere").with("X-Request-ID", id)).header("X-Request-ID") == id)
    }
    var made: Set<String> = []
    for id in ["", String(repeating: "x", count: 129), "with space", "ümlaut"] {
      let answer = try await cluster.send(.live.with("X-Request-ID", id))
      let own = try #require(answer.header("X-Request-ID"))
      #expect(own != id && !own.isEmpty && own.utf8.allSatisfy { (0x21...0x7E).contains($0) })
      made.insert(own)
    }
    #expect(made.count == 4)
    let refused = try await answer(to: "garbage\r\n\r\n")
    #expect(refused.header("X-Request-ID")?.isEmpty == false)
  }
}
