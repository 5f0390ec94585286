import NIOHTTP1
import TestSupport

@testable import Node

/// Random requests as clients send them: with or without a body, whole or in chunks, accepted or refused.
struct RandomRequests {
  var random: SeededRandom
  private var count = 0

  struct Made {
    var method: HTTPMethod
    var id: String
    var body: String
    /// The status of the connection's answer if the controller answers 200.
    var status: Int
    var bytes: [UInt8]
  }

  init(seed: UInt64) { random = SeededRandom(seed) }

  mutating func several(_ count: ClosedRange<Int>) -> [Made] { (0..<random.number(count)).map { _ in next() } }

  private mutating func next() -> Made {
    count += 1
    let id = "r\(count)"
    let (method, path, status) = random.pick([
      (HTTPMethod.GET, "/inventory/a", 200), (.POST, "/checkout/confirm", 200), (.POST, "/inventory/reserve", 200),
      (.GET, "/nowhere", 404), (.HEAD, "/inventory/a", 200), (.HEAD, "/checkout/confirm", 405), (.HEAD, "/audit", 401),
      (.POST, "/inventory/a/adjust", 401), (.GET, "/audit", 401),
    ])
    let body = method == .HEAD || random.oneIn(3) ? "" : random.text("{}\"ab:1, é\r\n", 1...random.pick([3, 2000]))
    let type = random.oneIn(6) ? "text/plain" : "application/json"
    var head = "\(method.rawValue) \(path) HTTP/1.1\r\nHost: h\r\nX-Request-ID: \(id)\r\n"
    let isRefusedByType = status == 200 && method == .POST && !body.isEmpty && type == "text/plain"
    if !body.isEmpty { head += "Content-Type: \(type)\r\n" }
    let bytes: [UInt8]
    if body.isEmpty {
      bytes = Array("\(head)\r\n".utf8)
    } else if random.oneIn(2) {
      bytes = Array("\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    } else {
      bytes = Array("\(head)Transfer-Encoding: chunked\r\n\r\n".utf8) + chunked(Array(body.utf8))
    }
    return Made(method: method, id: id, body: body, status: isRefusedByType ? 415 : status, bytes: bytes)
  }

  private mutating func chunked(_ body: [UInt8]) -> [UInt8] {
    var chunks: [UInt8] = []
    for chunk in random.split(body, most: 300) {
      chunks += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [13, 10]
    }
    return chunks + Array("0\r\n\r\n".utf8)
  }
}
