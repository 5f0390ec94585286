import NIOCore
import TestSupport
import Testing

@testable import Node
@testable import Store

@Suite struct DamageWatchTests {
  @Test func `what is damaged is looked at again until it is repaired, or the watch is stopped`() throws {
    let link = ScriptedLink()
    var told: [Int] = []
    let watch = DamageWatch(
      eventLoop: link.loop, stock: ShardedStore(scripts: ScriptLibrary(tuning: .init()), link: link).stock,
      logger: .silent, changed: { told.append($0.count) })
    watch.start()
    let damage = StoreDamage(sku: SKU("a"), key: "holds:a")
    watch.sighted([damage, damage])
    link.pass(2000)
    #expect(link.sent.count == 1 && told == [1])
    link.pass(2000)
    #expect(link.sent.count == 2, "without an answer it is looked at again")
    link.last.line("OK \(link.redisNow)")
    #expect(told == [1, 0])
    link.pass(2000)
    #expect(link.sent.count == 2, "what is repaired is not looked at again")
    watch.sighted([damage])
    watch.stop()
    link.pass(10_000)
    #expect(link.sent.count == 2)
  }
}
