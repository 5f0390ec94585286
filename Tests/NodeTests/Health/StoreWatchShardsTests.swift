import Common
import TestSupport
import Testing

@testable import Node
@testable import Store

@Suite struct StoreWatchShardsTests {
  @Test func `a node that was not told takes the store as it is cut, and one that was told otherwise ends`() {
    let untold = StoreWatchBench()
    untold.layout = "8 -"
    untold.start()
    untold.link.pass(200)
    guard case .otherLayout(let found)? = untold.unfit.first else {
      Issue.record("\(untold.unfit)")
      return
    }
    #expect(found.map == ShardMap(count: 8, separator: UInt8(ascii: "-")) && untold.unfit.count == 1)
    #expect(untold.reports.allSatisfy { !$0.isChecked })

    for (layout, isUndivided, shards) in [
      ("8", false, 4), ("8 -", false, 8), (nil, true, 8), ("8", false, 1), ("x", false, 8),
    ] {
      let bench = StoreWatchBench()
      (bench.layout, bench.isUndivided) = (layout, isUndivided)
      bench.start(shards: shards)
      bench.link.pass(200)
      #expect(bench.unfit.first?.reason.contains("never cut anew") == true, "\(layout ?? "undivided") \(shards)")
      #expect(bench.layout == layout, "what is there stays")
    }
  }

  @Test func `the first node cuts an empty store, and whoever comes then finds it so`() {
    let bench = StoreWatchBench()
    bench.start(shards: 8)
    bench.link.pass(200)
    #expect(bench.layout == "8" && bench.unfit.isEmpty && bench.reports.last?.faults == [])
    let undivided = StoreWatchBench()
    undivided.start()
    undivided.link.pass(200)
    #expect(undivided.layout == nil && undivided.reports.last?.isChecked == true, "as before there were shards")
  }

  @Test func `a store that is cut anew under a node that has served is told, and no more sold on`() {
    let bench = StoreWatchBench()
    bench.layout = "8"
    bench.start(shards: 8)
    bench.link.pass(200)
    bench.layout = "4"
    bench.link.pass(30_000)
    #expect(bench.reports.last?.faults.first?.contains("never cut anew") == true && bench.unfit.isEmpty)
  }

  @Test func `each shard is looked at in its turn, and what one has lost is told until it is acknowledged`() throws {
    let bench = StoreWatchBench()
    bench.start(shards: 40)
    bench.link.pass(1000)
    let tags = ShardMap(count: 40).tags.map { "{\($0)}" }
    bench.link.pass(9000)
    let looked = Set(bench.link.sent.filter { $0.arguments[0] == "EVALSHA" }.map { $0.arguments[3] })
    #expect(looked == Set(tags), "each within nine seconds")
    #expect(bench.reports.last?.judge.loss == nil)
    bench.identities[tags[17]] = "00000000000000000000000000000000"
    bench.link.pass(9000)
    let judge = try #require(bench.reports.last?.judge)
    #expect(judge.loss?.foundIdentity == bench.identities[tags[17]])
    #expect(bench.log.all.count { $0.contains("Redis has lost data") } == 1)
    var memory = StoreMemory()
    memory.acknowledge([HealthReport.Store(judge)], at: 1)
    bench.watch.heard(memory)
    bench.link.pass(20_000)
    #expect(bench.reports.last?.judge.loss == nil, "that shard is now taken as it is")
    bench.identities[tags[17]] = "11111111111111111111111111111111"
    bench.link.pass(9000)
    #expect(bench.reports.last?.judge.loss?.seenIdentity == "00000000000000000000000000000000")
  }
}
