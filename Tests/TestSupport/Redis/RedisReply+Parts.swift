import RedisClient

extension RedisReply {
  package var elements: [RedisReply] {
    if case .array(let elements) = self { elements } else { [] }
  }

  package var number: Int64 {
    if case .integer(let number) = self { number } else { Int64.min }
  }

  /// The bytes that a server sends for it.
  package var resp: [UInt8] {
    switch self {
    case .status(let text): Array("+\(text)\r\n".utf8)
    case .error(let line): Array("-\(line)\r\n".utf8)
    case .integer(let number): Array(":\(number)\r\n".utf8)
    case .null: Array("$-1\r\n".utf8)
    case .bytes(let bytes): Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
    case .array(let elements): Array("*\(elements.count)\r\n".utf8) + elements.flatMap(\.resp)
    }
  }
}
