import Common
import NIOCore
import NIOHTTP1

/// Puts a whole response into one buffer: one write, one system call.
struct ResponseEncoder {
  private let wallClock: () -> Int64
  /// The `Date` header changes once a second.
  private var dateSecond: Int64 = 0
  private var date = ""

  /// - Parameter wallClock: epoch milliseconds, for `Date`.
  init(wallClock: @escaping () -> Int64) { self.wallClock = wallClock }

  mutating func encode(
    _ response: Response, requestID: String, closes: Bool, hasBody: Bool, allocator: ByteBufferAllocator
  ) -> ByteBuffer {
    assert(response.status != 204 || response.body.readableBytes == 0, "its end would be taken for the next answer")
    assert(requestID.utf8.allSatisfy(\.isVisibleASCII), "an id of another form was not taken over")
    assert(
      response.headers.allSatisfy { $0.value.utf8.allSatisfy { (0x20...0x7E).contains($0) } },
      "a line's end in a value would begin another header")
    var head = allocator.buffer(capacity: 384 + response.body.readableBytes)
    head.writeStaticString("HTTP/1.1 ")
    head.writeDecimal(response.status)
    head.writeInteger(UInt8(ascii: " "))
    head.writeString(HTTPResponseStatus(statusCode: response.status).reasonPhrase)
    head.writeStaticString("\r\nDate: ")
    head.writeString(currentDate())
    // An answer is true at its moment only, and is what its Content-Type says.
    head.writeStaticString("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-ID: ")
    head.writeString(requestID)
    for header in response.headers {
      head.writeStaticString("\r\n")
      head.writeStaticString(header.name)
      head.writeStaticString(": ")
      head.writeString(header.value)
    }
    // A 204 has no content, and says nothing of its length (RFC 9110, 8.6).
    if response.status != 204 {
      head.writeStaticString("\r\nContent-Type: ")
      head.writeString(response.contentType.rawValue)
      head.writeStaticString("\r\nContent-Length: ")
      head.writeDecimal(response.body.readableBytes)
    }
    if closes { head.writeStaticString("\r\nConnection: close") }
    head.writeStaticString("\r\n\r\n")
    if hasBody { head.writeImmutableBuffer(response.body) }
    return head
  }

  private mutating func currentDate() -> String {
    let now = wallClock() / 1000
    if now != dateSecond {
      dateSecond = now
      date = HTTPDate.text(epochSeconds: now)
    }
    return date
  }
}

/// `Sun, 22 Nov 2026 08:45:00 GMT` (RFC 9110, 5.6.7).
enum HTTPDate {
  private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  static func text(epochSeconds: Int64) -> String {
    assert(epochSeconds >= 0, "days of the week are counted from 1970 on")
    var buffer = ByteBuffer()
    buffer.writeRFC3339(epochSeconds * 1000)
    // 2026-11-22T08:45:00.000Z: the parts stand in fixed places.
    let instant = Array(String(buffer: buffer))
    let month = Int(String(instant[5...6])) ?? 1
    let weekday = days[Int(epochSeconds / 86_400 % 7)]
    return
      "\(weekday), \(String(instant[8...9])) \(months[month - 1]) \(String(instant[0...3])) \(String(instant[11...18])) GMT"
  }
}
