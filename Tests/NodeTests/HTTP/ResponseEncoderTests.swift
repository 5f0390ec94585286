import Common
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Node

@Suite struct ResponseEncoderTests {
  private static let now: Int64 = 1_795_337_100_123

  private static func encode(_ response: Response, closes: Bool = false, hasBody: Bool = true) -> [UInt8] {
    var encoder = ResponseEncoder { now }
    return Array(
      encoder.encode(response, requestID: "id-1", closes: closes, hasBody: hasBody, allocator: .init())
        .readableBytesView)
  }

  @Test(arguments: UInt64(1)...20)
  func `answers read back as they were meant`(seed: UInt64) throws {
    var random = SeededRandom(seed)
    var bytes: [UInt8] = []
    var methods: [HTTPMethod] = []
    var meant: [Response] = []
    for _ in 0..<40 {
      let body = random.text("{}\"aé\r\n ", 0...random.pick([0, 5, 3000]))
      let kind = random.pick(ProblemKind.allCases)
      let response = random.pick([
        .json(200, ByteBuffer(string: body)), .json(201, ByteBuffer(string: body), isReplay: true),
        .json(204, ByteBuffer()),
        .problem(Problem(kind, body, retryAfter: random.pick([nil, 1, 3600])), headers: [.init("Allow", "GET, PUT")]),
        Response(status: 200, contentType: .prometheus, body: ByteBuffer(string: body)),
      ])
      let method = random.pick([HTTPMethod.GET, .POST, .HEAD])
      bytes += Self.encode(response, closes: false, hasBody: method != .HEAD)
      methods.append(method)
      meant.append(response)
    }
    let read = try HTTPBench.answers(in: bytes, to: methods)
    #expect(read.count == meant.count)
    for ((answer, response), method) in zip(zip(read, meant), methods) {
      #expect(answer.status == response.status && answer["X-Request-ID"] == "id-1" && answer["Connection"] == nil)
      #expect(answer["Cache-Control"] == "no-store" && answer["X-Content-Type-Options"] == "nosniff")
      #expect(answer.body == (method == .HEAD ? "" : String(buffer: response.body)))
      for header in response.headers { #expect(answer["\(header.name)"] == header.value) }
      if response.status == 204 {
        #expect(answer["Content-Length"] == nil && answer["Content-Type"] == nil)
      } else {
        // For HEAD too, it is the length that GET would have.
        #expect(answer["Content-Length"] == "\(response.body.readableBytes)")
        #expect(answer["Content-Type"] == response.contentType.rawValue)
      }
    }
  }

  @Test func `the last answer of a connection says so`() throws {
    let answer = try #require(try HTTPBench.answers(in: Self.encode(.json(200, ByteBuffer()), closes: true)).first)
    #expect(answer["Connection"] == "close" && !answer.head.isKeepAlive)
  }

  @Test func `every answer tells the time`() throws {
    var now = Self.now
    var encoder = ResponseEncoder { now }
    func date() throws -> String? {
      let bytes = encoder.encode(
        .json(200, ByteBuffer()), requestID: "id-1", closes: false, hasBody: true, allocator: .init())
      return try HTTPBench.answers(in: Array(bytes.readableBytesView)).first?["Date"]
    }
    #expect(try date() == HTTPDate.text(epochSeconds: 1_795_337_100))
    now += 876
    #expect(try date() == HTTPDate.text(epochSeconds: 1_795_337_100))
    now += 1
    #expect(try date() == HTTPDate.text(epochSeconds: 1_795_337_101))
  }

  @Test func `the reason is that of the status`() {
    let line = String(decoding: Self.encode(.problem(.notFound)).prefix { $0 != 13 }, as: UTF8.self)
    #expect(line == "HTTP/1.1 404 Not Found")
  }

  @Test func `a replay is marked`() {
    let replayed = Response.json(200, ByteBuffer(), isReplay: true)
    #expect(
      replayed.headers.map { "\($0.name): \($0.value)" } == ["Idempotent-Replayed: true"]
        && replayed.outcome == .replayed)
    #expect(Response.json(200, ByteBuffer()).headers.isEmpty)
  }
}
