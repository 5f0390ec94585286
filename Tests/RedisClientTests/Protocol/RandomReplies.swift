import TestSupport

@testable import RedisClient

/// Replies as a Redis server could send them, and their bytes (RESP2).
struct RandomReplies {
  var random: SeededRandom

  init(seed: UInt64) { random = SeededRandom(seed) }

  mutating func next(depth: Int = 3) -> RedisReply {
    switch random.number(0...(depth > 0 ? 7 : 5)) {
    case 0: .status(random.text("OKPONG ", 0...8))
    case 1: .error("ERR " + random.text("abc ", 0...20))
    case 2: .integer(random.pick([0, 1, -1, .max, .min, Int64(truncatingIfNeeded: random.next())]))
    case 3: .null
    case 4, 5: .bytes(random.bytes(0...random.pick([0, 3, 40, 3000])))
    default: .array((0..<random.number(0...4)).map { _ in next(depth: depth - 1) })
    }
  }

  mutating func several(_ count: ClosedRange<Int>) -> [RedisReply] {
    (0..<random.number(count)).map { _ in next() }
  }
}
