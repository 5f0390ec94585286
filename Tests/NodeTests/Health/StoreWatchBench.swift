import Common
import NIOCore
import RedisClient
import TestSupport

@testable import Node
@testable import Store

/// A watch over a Redis that answers within a millisecond, or answers wrongly.
final class StoreWatchBench {
  static let info = """
    # Memory\r
    used_memory_human:1.00M\r
    used_memory:1048576\r
    used_memory_rss:99\r
    maxmemory:0\r
    maxmemory_human:0B\r
    maxmemory_policy:noeviction\r
    mem_fragmentation_ratio:7.03\r
    broken:\r
    \r
    """

  let link = ScriptedLink()
  var settings = [
    "appendonly": "yes", "appendfsync": "everysec", "maxmemory": "1", "maxmemory-policy": "noeviction",
  ]
  /// Replaces the usual answer to commands that begin with this word.
  var replies: [String: RedisReply] = [:]
  /// How the store is cut.
  var layout: String?
  var isUndivided = false
  var identity = "9c1f0a77d02b4c6e8a5d3f2b71e0c4d8"
  /// That of shards which have another one, by the key that their calls declare.
  var identities: [String: String] = [:]
  /// How far the node's clock is ahead of Redis's, in milliseconds.
  var wallAhead: Int64 = 0
  let log = LogRecorder()
  /// Replaces the next answers to questions about `appendonly`.
  var faults: [ScriptedLink.Answer] = []
  var reports: [StoreReport] = []
  var unfit: [StoreWatch.Unfit] = []

  init() {
    link.onSend = { [unowned self] command in
      link.at(link.loop.now + .milliseconds(1)) { command.answer(self.answer(to: command.arguments)) }
    }
  }

  private(set) var watch: StoreWatch!

  /// - Parameter shards: into how many the node is told to cut the store; nil: nobody has told it.
  func start(shards: Int? = nil) {
    watch = StoreWatch(
      links: link, scripts: ScriptLibrary(tuning: .init(), shards: ShardMap(count: shards ?? 1)),
      isLayoutGiven: shards != nil, logger: log.logger,
      wallClock: { [link, unowned self] in link.redisNow + wallAhead },
      report: { self.reports.append($0) }, unfit: { self.unfit.append($0) })
    watch.start()
  }

  private func answer(to words: [String]) -> ScriptedLink.Answer {
    if let reply = replies[words[0]] { return .success(reply) }
    switch words[0] {
    case "INFO": return .success(.bytes(Array(Self.info.utf8)))
    case "HELLO": return .success(Self.hello())
    case "EVALSHA" where words.count > 4:
      let identity = words[2] == "1" ? identities[words[3]] ?? identity : identity
      return .success(.bytes(Array("OK \(link.redisNow) \(identity) \(identity) 0 - b0 \(link.redisNow)".utf8)))
    case "CONFIG": break
    case "TYPE": return .success(.status("none"))
    case "GET" where words[1] == "shards": return .success(layout.map { .bytes(Array($0.utf8)) } ?? .null)
    case "EXISTS" where words[1] == "store": return .success(.integer(isUndivided ? 1 : 0))
    case "SET" where words[1] == "shards":
      layout = words[2]
      return .success(.status("OK"))
    default: return .success(.status("OK"))
    }
    if words.contains("appendonly"), !faults.isEmpty { return faults.removeFirst() }
    // Redis answers in its own order.
    let names = words.dropFirst(2).sorted()
    return .success(
      .array(names.flatMap { [$0, settings[$0] ?? ""] }.map { .bytes(Array($0.utf8)) }))
  }

  static func hello(version: String = "7.0.15", mode: String = "standalone") -> RedisReply {
    .array(["server", "redis", "version", version, "mode", mode].map { .bytes(Array($0.utf8)) })
  }
}

extension StoreWatch.Unfit {
  var reason: String {
    switch self {
    case .damaged(let reason): reason
    case .otherLayout(let found): "the layout \(found.text)"
    }
  }
}
