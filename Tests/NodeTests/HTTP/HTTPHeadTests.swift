import NIOCore
import NIOHTTP1
import Testing

@testable import Node

/// RFC 9110, 9.3.2: HEAD is GET without the body.
@Suite struct HTTPHeadTests {
  private static let admin = "X-Request-ID: r\r\nAuthorization: Bearer boss"

  /// The fields without the time of the answer.
  private static func fields(_ answer: HTTPBench.Answer?) -> HTTPHeaders? {
    var fields = answer?.head.headers
    fields?.remove(name: "Date")
    return fields
  }

  @Test(arguments: Node.Operation.allCases.filter { $0.route.method == .GET })
  func `HEAD is answered as GET, in its place among others`(operation: Node.Operation) throws {
    let bench = try HTTPBench(answers: { request in
      let seen = "\(request.operation.rawValue) \(request.parameter) \(request.query) \(request.context.caller)"
      var response = Response(status: 200, contentType: .yaml, body: ByteBuffer(string: seen))
      response.headers.append(.init("Retry-After", "7"))
      return response
    })
    let target = operation.route.path.replacing(/{.*}/, with: "a%2Eb") + "?limit=3"
    let tail = " \(target) HTTP/1.1\r\nHost: h\r\n\(Self.admin)\r\n\r\n"
    try bench.send("GET\(tail)HEAD\(tail)HEAD\(tail)GET\(tail)")
    let answers = try bench.answers(to: [.GET, .HEAD, .HEAD, .GET])
    #expect(answers.map(\.status) == [200, 200, 200, 200] && bench.isOpen)
    let body = try #require(answers.first?.body)
    #expect(body.hasPrefix(operation.rawValue) && answers.map(\.body) == [body, "", "", body])
    #expect(answers.allSatisfy { Self.fields($0) == Self.fields(answers[0]) })
    #expect(answers[1]["Content-Length"] == "\(body.utf8.count)" && answers[1]["Connection"] == nil)
  }

  @Test(arguments: [
    ("/nowhere HTTP/1.1\r\nHost: h", 404), ("/checkout/confirm HTTP/1.1\r\nHost: h", 405),
    ("/inventory/a/adjust HTTP/1.1\r\nHost: h", 405), ("/audit HTTP/1.1\r\nHost: h", 401),
    ("/audit HTTP/1.1\r\nHost: h\r\n\(admin)", 503), ("/inventory/a HTTP/1.1", 400),
    ("/inventory/a HTTP/1.1\r\nHost: h\r\nContent-Length: 65537", 413),
    ("/nowhere HTTP/1.1\r\nHost: h\r\nExpect: 100-continue", 404),
    ("/inventory/a HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "x", count: 16_350))", 431),
    ("/inventory/a HTTP/1.1\r\nHost: h\r\nContent-Length: 2", 408),
  ])
  func `HEAD is refused as GET is`(tail: String, status: Int) throws {
    func answer(_ method: HTTPMethod) throws -> HTTPBench.Answer? {
      let bench = try HTTPBench(inFlight: 0)
      try bench.send("\(method.rawValue) \(tail)\r\nX-Request-ID: r\r\n\r\n")
      if bench.received.isEmpty { try bench.pass(ConnectionMachine.requestLimit) }
      let answers = try bench.answers(to: [method])
      #expect(answers.count == 1)
      return answers.first
    }
    let (get, head) = (try answer(.GET), try answer(.HEAD))
    #expect(get?.status == status && get?.body.contains("urn:holdfast:problem:") == true)
    #expect(head?.status == status && head?.body.isEmpty == true && Self.fields(head) == Self.fields(get))
    #expect(head?["Content-Length"] == get.map { "\($0.body.utf8.count)" })
  }

  @Test func `a path is told to have HEAD where it has GET`() throws {
    let bench = try HTTPBench()
    for (path, allow) in [("/checkout/confirm", "POST"), ("/inventory/a", "DELETE, GET, HEAD, PUT")] {
      try bench.send("OPTIONS \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(try bench.answers().last?["Allow"] == allow)
    }
  }
}
