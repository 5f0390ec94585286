import Common
import RedisClient
import Testing

@testable import Node
@testable import Store

/// What Redis's replies mean.
@Suite struct StoreFindingTests {
  private static func pairs(_ texts: String...) -> RedisReply { .array(texts.map { .bytes(Array($0.utf8)) }) }

  @Test(
    arguments: [
      (pairs("server", "redis", "version", "7.0.0", "mode", "standalone"), "7.0.0", nil),
      (pairs("mode", "standalone", "version", "8.2.1"), "8.2.1", nil),
      (pairs("version", "6.2.14", "mode", "standalone"), "6.2.14", "must be 7.0 or later, but it is 6.2.14"),
      (pairs("version", "255.255.255", "mode", "cluster"), "255.255.255", "cluster mode"),
      (pairs("version", "7.0.0", "mode", "sentinel"), "7.0.0", "Sentinel"),
      (.error("ERR unknown command `HELLO`, with args beginning with: "), nil, "below 6.0"),
      (.error("ERR something else"), nil, nil), (.null, nil, nil), (pairs("version"), nil, nil),
      (pairs("version", "x.y"), "x.y", nil),
    ] as [(RedisReply, String?, String?)])
  func `what HELLO tells of the server ends the start, or is nothing`(
    hello: RedisReply, version: String?, words: String?
  ) {
    let server = StoreFinding.server(hello: hello)
    #expect(server?.version == version && server?.findings.count == (words == nil ? 0 : 1))
    #expect(server?.findings.allSatisfy { $0.endsStart && $0.meaning == .fault } == true)
    if let words { #expect(server?.findings.first?.words.contains(words) == true) }
  }

  @Test(
    arguments: [
      (["noeviction", "yes", "everysec", "1"], []), (["noeviction", "yes", "always", "1"], []),
      (["volatile-lru", "yes", "always", "1"], ["policy"]), (["noeviction", "no", "no", "1"], ["appendonly"]),
      (["noeviction", "yes", "no", "1"], ["appendfsync"]), (["noeviction", "yes", "always", "0"], ["maxmemory"]),
      (["allkeys-lru", "no", "no", "0"], ["policy", "appendonly", "maxmemory"]),
    ])
  func `settings of Redis that endanger data are warned of; an eviction policy ends the start`(
    values: [String], subjects: [String]
  ) {
    let config = RedisReply.array(
      zip(StoreFinding.settings, values).flatMap { [$0, $1] }.map { .bytes(Array($0.utf8)) })
    let findings = StoreFinding.settings(config: config)
    #expect(findings?.map(\.subject) == subjects)
    #expect(findings?.allSatisfy { $0.meaning == .warning && $0.endsStart == ($0.subject == "policy") } == true)
  }

  @Test(
    arguments: [
      ("NOREPLICAS Not enough good replicas to write.", "Redis takes no writes: NOREPLICAS"),
      ("MISCONF Errors writing to the AOF file: No space left on device", "Redis takes no writes: MISCONF"),
      ("READONLY You can't write against a read only replica.", "Redis takes no writes: READONLY"),
      ("OOM command not allowed when used memory > 'maxmemory'.", "Redis takes no writes: OOM"),
      ("LOADING Redis is loading the dataset in memory", "reads its data"),
      ("BUSY Redis is busy running a script.", "busy with one long script"),
      ("MASTERDOWN Link with MASTER is down", "answers nothing at present: MASTERDOWN"),
      ("NOPERM this user has no permissions to run the 'evalsha' command", "forbids its user"),
      ("ERR Error compiling script: unexpected symbol near '#'", "refuses the node's scripts"),
    ])
  func `a refused write is told with its reason and Redis's words`(line: String, words: String) {
    let finding = StoreFinding.write(refused: .redis(.rejected(RedisFailure.Rejection(line: line))))
    #expect(finding?.meaning == .fault && finding?.words.contains(words) == true)
    #expect(finding?.words.contains(line) == true && finding?.words.hasSuffix(": the shop cannot sell") == true)
    #expect(StoreFinding.write(refused: .redis(.unknown(.linkLost))) == nil)
  }

  /// The coordinator tells first what faults come to, and so takes it off their ends.
  @Test func `every fault ends with what it comes to`() {
    let names = RedisKeys()
    let keys = OwnKeys(names, hasEvents: true).all
    var findings = OwnKeys.findings(keys, keys.map { _ in .status("list") }) ?? []
    findings += RedisRights.findings(RedisRights(names, hasEvents: true).all, user: nil)
    findings += Replication(info: "", minReplicas: 1).findings(.init(minReplicas: 1))
    for (version, mode) in [("6.2.14", "standalone"), ("7.0.0", "cluster"), ("7.0.0", "sentinel")] {
      findings += StoreFinding.server(hello: Self.pairs("version", version, "mode", mode))?.findings ?? []
    }
    findings += ["NOREPLICAS x", "LOADING x", "BUSY x", "NOPERM x", "NOSCRIPT x", "ERR x"].compactMap {
      StoreFinding.write(refused: .redis(.rejected(RedisFailure.Rejection(line: $0))))
    }
    let faults = findings.filter { $0.meaning == .fault }.map(\.words)
    #expect(faults.count == 13)
    let redis = HealthReport.Redis(
      connected: true, roundTripMs: nil, pending: 0, reconnects: 0, usedBytes: 0, limitBytes: 0, faults: faults,
      warnings: [])
    #expect(redis.obstacles.map { "\($0): the shop cannot sell" } == faults)
  }

  @Test func `a Cluster is what is wanted where the URL says so, and nowhere else`() {
    let cluster = Self.pairs("version", "7.0.0", "mode", "cluster")
    #expect(StoreFinding.server(hello: cluster)?.findings.first?.endsStart == true)
    #expect(StoreFinding.server(hello: cluster, isCluster: true)?.findings == [])
  }

  @Test(arguments: ["MOVED 1 h:1", "ASK 1 h:1", "TRYAGAIN x", "CLUSTERDOWN Hash slot not served"])
  func `that one slot is on its way says nothing of Redis`(line: String) {
    #expect(StoreFinding.write(refused: .redis(.rejected(RedisFailure.Rejection(line: line)))) == nil)
  }

  @Test func `of several servers the fullest is shown, and what is found of any`() {
    let words = { (subject: String) in StoreFinding(subject: subject, meaning: .warning, words: subject) }
    let fullest = StoreFinding.Memory(fullestOf: [
      .init(used: 5, limit: 10, findings: [words("a")]), .init(used: 50, limit: 60),
      .init(used: 90, limit: 0, findings: [words("a"), words("b")]),
    ])
    #expect(fullest == StoreFinding.Memory(used: 50, limit: 60, findings: [words("a"), words("b")]))
    #expect(StoreFinding.Memory(fullestOf: []) == nil)
  }

  @Test func `a busy or loading Redis is no answer to any question`() {
    let keys = OwnKeys(RedisKeys(), hasEvents: true).all
    for line in ["LOADING x", "BUSY x", "MASTERDOWN x"] {
      let reply = RedisReply.error(line)
      #expect(StoreFinding.server(hello: reply) == nil && StoreFinding.settings(config: reply) == nil)
      #expect(StoreFinding.memory(info: reply) == nil && RedisRights.isDenied(reply) == nil)
      #expect(OwnKeys.findings(keys, keys.map { _ in reply }) == nil)
    }
  }

  @Test func `keys of our own that are of another type are named, with what they are and must be`() {
    let keys = OwnKeys(RedisKeys(prefix: "shop:"), hasEvents: true).all
    #expect(keys.map(\.name).contains("shop:events") && keys.count == 8)
    #expect(OwnKeys(RedisKeys(), hasEvents: false).all.count == 7)
    let right = keys.map { RedisReply.status($0.type) }
    #expect(OwnKeys.findings(keys, right) == [])
    #expect(OwnKeys.findings(keys, keys.map { _ in .status("none") }) == [])
    let findings = OwnKeys.findings(keys, keys.map { _ in .status("list") }) ?? []
    #expect(findings.count == 8 && findings.count { $0.meaning == .fault } == 2)
    #expect(findings.first?.words.contains("The key shop:events in Redis is a list and must be a stream") == true)
  }
}
