import Common
import NIOCore
import NIOHTTP1
import Testing

@testable import Node

/// Answers that come before the end of a request, or without a request.
@Suite struct HTTPRefusalTests {
  private static let confirm = "POST /checkout/confirm HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"

  private static func status(_ bench: HTTPBench) throws -> [Int] { try bench.answers().map(\.status) }

  @Test func `a body announced as too large is refused at once`() throws {
    let bench = try HTTPBench()
    try bench.send(Self.confirm + "Content-Length: 65537\r\n\r\n")
    let answer = try #require(try bench.answers().first)
    #expect(answer.status == 413 && answer["Connection"] == "close" && bench.network.hasClosedOutput)
  }

  @Test func `a body that grows too large is refused as it does`() throws {
    let bench = try HTTPBench()
    let chunk = "8000\r\n" + String(repeating: "x", count: 0x8000) + "\r\n"
    try bench.send(Self.confirm + "Transfer-Encoding: chunked\r\n\r\n" + chunk + chunk)
    #expect(bench.received.isEmpty && bench.waiting.isEmpty)
    try bench.send("1\r\nx")
    #expect(try Self.status(bench) == [413] && bench.network.hasClosedOutput && bench.waiting.isEmpty)
  }

  @Test func `a body of 64 KiB is taken`() throws {
    let bench = try HTTPBench()
    try bench.send(Self.confirm + "Content-Length: 65536\r\n\r\n" + String(repeating: "x", count: 65536))
    #expect(bench.waiting.first?.request.body.readableBytes == 65536)
  }

  /// Faults of the head have priority over faults of the body.
  @Test func `a too large body of a refused request is refused for its head`() throws {
    let bench = try HTTPBench()
    try bench.send("POST /nowhere HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    try bench.send("10001\r\n" + String(repeating: "x", count: 0x10001))
    #expect(try Self.status(bench) == [404])
  }

  /// Closing a connection with unread bytes resets it, and the client would never see the answer.
  @Test func `what still comes after a refusal is read and dropped`() throws {
    let bench = try HTTPBench()
    let began = bench.now
    try bench.send(Self.confirm + "Content-Length: 300000\r\n\r\n")
    for _ in 0..<3 { try bench.send(String(repeating: "x", count: 65536)) }
    try bench.tick(at: began + ConnectionMachine.lingerLimit - .milliseconds(1))
    #expect(bench.isOpen && bench.waiting.isEmpty)
    try bench.send(String(repeating: "x", count: 300_000 - 3 * 65536))
    #expect(!bench.isOpen && bench.traffic.answered == 1)
    #expect(try Self.status(bench) == [413])
  }

  @Test func `what comes after a refusal is read only so long and so far`() throws {
    let slow = try HTTPBench()
    try slow.send(Self.confirm + "Content-Length: 99000000\r\n\r\n")
    try slow.pass(ConnectionMachine.lingerLimit)
    #expect(!slow.isOpen)
    let large = try HTTPBench()
    try large.send(Self.confirm + "Content-Length: 99000000\r\n\r\n")
    for _ in 0..<16 where large.isOpen { try large.send(String(repeating: "x", count: 65536)) }
    #expect(large.isOpen)
    try large.send("x")
    #expect(!large.isOpen)
  }

  /// Other refusals keep the connection usable, because the body is read first.
  @Test func `a refused request is taken in whole, and the next one served`() throws {
    let bench = try HTTPBench(answers: { _ in .json(200, ByteBuffer()) })
    try bench.send("POST /inventory/a/adjust HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345")
    #expect(bench.received.isEmpty)
    try bench.send("67890GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(try Self.status(bench) == [401, 200] && bench.isOpen)
  }

  @Test func `a malformed key is told after the body, unless that is too large`() throws {
    let bench = try HTTPBench()
    try bench.send(Self.confirm + "Idempotency-Key: a b\r\nContent-Length: 2\r\n\r\n{}")
    let answer = try #require(try bench.answers().first)
    #expect(answer.status == 400 && answer.body.contains(#""pointer":"header/Idempotency-Key""#) && bench.isOpen)
    try bench.send(Self.confirm + "Idempotency-Key: a b\r\nTransfer-Encoding: chunked\r\n\r\n")
    try bench.send("10001\r\n" + String(repeating: "x", count: 0x10001))
    #expect(try Self.status(bench) == [400, 413])
  }

  @Test func `a client that asks first is told to go on, or not`() throws {
    let welcome = try HTTPBench(answers: { _ in .json(200, ByteBuffer()) })
    try welcome.send(Self.confirm + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    #expect(String(decoding: welcome.received, as: UTF8.self) == "HTTP/1.1 100 Continue\r\n\r\n")
    try welcome.send("{}")
    #expect(try Self.status(welcome) == [200] && welcome.isOpen)
    let refused = try HTTPBench()
    try refused.send(
      "POST /inventory/a/adjust HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    #expect(try Self.status(refused) == [401] && refused.network.hasClosedOutput)
  }

  @Test(arguments: [
    "hello\r\n\r\n", "GET / HTTP/1.1\r\nHost h\r\n\r\n",
    "GET / HTTP/1.1\r\n: x\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nX: a\u{0}b\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}",
  ])
  func `what is not HTTP is a 400`(text: String) throws {
    let bench = try HTTPBench()
    try bench.send(text)
    let answer = try #require(try bench.answers().first)
    #expect(
      answer.status == 400 && answer["Connection"] == "close" && answer["Content-Type"] == "application/problem+json")
    #expect(bench.network.hasClosedOutput && bench.waiting.isEmpty)
  }

  @Test(arguments: [
    "GET /\r\n\r\n", "GET / HTTP/3.0\r\nHost: h\r\n\r\n", "GET /health HTTP/2.0\r\nHost: h\r\n\r\n",
    "GET /health HTTP/0.9\r\n\r\n",
    "GET /health HTTP/9.9\r\nHost: h\r\n\r\n", "GET /health HTTP/1.2\r\nHost: h\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u{0}\u{0}\u{0}\u{4}\u{0}\u{0}\u{0}\u{0}\u{0}",
  ])
  func `other versions of HTTP are refused`(text: String) throws {
    let bench = try HTTPBench()
    try bench.send(text)
    let answers = try bench.answers()
    #expect(answers.map(\.status) == [400] && answers.first?["Connection"] == "close", "\(answers)")
    #expect(answers.first?.body.contains("unsupported-http-version") == true && bench.network.hasClosedOutput)
  }

  /// Bytes that are no chunk could be taken for the next request.
  @Test(arguments: [
    "gzip, chunked", "identity, chunked", "chunkedx, chunked", "identity\r\nTransfer-Encoding: chunked",
  ])
  func `other transfer codings are refused`(coding: String) throws {
    let bench = try HTTPBench()
    try bench.send(Self.confirm + "Transfer-Encoding: \(coding)\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    let answer = try #require(try bench.answers().first)
    #expect(answer.status == 400 && answer["Connection"] == "close" && bench.waiting.isEmpty, "\(answer)")
    #expect(answer.body.contains("unsupported-transfer-coding") && bench.network.hasClosedOutput)
  }

  /// RFC 9112, 6.1: the framing of such a message is faulty, even if it also has a length.
  @Test(arguments: ["", "Content-Length: 2\r\n"])
  func `a transfer coding by HTTP/1.0 is refused`(length: String) throws {
    let bench = try HTTPBench()
    try bench.send(
      "POST /checkout/confirm HTTP/1.0\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n\(length)"
        + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    let answers = try bench.answers()
    #expect(answers.map(\.status) == [400] && answers[0]["Connection"] == "close" && bench.waiting.isEmpty)
    #expect(bench.network.hasClosedOutput)
  }

  /// The answer comes at once, because the client may hold the body back until its expectation is met.
  @Test func `who expects what is not met is told before the body`() throws {
    let bench = try HTTPBench()
    try bench.send(Self.confirm + "Expect: 200-ok\r\nContent-Length: 2\r\n\r\n")
    let answer = try #require(try bench.answers().first)
    #expect(answer.status == 417 && answer["Connection"] == "close" && bench.network.hasClosedOutput)
    #expect(answer.body.contains("urn:holdfast:problem:expectation-failed") && bench.waiting.isEmpty)
  }

  @Test(arguments: ["chunked", "Chunked", "CHUNKED ", "\tchunked"])
  func `chunked is taken in any case`(coding: String) throws {
    let bench = try HTTPBench()
    try bench.send(Self.confirm + "Transfer-Encoding: \(coding)\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    #expect(bench.waiting.count == 1)
  }

  @Test func `noise after a request does not cost its answer`() throws {
    let bench = try HTTPBench()
    try bench.send("GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\n" + "noise\r\n\r\n")
    #expect(bench.waiting.count == 1 && bench.isOpen)
    try bench.answer()
    #expect(try Self.status(bench) == [200] && !bench.isOpen)
  }

  @Test(arguments: [
    "GET /inventory/\(String(repeating: "a", count: 17_000))",
    "GET /health HTTP/1.1\r\nX: \(String(repeating: "a", count: 17_000))",
    "GET /health HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 5000),
  ])
  func `a head that grows too large is refused before its end`(head: String) throws {
    let bench = try HTTPBench()
    try bench.send(head)
    #expect(try Self.status(bench) == [431] && bench.network.hasClosedOutput)
  }

  @Test func `a head of 16 KiB is taken, and one byte more is not`() throws {
    for (count, status) in [(16_348, 200), (16_349, 431)] {
      let bench = try HTTPBench(answers: { _ in .json(200, ByteBuffer()) })
      try bench.send("GET /health HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "a", count: count))\r\n\r\n")
      #expect(try Self.status(bench) == [status])
    }
  }
}
