import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Node
@testable import Store

/// Followers hear of each release, and the log of what keeps them from it.
@Suite struct ReleaseSubscriberTests {
  /// A subscriber on a link whose replies the test gives.
  private final class Bench {
    let link = ScriptedLink()
    let log = LogRecorder()
    var releases = 0

    init() {
      let lease = StoreSession(scripts: ScriptLibrary(tuning: .init()), link: link).lease
      ReleaseSubscriber(eventLoop: link.loop, lease: lease, logger: log.logger).subscribe { self.releases += 1 }
    }

    /// The places in the stream that were asked from.
    var places: [String] { link.sent.map { $0.arguments.last ?? "" } }

    func release(_ id: String) {
      let entry = RedisReply.array([.bytes(Array(id.utf8)), .array([])])
      link.last.answer(.success(.array([.array([.bytes([]), .array([entry])])])))
    }

    func refuse() { link.last.answer(.success(.error("NOPERM no"))) }
  }

  @Test func `each release is told once, and the next is waited for from there`() {
    let bench = Bench()
    bench.link.last.answer(.success(.null))
    bench.release("5-1")
    bench.release("6-1")
    #expect(bench.releases == 2 && bench.places == ["$", "$", "5-1", "6-1"])
    #expect(bench.log.all == [])
  }

  @Test func `a refusal is logged once, asked again after 100 ms, and its end is logged`() throws {
    let bench = Bench()
    bench.release("5-1")
    bench.refuse()
    bench.link.pass(99)
    #expect(bench.link.sent.count == 2)
    bench.link.pass(1)
    bench.refuse()
    bench.link.pass(100)
    let refusal = try #require(bench.log.all.first)
    #expect(bench.log.all.count == 1 && refusal.hasPrefix("refused by Redis"), "\(bench.log.all)")
    #expect(refusal.contains("NOPERM no") && refusal.contains("releases"), "\(bench.log.all)")
    bench.link.last.answer(.success(.null))
    let end = try #require(bench.log.all.last)
    #expect(bench.log.all.count == 2 && end.hasPrefix("no longer refused by Redis"), "\(bench.log.all)")
    // What was released meanwhile is not known.
    #expect(bench.places == ["$", "5-1", "$", "$", "$"] && bench.releases == 1)
  }
}
