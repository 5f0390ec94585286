import NIOCore
import TestSupport
import Testing

@testable import Store

extension AgainstRedis {
  @Suite struct StockListingTests {
    @Test func `pages list every SKU that is there throughout exactly once, in byte order`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      // More SKUs than two script calls read.
      let steady = (0..<130).map { "s\($0 * 7919 % 1000)" }
      for sku in steady { _ = await engine.ask(Call(wish: .set(sku, total: 5))) }
      for limit in [1, 7, 49, 50, 51, 130, 1000] {
        var seen: [String] = []
        var cursor: String?
        var pages = 0
        repeat {
          let page = await engine.ask(Call(wish: .list(after: cursor, limit: limit)), age: Engine.patience)
          let skus = page.body.matches(of: /"sku":"([^"]+)"/).map { String($0.1) }
          #expect(skus.count <= limit)
          seen += skus
          cursor = page.body.firstMatch(of: /next (.+)$/).map { String($0.1) }.flatMap { $0 == "none" ? nil : $0 }
          pages += 1
          // On both sides of the cursor.
          guard let cursor else { break }
          for near in [cursor + "-x", String(cursor.dropLast()) + "-"] {
            _ = await engine.ask(Call(wish: pages % 2 == 0 ? .set(near, total: 1) : .delete(near)))
          }
        } while cursor != nil && pages < 500
        #expect(seen.filter(Set(steady).contains) == steady.sorted())
        #expect(Set(seen).count == seen.count)
      }
    }

    @Test func `holds that are due count as released in every row, over several steps`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url, scripts: TestClock.scripts())
      engine.link.post(TestClock.setting(TestClock.start))
      let skus = (0..<60).map { "s\($0 + 100)" }
      for sku in skus {
        _ = await engine.ask(Call(wish: .set(sku, total: 5)))
        _ = await engine.ask(.reserve(sku, 2, ttlSeconds: 10))
      }
      engine.link.post(TestClock.setting(TestClock.start + 10_000))
      let page = await engine.ask(Call(wish: .list(after: nil, limit: 60)), age: Engine.patience)
      #expect(page.body.matches(of: /"total":5,"available":5,"reserved":0/).count == 60)
      #expect(try await engine.link.integer("XLEN", "events") == 180)
    }
  }
}
