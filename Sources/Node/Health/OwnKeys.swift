import RedisClient
import Store

/// Our own keys that belong to no SKU, hold or caller, and the types that they must have.
struct OwnKeys: Sendable {
  struct Key: Equatable, Sendable {
    var name: String
    var type: String
    /// What does not work where it is of another type.
    var harm: String
    var meaning: StoreFinding.Meaning
  }

  let all: [Key]

  /// - Parameter hasEvents: whether changes are written to the outbox.
  init(_ keys: RedisKeys, hasEvents: Bool) {
    let outbox = Key(name: keys.events, type: "stream", harm: StoreFinding.cannotSell, meaning: .fault)
    all =
      (hasEvents ? [outbox] : []) + [
        Key(name: keys.due, type: "zset", harm: StoreFinding.cannotSell, meaning: .fault),
        Key(name: keys.skus, type: "zset", harm: "stock can't be set or listed", meaning: .warning),
        Key(name: keys.lease, type: "string", harm: Self.noLeader, meaning: .warning),
        Key(name: keys.leaseEpoch, type: "string", harm: Self.noLeader, meaning: .warning),
        Key(name: keys.leaseReleases, type: "stream", harm: "leaders can't hand over at once", meaning: .warning),
        Key(name: keys.store, type: "string", harm: Self.unnoticed, meaning: .warning),
        Key(name: keys.storeMark, type: "hash", harm: Self.unnoticed, meaning: .warning),
      ]
  }

  private static let noLeader = "no node can lead, and nothing is swept"
  static let unnoticed = "a loss of data can't be noticed"

  /// - Parameter replies: to TYPE, for each key in order.
  static func findings(_ keys: [Key], _ replies: [RedisReply]) -> [StoreFinding]? {
    assert(keys.count == replies.count, "a key without a reply would pass for sound")
    var findings: [StoreFinding] = []
    for (key, reply) in zip(keys, replies) {
      switch reply {
      case .status(let type) where type != "none" && type != key.type:
        findings.append(
          StoreFinding(
            subject: "type of \(key.name)", meaning: key.meaning,
            words: "The key \(key.name) in Redis is a \(type) and must be a \(key.type); something else has written"
              + " there: \(key.harm)"))
      case .error(let line):
        if case .notYet = RedisFailure.Rejection(line: line) { return nil }
        return [
          StoreFinding(
            subject: "types", meaning: .warning, words: "could not check the types of keys (TYPE: \(line))")
        ]
      default: break
      }
    }
    return findings
  }
}
