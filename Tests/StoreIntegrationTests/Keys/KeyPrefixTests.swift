import TestSupport
import Testing

@testable import Node
@testable import Store

extension AgainstRedis {
  /// Shops that share a database by means of key prefixes.
  @Suite struct KeyPrefixTests {
    @Test func `shops with prefixes know nothing of each other, and touch no key without their prefix`() async throws {
      let redis = try await PrivateRedis()
      let shops = ["", "shop-1:", "shop-2:"]
      var engines: [Engine] = []
      for prefix in shops {
        engines.append(try await Engine(redis.url, scripts: ScriptLibrary(tuning: .init(keyPrefix: prefix))))
      }
      for (number, engine) in engines.enumerated() {
        #expect(await engine.ask(Call(wish: .set("A", total: 10 + number), key: "k")).status == 201)
        let held = await engine.ask(.reserve("A", number + 1, key: "k"))
        #expect(held.status == 201 && !held.isReplay)
        let sold = await engine.ask(.reserve("A", key: "other")).reservationID
        #expect(await engine.ask(Call(wish: .confirm(sold), key: "k")).status == 200)
        for other in engines where other !== engine {
          #expect(await other.ask(Call(wish: .readReservation(sold))) == .problem(.unknownReservation))
        }
      }
      for (number, engine) in engines.enumerated() {
        let stock = await engine.ask(Call(wish: .readStock("A")))
        #expect(stock.number("total") == 10 + number && stock.number("reserved") == number + 1)
        #expect(await engine.ask(Call(wish: .list(after: nil, limit: 10))).body.contains("\"total\":\(10 + number)"))
        #expect(try await engine.wholeAudit().violations == [])
      }
      let keys = try await engines[0].link.reply("KEYS", "*").elements.compactMap(\.text)
      for prefix in shops.dropFirst() {
        let own = keys.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }
        #expect(
          Set(own).isSuperset(of: ["inventory:A", "total:A", "sold:A", "holds:A", "sales:A", "due", "skus", "events"]))
        #expect(Set(own).isSuperset(of: ["idem:reserve/-:k", "idem:confirm/-:k", "idem:set-stock/-:k"]))
      }
    }
  }
}
