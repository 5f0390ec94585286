import Foundation
import NIOConcurrencyHelpers
import NIOCore
import TestSupport
import Testing

@testable import Common

@Suite struct CurlClientTests {
  /// A client that is stopped when the test ends.
  private final class Client: Sendable {
    let curl: CurlClient

    init(allowed: String? = nil) { curl = CurlClient(allowed: allowed.flatMap { AddressPolicy($0) }) }

    deinit { curl.stop() }

    func get(
      _ url: String, connectTimeout: Duration = .seconds(60), timeout: Duration = .seconds(60),
      maxBodyBytes: Int = 64 << 10
    ) async -> Result<IncomingAnswer, ExchangeFailure> {
      var request = OutgoingRequest(url: url, connectTimeout: connectTimeout, timeout: timeout)
      request.maxBodyBytes = maxBodyBytes
      return await curl.send(request)
    }
  }

  private let client = Client()

  private func failure(_ result: Result<IncomingAnswer, ExchangeFailure>) -> ExchangeFailure? {
    if case .failure(let failure) = result { failure } else { nil }
  }

  // MARK: - Answers

  @Test func `an answer comes with its status, its body, and the time it took`() async throws {
    let server = try await LittleServer { _ in LittleServer.answer(418, "a body") }
    let began = ContinuousClock.now
    let answer = try await client.get(server.url + "/health").get()
    #expect(answer.status == 418 && answer.body == Array("a body".utf8))
    #expect(answer.took > .zero && answer.took <= ContinuousClock.now - began)
    #expect(server.requests.first?.hasPrefix("GET /health HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n") == true)
  }

  @Test func `method, headers and body are sent as given`() async throws {
    let server = try await LittleServer { _ in LittleServer.answer() }
    for body in ["{\"a\":1}", "", String(repeating: "x", count: 3 << 20)] {
      let request = OutgoingRequest(
        method: "POST", url: server.url,
        headers: [("Authorization", "Bearer t"), ("Content-Type", "application/json")], body: Array(body.utf8),
        connectTimeout: .seconds(60), timeout: .seconds(60))
      _ = try await client.curl.send(request).get()
      let seen = try #require(server.requests.last)
      #expect(seen.hasPrefix("POST / HTTP/1.1\r\n") && seen.hasSuffix("\r\n\r\n" + body))
      #expect(seen.contains("\r\nAuthorization: Bearer t\r\n"))
      #expect(seen.contains("\r\nContent-Type: application/json\r\n"))
      #expect(!seen.lowercased().contains("\r\nexpect:"))
    }
  }

  @Test func `a request has nothing of the one before it`() async throws {
    let server = try await LittleServer { _ in LittleServer.answer() }
    let request = OutgoingRequest(
      method: "POST", url: server.url + "/first", headers: [("Authorization", "Bearer t")], body: Array("a body".utf8),
      connectTimeout: .seconds(60), timeout: .seconds(60))
    _ = try await client.curl.send(request).get()
    _ = try await client.get(server.url + "/second").get()
    let seen = try #require(server.requests.last)
    #expect(seen.hasPrefix("GET /second HTTP/1.1\r\n") && seen.hasSuffix("\r\n\r\n"))
    #expect(!seen.contains("Bearer") && !seen.lowercased().contains("content-"))
  }

  @Test func `connections are kept: one is enough for requests that follow each other`() async throws {
    let server = try await LittleServer { _ in LittleServer.answer(200, "x") }
    for _ in 0..<20 { #expect(try await client.get(server.url).get().status == 200) }
    #expect(server.connections == 1 && server.requests.count == 20)
  }

  @Test func `a connection that the server has closed meanwhile is made anew`() async throws {
    let server = try await LittleServer { _ in .last("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx") }
    for _ in 0..<5 { #expect(try await client.get(server.url).get().status == 200) }
    #expect(server.connections == 5)
  }

  @Test func `many are under way at once: 100 requests come before the first is answered`() async throws {
    let count = 100
    let waiting = NIOLockedValueBox(0)
    // The reply to the last request also ends the connections of all others.
    let server = try await LittleServer { _ in
      waiting.withLockedValue { waiting in
        waiting += 1
        return waiting < count ? .silence : LittleServer.answer(200, "the last")
      }
    }
    let (client, url) = (client, server.url)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<count {
        group.addTask { (try? await client.get(url, timeout: .seconds(120)).get())?.status == 200 }
      }
      #expect(await group.next() == true, "the last one is answered while all others wait")
      client.curl.stop()
      for await isAnswered in group { #expect(!isAnswered) }
    }
    #expect(server.requests.count == count && server.connections == count)
  }

  @Test func `each of a thousand requests is completed once`() async throws {
    let server = try await LittleServer { _ in LittleServer.answer(200, "x") }
    let completions = NIOLockedValueBox<[Int: Int]>([:])
    for number in 0..<1000 {
      let request = OutgoingRequest(url: server.url, connectTimeout: .seconds(120), timeout: .seconds(120))
      client.curl.send(request) { _ in completions.withLockedValue { $0[number, default: 0] += 1 } }
    }
    try await eventually("all are completed") { completions.withLockedValue { $0.count } == 1000 }
    #expect(completions.withLockedValue { $0.values.allSatisfy { $0 == 1 } })
  }

  // MARK: - Bounds

  @Test(arguments: [301, 302, 303, 307, 308])
  func `a redirect is an answer like any other: it is not followed`(status: Int) async throws {
    let other = try await LittleServer { _ in LittleServer.answer() }
    let url = other.url
    let server = try await LittleServer { _ in LittleServer.answer(status, "", headers: ["Location: \(url)/secret"]) }
    #expect(try await client.get(server.url).get().status == status)
    #expect(other.connections == 0)
  }

  @Test(arguments: ["length", "chunks", "end"])
  func `a body is taken up to its limit, however it is framed, and not a byte more`(framing: String) async throws {
    let limit = 1000
    @Sendable func reply(_ count: Int) -> LittleServer.Reply {
      let body = String(repeating: "x", count: count)
      return switch framing {
      case "length": LittleServer.answer(200, body)
      case "chunks":
        .bytes(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(String(count, radix: 16))\r\n\(body)\r\n"
            + "0\r\n\r\n")
      default: .last("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
      }
    }
    let server = try await LittleServer { reply($0.hasPrefix("GET /more") ? limit + 1 : limit) }
    #expect(try await client.get(server.url, maxBodyBytes: limit).get().body.count == limit)
    #expect(failure(await client.get(server.url + "/more", maxBodyBytes: limit)) == .tooLarge)
  }

  @Test func `headers are bounded: few large ones, many small ones, and interim answers without end`() async throws {
    let long = String(repeating: "x", count: 20_000)
    let many = (0..<2000).map { "X-\($0): abcdefgh" }
    let interim = String(repeating: "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", count: 2000)
    let server = try await LittleServer { request in
      if request.hasPrefix("GET /long") { return LittleServer.answer(200, "", headers: ["X-Long: " + long]) }
      if request.hasPrefix("GET /many") { return LittleServer.answer(200, "", headers: many) }
      return .bytes(interim)
    }
    for path in ["/long", "/many", "/interim"] {
      #expect(failure(await client.get(server.url + path)) == .tooLarge, "\(path)")
    }
  }

  @Test func `an answer that comes too slowly is given up, be it within its headers or its body`() async throws {
    // Answers that take minutes to arrive.
    let headers = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    let server = try await LittleServer { request in
      request.hasPrefix("GET /headers")
        ? .slowly(headers, pause: .milliseconds(50))
        : .slowly(headers + String(repeating: "x", count: 100_000), pause: .milliseconds(5))
    }
    for path in ["/headers", "/body"] {
      let began = ContinuousClock.now
      #expect(failure(await client.get(server.url + path, timeout: .seconds(1))) == .timedOut)
      let took = ContinuousClock.now - began
      // The whole body would take more than eight minutes.
      #expect(took >= .milliseconds(990) && took < .seconds(120))
    }
  }

  @Test
  func `a server that takes the connection and says nothing is given up, as is one that takes none`() async throws {
    let server = try await LittleServer { _ in .silence }
    #expect(failure(await client.get(server.url, timeout: .seconds(1))) == .timedOut)
    let stopped = try SilentListener()
    #expect(failure(await client.get(stopped.url, timeout: .seconds(1))) == .timedOut)
    try stopped.fillUp()
    #expect(
      failure(await client.get(stopped.url, connectTimeout: .milliseconds(250), timeout: .seconds(60)))
        == .noConnection("no connection within 250 ms"))
  }

  @Test func `a port where nobody listens refuses, and the words say so`() async throws {
    let port = try FreePort.find()
    #expect(failure(await client.get("http://127.0.0.1:\(port)")) == .noConnection("connection refused"))
  }

  @Test func `an answer that breaks off, or is none, is a failure`() async throws {
    let server = try await LittleServer { request in
      request.hasPrefix("GET /short") ? .last("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx") : .last("SSH-2.0-x\r\n")
    }
    for path in ["/short", "/other"] {
      let result = await client.get(server.url + path)
      guard case .broken(let words)? = failure(result) else {
        Issue.record("\(path): \(result)")
        continue
      }
      #expect(!words.isEmpty)
    }
  }

  // MARK: - Where requests go

  @Test func `an address outside the allowed networks is not connected to, by number or by name`() async throws {
    let server = try await LittleServer { _ in LittleServer.answer() }
    let strict = Client(allowed: "10.0.0.0/8")
    let numbers = ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0"]
    for host in numbers {
      let result = await strict.get("http://\(host):\(server.port)/health")
      guard case .forbiddenAddress? = failure(result) else {
        Issue.record("\(host): \(result)")
        continue
      }
    }
    #expect(server.connections == 0)
    let permissive = Client(allowed: "127.0.0.1")
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
      #expect(try await permissive.get("http://\(host):\(server.port)/health").get().status == 200)
    }
  }

  @Test(
    arguments: [
      "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1:1/x", "dict://127.0.0.1:1/x", "ldap://127.0.0.1/x",
      "telnet://127.0.0.1:1", "smb://127.0.0.1/x", "mqtt://127.0.0.1/x", "", "http://", "http://a b/",
    ])
  func `only http and https are spoken`(url: String) async {
    guard case .unusable? = failure(await client.get(url)) else {
      Issue.record("\(url) was asked")
      return
    }
  }

  @Test func `a name that has no address is told as such`() async {
    // No part of a name may exceed 63 letters, so no resolver is asked.
    guard case .unusable? = failure(await client.get("http://\(String(repeating: "a", count: 64))/")) else {
      Issue.record("the error does not say that the name has no address")
      return
    }
  }

  // MARK: - The end

  @Test func `when the client is stopped what is under way fails, and so does what comes later`() async throws {
    let server = try await LittleServer { _ in .silence }
    let (client, url) = (client, server.url)
    let stopped = ExchangeFailure.broken("the client is stopped")
    async let underWay = client.get(url)
    try await eventually("the request has come") { server.requests.count == 1 }
    client.curl.stop()
    client.curl.stop()
    #expect(failure(await underWay) == stopped)
    #expect(failure(await client.get(url)) == stopped)
    #expect(server.requests.count == 1)
  }

  @Test func `a client that is stopped while requests come from everywhere completes each of them`() async throws {
    let server = try await LittleServer { _ in LittleServer.answer() }
    for _ in 0..<20 {
      let client = Client()
      await withDiscardingTaskGroup { group in
        for _ in 0..<20 { group.addTask { [url = server.url] in _ = await client.get(url) } }
        group.addTask { client.curl.stop() }
      }
    }
  }
}

/// Listens and never accepts, like a stopped process.
private final class SilentListener: Sendable {
  private struct Failed: Error { let reason: String }

  private let descriptor: Int32
  private let clients = NIOLockedValueBox<[Int32]>([])
  let port: Int

  init() throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    port = try FreePort.find()
    guard Self.with(port, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, 1) == 0 else {
      throw Failed(reason: "port \(port) was taken")
    }
  }

  deinit {
    close(descriptor)
    clients.withLockedValue { for client in $0 { close(client) } }
  }

  var url: String { "http://127.0.0.1:\(port)" }

  /// Opens connections until the kernel accepts no more for it.
  func fillUp() throws {
    for _ in 0..<64 {
      let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
      clients.withLockedValue { $0.append(client) }
      _ = Self.with(port) { connect(client, $0, $1) }
      var writable = pollfd(fd: client, events: Int16(POLLOUT), revents: 0)
      if poll(&writable, 1, 2000) == 0 { return }
    }
    throw Failed(reason: "the kernel took 64 connections")
  }

  private static func with(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }
}
