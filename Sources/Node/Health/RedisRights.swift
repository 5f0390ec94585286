import RedisClient
import Store

/// What the Redis user must be allowed: each command that scripts and links use, on each kind of key.
struct RedisRights: Sendable {
  enum Work: Int, CaseIterable, Sendable {
    case selling, administration, sweeping, watching

    /// What does not work without its rights.
    var harm: String {
      switch self {
      case .selling: StoreFinding.cannotSell
      case .administration: "stock can't be administered or audited"
      case .sweeping: "no node can lead, or what it sweeps stays"
      case .watching: OwnKeys.unnoticed
      }
    }
  }

  struct Right: Equatable, Sendable {
    var work: Work
    /// A command that does nothing even if it is run: it fails for its arguments, or finds nothing to change.
    var command: [String]
    /// How it is told: `DECRBY on inventory:*`.
    var words: String
    /// It would do something, and so can only be asked about.
    var isOnlyAsked = false
  }

  let all: [Right]

  /// - Parameters:
  ///   - keys: of one shard; those of others differ by their tags.
  ///   - hasBatches: whether calls share one.
  ///   - hasShards: whether there are several.
  ///   - isCluster: whether Redis is a Cluster.
  ///   - awaitsReplicas: whether replicas must have a change before it is acknowledged.
  init(
    _ keys: RedisKeys, hasEvents: Bool, hasBatches: Bool = true, hasShards: Bool = false, isCluster: Bool = false,
    awaitsReplicas: Bool = false
  ) {
    var all: [Right] = []
    func need(_ work: Work, _ key: String, isPattern: Bool = false, onlyAsked: Bool = false, _ commands: [String]...) {
      for words in commands {
        let command = words.map { $0 == "KEY" ? key : $0 }
        // What a subcommand is called by ACL rules.
        let name = ["SCRIPT", "CLIENT", "CLUSTER"].contains(words[0]) ? "\(words[0])|\(words[1])" : words[0]
        let place = words.contains("KEY") ? " on \(key)\(isPattern ? "*" : "")" : ""
        all.append(Right(work: work, command: command, words: name + place, isOnlyAsked: onlyAsked))
      }
    }
    func sku(_ work: Work, _ key: String, onlyAsked: Bool = false, _ commands: [String]...) {
      for command in commands { need(work, key, isPattern: true, onlyAsked: onlyAsked, command) }
    }
    // No key has a name that is nothing but a prefix.
    let (get, set) = (["GET", "KEY"], ["SET", "KEY", "0", "EX", "x"])
    let (add, remove, range) = (["ZADD", "KEY", "x", "x"], ["ZREM", "KEY", ""], ["ZRANGE", "KEY", "0", "0"])
    let (raise, lower) = (["INCRBY", "KEY", "x"], ["DECRBY", "KEY", "x"])

    need(.selling, "", ["EVALSHA", String(repeating: "0", count: 40), "0"], ["SCRIPT", "LOAD", "return 1"], ["TIME"])
    sku(.selling, keys.inventory, get, ["MGET", "KEY"], lower, raise)
    sku(.selling, keys.total, ["MGET", "KEY"])
    sku(.selling, keys.sold, ["MGET", "KEY"], raise)
    sku(.selling, keys.holds, add, remove, range, ["ZRANGEBYSCORE", "KEY", "0", "0"], ["ZCARD", "KEY"])
    sku(.selling, keys.sales, ["LLEN", "KEY"])
    sku(.selling, keys.sales, onlyAsked: true, ["RPUSH", "KEY", "x"])
    sku(.selling, keys.reservation, get, set)
    // A value short, it does nothing even if it is run.
    if hasBatches { sku(.selling, keys.reservation, ["MSET", "KEY", "0", "KEY"]) }
    sku(.selling, keys.idempotencyRecords, get, set)
    sku(.selling, keys.idempotencyRecords, onlyAsked: true, ["DEL", "KEY"])
    for counter in [keys.inventory, keys.total, keys.sold, keys.holds, keys.sales] {
      sku(.selling, counter, ["EXISTS", "KEY"])
    }
    need(.selling, keys.due, add, remove, range, ["ZCARD", "KEY"])
    need(.selling, keys.skus, ["ZSCORE", "KEY", ""])
    // Links are tried by it, on a key that never exists.
    need(.selling, keys.vacant, ["DEL", "KEY"])
    if hasShards {
      need(
        .selling, keys.unsettled, ["ZCARD", "KEY"], add, remove, ["ZRANGEBYSCORE", "KEY", "0", "0"])
      sku(.selling, keys.void, set, ["EXISTS", "KEY"])
      need(.selling, keys.reservation, isPattern: true, ["EXPIRE", "KEY", "x"])
      need(.sweeping, keys.fence, get, set)
    }
    if isCluster { need(.selling, "", ["CLUSTER", "SLOTS"], ["CLUSTER", "INFO"]) }
    if awaitsReplicas { need(.selling, "", ["WAIT", "0", "1"]) }
    if hasEvents { need(.selling, keys.events, ["XADD", "KEY", "x", "x", "x"], ["XLEN", "KEY"]) }

    for counter in [keys.inventory, keys.total, keys.sold] {
      sku(.administration, counter, get, ["MSET", "KEY", "0", "KEY"], ["UNLINK", "KEY"])
    }
    for key in [keys.inventory, keys.total, keys.sold, keys.holds, keys.sales, keys.reservation] {
      sku(.administration, key, ["PTTL", "KEY"])
    }
    for key in [keys.skus, keys.due, keys.events] { need(.administration, key, ["PTTL", "KEY"]) }
    if !hasEvents { need(.administration, keys.events, ["EXISTS", "KEY"]) }
    sku(.administration, keys.holds, ["UNLINK", "KEY"])
    sku(.administration, keys.sales, ["LRANGE", "KEY", "0", "0"], ["UNLINK", "KEY"])
    sku(.administration, keys.reservation, ["EXISTS", "KEY"])
    sku(.administration, keys.inventory, onlyAsked: true, ["WATCH", "KEY"])
    need(.administration, "", onlyAsked: true, ["MULTI"], ["EXEC"])
    need(.administration, "", ["SCAN", "0", "COUNT", "1"])
    need(.administration, keys.skus, add, remove, range, ["ZSCORE", "KEY", ""], ["ZCARD", "KEY"])

    need(.sweeping, keys.lease, get, set, ["PTTL", "KEY"], ["PEXPIRE", "KEY", "x"])
    need(.sweeping, keys.lease, onlyAsked: true, ["DEL", "KEY"])
    need(.sweeping, keys.leaseEpoch, get, set)
    need(.sweeping, keys.leaseReleases, onlyAsked: true, ["DEL", "KEY"])
    need(
      .sweeping, keys.leaseReleases, ["XADD", "KEY", "x", "x", "x"], ["XREAD", "COUNT", "1", "STREAMS", "KEY", "$"])
    need(.sweeping, keys.due, ["ZCOUNT", "KEY", "0", "0"], ["ZRANGEBYSCORE", "KEY", "0", "0"])
    sku(.sweeping, keys.holds, ["ZCOUNT", "KEY", "0", "0"])
    sku(.sweeping, keys.sales, ["LTRIM", "KEY", "0", "0"])

    need(.watching, keys.store, get, set, ["TYPE", "KEY"])
    need(.watching, keys.storeMark, ["HGETALL", "KEY"], ["HSET", "KEY", "x", "x", "x"], ["HDEL", "KEY", ""])
    self.all = all
  }

  private static let maxRightsTold = 6

  /// - Parameter denied: the rights that are lacking.
  static func findings(_ denied: [Right], user: String?) -> [StoreFinding] {
    let name = user.map { "The Redis user \($0)" } ?? "The Redis user"
    return Work.allCases.compactMap { work in
      let lacking = denied.filter { $0.work == work }.map(\.words)
      guard !lacking.isEmpty else { return nil }
      let more = lacking.count > maxRightsTold ? " and \(lacking.count - maxRightsTold) more" : ""
      return StoreFinding(
        subject: "rights for \(work)", meaning: work == .selling ? .fault : .warning,
        words: "\(name) may not run \(lacking.prefix(maxRightsTold).joined(separator: ", "))\(more): \(work.harm)")
    }
  }

  /// Whether a reply to the command itself, or to ACL DRYRUN of it, is that it is forbidden. Nil: it is no answer.
  static func isDenied(_ reply: RedisReply) -> Bool? {
    switch reply {
    case .error(let line):
      if case .notYet = RedisFailure.Rejection(line: line) { return nil }
      return line.hasPrefix("NOPERM")
    case .bytes: return reply.text?.contains("no permissions") == true
    default: return false
    }
  }
}
