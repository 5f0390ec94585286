import Common
import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Node
@testable import Store

@Suite struct StoreWatchTests {
  @Test(
    arguments: [
      ("used_memory", 1_048_576), ("used_memory_rss", 99), ("maxmemory", 0), ("maxmemory_policy", nil), ("broken", nil),
      ("mem_fragmentation_ratio", nil), ("used", nil), ("memory", nil), ("", nil), ("used_memory_human", nil),
    ] as [(String, Int?)])
  func `a number is read by its whole name`(name: String, number: Int?) {
    #expect(StoreFinding.number(name, in: StoreWatchBench.info) == number)
  }

  @Test func `nothing is found in nothing`() { #expect(StoreFinding.number("used_memory", in: "") == nil) }

  private static let noAnswers: [ScriptedLink.Answer] = [
    .failure(.unknown(.deadlinePassed)), .failure(.unknown(.linkLost)), .failure(.notSent(.offline)),
    .success(.error("BUSY Redis is busy running a script")),
  ]

  @Test(arguments: noAnswers)
  func `a start without an answer about settings asks again and warns of nothing`(fault: ScriptedLink.Answer) {
    let bench = StoreWatchBench()
    bench.faults = [fault, fault]
    bench.start()
    bench.link.pass(20)
    #expect(bench.reports.allSatisfy { !$0.isChecked }, "nothing is known yet")
    bench.link.pass(200)
    #expect(bench.reports.last?.isChecked == true && bench.reports.allSatisfy { $0.warnings.isEmpty })
  }

  /// Only a starting node refuses such a store. An unanswered question must not make it accept the store.
  @Test(arguments: noAnswers)
  func `a store that evicts is refused, though the first question went unanswered`(fault: ScriptedLink.Answer) {
    let bench = StoreWatchBench()
    bench.settings["maxmemory-policy"] = "allkeys-lru"
    bench.faults = [fault]
    bench.start()
    bench.link.pass(200)
    #expect(bench.unfit.first?.reason.contains("allkeys-lru") == true)
    #expect(bench.reports.allSatisfy { !$0.isChecked })
  }

  @Test func `what was known holds until there is an answer`() {
    let bench = StoreWatchBench()
    bench.start()
    bench.link.pass(5000)
    bench.settings["appendonly"] = "no"
    bench.faults = [.failure(.unknown(.deadlinePassed))]
    while !bench.faults.isEmpty, bench.link.sent.count < 10_000 { bench.link.pass(10) }
    #expect(bench.reports.allSatisfy { $0.warnings.isEmpty })
    bench.link.pass(12_000)
    let warnings = bench.reports.last?.warnings
    #expect(warnings?.count == 1 && warnings?.first?.contains("appendonly") == true)
  }

  @Test func `a watch that is stopped asks nothing more`() {
    let bench = StoreWatchBench()
    bench.start()
    bench.link.pass(1000)
    bench.watch.stop()
    bench.link.pass(1000)
    let asked = bench.link.sent.count
    bench.link.pass(30_000)
    #expect(bench.link.sent.count == asked)
  }

  @Test func `a clock that is off is told, and the node serves`() {
    let bench = StoreWatchBench()
    bench.start()
    bench.link.pass(1000)
    #expect(bench.reports.last?.clockOffset.map { abs($0) <= 1 } == true && bench.reports.last?.warnings == [])
    bench.wallAhead = 6000
    bench.link.pass(1000)
    #expect(bench.reports.last?.warnings.first?.contains("behind this node's") == true)
    #expect(bench.reports.last?.faults == [] && bench.reports.last?.clockOffset == -6000)
  }

  @Test func `where CONFIG is forbidden, that is said`() {
    let bench = StoreWatchBench()
    bench.faults = [.success(.error("NOPERM this user has no permissions to run the 'config|get' command"))]
    bench.start()
    bench.link.pass(20)
    #expect(bench.reports.first?.warnings.first?.contains("could not check") == true)
  }

  @Test(
    arguments: [
      ("6.2.6", "standalone", "7.0 or later, but it is 6.2.6"), ("7.2.0", "cluster", "cluster mode"),
      ("7.2.0", "sentinel", "Sentinel"),
    ])
  func `a Redis of the wrong kind ends the start with one line`(version: String, mode: String, words: String) {
    let bench = StoreWatchBench()
    bench.replies = ["HELLO": StoreWatchBench.hello(version: version, mode: mode), "EVALSHA": .error("ERR near '#'")]
    bench.start()
    bench.link.pass(200)
    #expect(bench.unfit.count == 1 && bench.reports.allSatisfy { !$0.isChecked })
    #expect(bench.unfit.first?.reason.contains(words) == true)
  }

  @Test func `a node that serves is told of the wrong kind as a fault`() {
    let bench = StoreWatchBench()
    bench.start()
    bench.link.pass(1000)
    bench.replies["HELLO"] = StoreWatchBench.hello(mode: "cluster")
    bench.link.pass(12_000)
    #expect(bench.unfit.isEmpty && bench.reports.last?.faults.first?.contains("cluster mode") == true)
  }

  /// What can go wrong while a node serves, each with the words of its report.
  enum Trouble: String, CaseIterable {
    case version = "must be 7.0 or later, but it is 6.2.14"
    case mode = "cluster mode"
    case types = "is a list and must be a"
    case rights = "may not run DECRBY on inventory:*"
    case appendfsync = "appendfsync no"
    case maxmemory = "no maxmemory"
    case writes = "Redis takes no writes: NOREPLICAS"
    case clock = "Redis's clock is 6.0 s behind this node's"

    fileprivate func befall(_ bench: StoreWatchBench) {
      switch self {
      case .version: bench.replies["HELLO"] = StoreWatchBench.hello(version: "6.2.14")
      case .mode: bench.replies["HELLO"] = StoreWatchBench.hello(mode: "cluster")
      case .types: bench.replies["TYPE"] = .status("list")
      case .rights: for word in ["ACL", "DECRBY"] { bench.replies[word] = .error("NOPERM x") }
      case .appendfsync: bench.settings["appendfsync"] = "no"
      case .maxmemory: bench.settings["maxmemory"] = "0"
      case .writes: bench.replies["EVALSHA"] = .error("NOREPLICAS x")
      case .clock: bench.wallAhead = 6000
      }
    }
  }

  @Test(arguments: Trouble.allCases)
  func `what goes wrong while the node serves is told until it is well again`(trouble: Trouble) {
    let bench = StoreWatchBench()
    bench.start()
    bench.link.pass(1000)
    let (well, replies) = (bench.settings, bench.replies)
    trouble.befall(bench)
    bench.link.pass(12_000)
    let told = (bench.reports.last?.faults ?? []) + (bench.reports.last?.warnings ?? [])
    #expect(told.contains { $0.contains(trouble.rawValue) }, "\(told)")
    (bench.settings, bench.replies, bench.wallAhead) = (well, replies, 0)
    bench.link.pass(12_000)
    #expect(bench.reports.last?.faults == [] && bench.reports.last?.warnings == [])
    #expect(bench.unfit.isEmpty)
  }

  @Test func `Redis is asked again and again how full it is`() {
    let bench = StoreWatchBench()
    bench.start()
    bench.link.pass(1000)
    #expect(bench.reports.last?.isNearlyFull == false)
    bench.replies["INFO"] = .bytes(Array("used_memory:900\r\nmaxmemory:1000\r\n".utf8))
    bench.link.pass(1000)
    #expect(bench.reports.last?.isNearlyFull == true)
    bench.replies["INFO"] = nil
    bench.link.pass(1000)
    #expect(bench.reports.last?.isNearlyFull == false)
  }

  @Test func `where INFO is forbidden, the node serves, and says that the guard is off`() {
    let bench = StoreWatchBench()
    bench.replies["INFO"] = .error("NOPERM this user has no permissions to run the 'info' command")
    bench.start()
    bench.link.pass(200)
    #expect(bench.reports.last?.isChecked == true && bench.reports.last?.faults == [])
    #expect(bench.reports.last?.warnings.first?.contains("guard that keeps memory for what is held is off") == true)
  }

  @Test func `what Redis says to a write is told once, and once when it is well again`() {
    let bench = StoreWatchBench()
    bench.start()
    bench.link.pass(200)
    bench.replies["EVALSHA"] = .error("NOREPLICAS Not enough good replicas to write.")
    bench.link.pass(3000)
    let words = "Redis takes no writes: NOREPLICAS Not enough good replicas to write.: the shop cannot sell"
    #expect(bench.reports.last?.faults == [words] && bench.reports.last?.isChecked == true)
    bench.replies["EVALSHA"] = nil
    bench.link.pass(1000)
    #expect(bench.reports.last?.faults == [])
    #expect(bench.log.all.count { $0.contains("NOREPLICAS") } == 2, "\(bench.log.all)")
  }

  @Test func `while Redis reads its data, the node starts, and says what it waits for`() {
    let bench = StoreWatchBench()
    for word in ["EVALSHA", "TYPE"] { bench.replies[word] = .error("LOADING Redis is loading the dataset in memory") }
    bench.start()
    bench.link.pass(2000)
    #expect(bench.reports.last?.isChecked == false && bench.unfit.isEmpty)
    #expect(bench.reports.last?.faults.first?.contains("reads its data") == true)
    bench.replies = [:]
    bench.link.pass(600)
    #expect(bench.reports.last?.isChecked == true && bench.reports.last?.faults == [])
  }

  @Test func `rights that are in doubt are asked about at once, and at most once a second`() {
    let bench = StoreWatchBench()
    bench.start()
    bench.link.pass(1000)
    let asked = { bench.link.sent.count { $0.arguments == ["ACL", "WHOAMI"] } }
    let before = asked()
    bench.replies["ACL"] = .bytes(Array("User shop has no permissions to run it".utf8))
    bench.watch.doubtRights()
    bench.link.pass(20)
    #expect(bench.reports.last?.faults.first?.contains("may not run") == true)
    for _ in 0..<190 {
      bench.watch.doubtRights()
      bench.link.pass(10)
    }
    #expect(asked() - before == 2, "at once, and after a second")
    bench.replies["ACL"] = nil
    bench.link.pass(120)
    #expect(bench.reports.last?.faults == [], "the doubt of the last second is not forgotten")
  }

  @Test func `a loss that others have found is told and logged`() {
    let bench = StoreWatchBench()
    bench.start()
    bench.link.pass(1000)
    let loss = HealthReport.Store.Loss(
      seenIdentity: "I", seenMark: 9, foundIdentity: bench.identity, foundMark: 5, since: "2026-11-22T08:45:00.123Z")
    bench.watch.heard(StoreMemory(loss: loss))
    bench.link.pass(1000)
    #expect(bench.reports.last?.judge.loss == loss)
    #expect(bench.log.all.count { $0.contains("Redis has lost data") } == 1)
  }

  @Test func `a store that is another one is told until it is acknowledged`() throws {
    let bench = StoreWatchBench()
    bench.start()
    bench.link.pass(1000)
    bench.identity = "00000000000000000000000000000000"
    bench.link.pass(1000)
    let judge = try #require(bench.reports.last?.judge)
    #expect(judge.loss?.foundIdentity == bench.identity && bench.reports.last?.faults == [])
    #expect(bench.log.all.count { $0.contains("Redis has lost data") } == 1)
    var memory = StoreMemory()
    memory.acknowledge([HealthReport.Store(judge)], at: 1)
    bench.watch.heard(memory)
    bench.link.pass(1000)
    #expect(bench.reports.last?.judge.loss == nil && bench.log.all.contains { $0.contains("acknowledged") })
  }
}
