import RedisClient

extension RedisReply {
  package var elements: [RedisReply] {
    if case .array(let elements) = self { elements } else { [] }
  }

  package var number: Int64 {
    if case .integer(let number) = self { number } else { Int64.min }
  }
}
