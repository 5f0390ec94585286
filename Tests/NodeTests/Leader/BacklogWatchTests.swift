import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Node
@testable import Store

/// How far behind the sweep is, is looked at for ever, whatever Redis says.
@Suite struct BacklogWatchTests {
  @Test func `a refusal is logged once, asked again after 100 ms, and its end is logged`() throws {
    let (link, log) = (ScriptedLink(), LogRecorder())
    var seen: [SweepRepository.Overdue?] = []
    let sweep = ShardedStore(scripts: ScriptLibrary(tuning: .init()), link: link).sweep
    let watch = BacklogWatch(
      eventLoop: link.loop, sweep: sweep, metrics: SweepMetrics(), logger: log.logger, report: { seen.append($0) })
    watch.start()
    for _ in 1...3 {
      link.last.answer(.success(.error("NOPERM no")))
      link.pass(100)
    }
    #expect(link.sent.count == 4 && seen == [nil, nil, nil])
    let refusal = try #require(log.all.first)
    #expect(log.all.count == 1 && refusal.hasPrefix("refused by Redis"), "\(log.all)")
    #expect(refusal.contains("NOPERM no") && refusal.contains("backlog"), "\(log.all)")
    link.last.line("OK \(link.redisNow) 7 -")
    #expect(seen.last == SweepRepository.Overdue(holds: 7))
    let end = try #require(log.all.last)
    #expect(log.all.count == 2 && end.hasPrefix("no longer refused by Redis"), "\(log.all)")
    link.pass(999)
    #expect(link.sent.count == 4)
    link.pass(1)
    #expect(link.sent.count == 5)
    watch.stop()
    link.last.line("OK \(link.redisNow) 7 -")
    link.pass(10_000)
    #expect(link.sent.count == 5, "who is stopped looks no more")
  }
}
