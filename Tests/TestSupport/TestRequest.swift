import Foundation
import NIOCore

/// An HTTP request of a test.
package struct TestRequest: Sendable {
  package var method: String
  package var path: String
  package var headers: [(name: String, value: String)] = []
  package var body: [UInt8]?

  /// - Parameter json: sent with `Content-Type: application/json`.
  package init(_ method: String, _ path: String, json: String? = nil) {
    self.method = method
    self.path = path
    guard let json else { return }
    body = Array(json.utf8)
    headers.append(("Content-Type", "application/json"))
  }

  package func with(_ name: String, _ value: String) -> TestRequest {
    var changed = self
    changed.headers.append((name, value))
    return changed
  }

  package func key(_ key: String) -> TestRequest { with("Idempotency-Key", key) }
  /// Whether it can be sent again without a second effect.
  package var isRepeatable: Bool { method == "GET" || headers.contains { $0.name == "Idempotency-Key" } }

  package func bearer(_ token: String) -> TestRequest { with("Authorization", "Bearer \(token)") }

  /// The bytes on the wire, HTTP/1.1.
  package var bytes: [UInt8] {
    var head = "\(method) \(path) HTTP/1.1\r\nHost: test\r\n"
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    if let body { head += "Content-Length: \(body.count)\r\n" }
    return Array((head + "\r\n").utf8) + (body ?? [])
  }
}

/// A whole HTTP answer.
package struct TestAnswer: Sendable, CustomStringConvertible {
  package let status: Int
  package let headers: [(name: String, value: String)]
  package let body: [UInt8]
  /// From sending the request to the last byte of the answer. Zero if nobody measured it.
  package var elapsed = Duration.zero
  /// How much time load may have added to that.
  package var allowance = Duration.zero
  /// Whether processes had to wait long during the request (see ``ControlTimer``).
  package var isOfStarved = false

  package init(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
    (self.status, self.headers, self.body) = (status, headers, body)
  }

  package var text: String { String(decoding: body, as: UTF8.self) }
  package var description: String { "\(status) \(text)" }

  package func header(_ name: String) -> String? {
    headers.first { $0.name.caseInsensitiveCompare(name) == .orderedSame }?.value
  }

  /// The members of the JSON object. Empty if the body is no JSON object.
  package var json: [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
  }

  package func text(_ member: String) -> String? { json[member] as? String }
  package func number(_ member: String) -> Int? { json[member] as? Int }

  /// The name of the problem. Nil if the body is no problem document, or if its status differs from the answer's.
  package var problem: String? {
    let prefix = "urn:holdfast:problem:"
    guard header("Content-Type") == "application/problem+json", number("status") == status,
      let type = text("type"), type.hasPrefix(prefix), text("title")?.isEmpty == false, text("detail") != nil
    else { return nil }
    return String(type.dropFirst(prefix.count))
  }

  /// Whether it is "try again" or "outcome unknown" from a node that did not get enough processor time.
  package var isExcused: Bool { isOfStarved && (status == 503 || status == 504) }
  package var isReplay: Bool { header("Idempotent-Replayed") == "true" }
  package var closesConnection: Bool { header("Connection") == "close" }
}

/// Reads answers from a stream of bytes. Each answer must have a Content-Length, except 1xx and 204.
package struct AnswerReader {
  package struct Malformed: Error, CustomStringConvertible {
    package let description: String
  }

  private var buffer = ByteBuffer()

  package init() {}

  package mutating func feed(_ bytes: ByteBuffer) {
    buffer.writeImmutableBuffer(bytes)
  }

  /// The next whole answer, interim ones (1xx) included.
  package mutating func next() throws(Malformed) -> TestAnswer? {
    let end = buffer.readableBytesView.firstRange(of: Array("\r\n\r\n".utf8))
    guard let end, let head = buffer.getString(at: buffer.readerIndex, length: end.lowerBound - buffer.readerIndex)
    else { return nil }
    let lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)
    guard lines[0].hasPrefix("HTTP/1.1 "), let status = Int(lines[0].dropFirst(9).prefix(3)) else {
      throw Malformed(description: "a status line: \(lines[0])")
    }
    let headers = lines.dropFirst().map { line in
      (
        name: String(line.prefix { $0 != ":" }),
        value: line.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces)
      )
    }
    let length = headers.first { $0.name.caseInsensitiveCompare("Content-Length") == .orderedSame }
    guard let count = Int(length?.value ?? (status < 200 || status == 204 ? "0" : "")) else {
      throw Malformed(description: "no length: \(head)")
    }
    let headBytes = end.upperBound - buffer.readerIndex
    guard buffer.readableBytes >= headBytes + count else { return nil }
    buffer.moveReaderIndex(forwardBy: headBytes)
    defer { buffer.discardReadBytes() }
    return TestAnswer(status: status, headers: headers, body: buffer.readBytes(length: count) ?? [])
  }
}
