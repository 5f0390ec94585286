/// One reply of Redis (RESP2), copied out of hiredis.
enum RedisReply: Equatable, Sendable {
  case status(String)
  case bytes([UInt8])
  case integer(Int64)
  case null
  case array([RedisReply])
  /// The server's own error line, for example `NOSCRIPT No matching script`.
  case error(String)

  /// The reply as text, where it is a status or a bulk string.
  var text: String? {
    switch self {
    case .status(let text): text
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    default: nil
    }
  }
}
