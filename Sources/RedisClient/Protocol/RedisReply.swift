/// One reply of Redis (RESP2), copied out of hiredis.
package enum RedisReply: Equatable, Sendable {
  case status(String)
  case bytes([UInt8])
  case integer(Int64)
  case null
  case array([RedisReply])
  /// The server's own error line, for example `NOSCRIPT No matching script`.
  case error(String)

  var isError: Bool { if case .error = self { true } else { false } }

  /// The reply as text, if it is a status or a bulk string.
  package var text: String? {
    switch self {
    case .status(let text): text
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    default: nil
    }
  }

  /// Redis's time in epoch milliseconds, if this is a reply to TIME.
  var timeMilliseconds: Int64? {
    guard case .array(let parts) = self, parts.count == 2, let seconds = parts[0].text.flatMap(Int64.init),
      let microseconds = parts[1].text.flatMap(Int64.init)
    else { return nil }
    return seconds * 1000 + microseconds / 1000
  }
}
