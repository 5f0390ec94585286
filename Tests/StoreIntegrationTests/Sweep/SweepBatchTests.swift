import TestSupport
import Testing

@testable import Store

extension LeaseAndSweep {
  /// A batch of the sweep is bounded work and misses nothing.
  @Suite struct SweepBatchTests {
    private static let deadline = ScriptStore.at(60_000)

    /// The replies of `count` sweeps.
    private static func sweeps(_ count: Int, _ store: ScriptStore, lines: Int = 80) async throws -> [String] {
      var replies: [String] = []
      for _ in 0..<count { replies.append(try await store.sweep(lines: lines)) }
      return replies
    }

    private static func names(_ prefix: String, _ count: Int) -> [String] {
      (0..<count).map { "\(prefix)\(1000 + $0)" }
    }

    private static let ofOneSKU: PromiseCheck = { store, breaches in
      await store.stock(["A"])
      try await store.hold(200, ["A"])
      let live = try await store.hold(1, ["A"], ttlSeconds: 90)
      _ = try await store.acquire()
      breaches.expect(try await store.sweep(), "OK 0 \(deadline)", "before the deadline")
      try await store.setClock(60_000)
      let later = deadline + 30_000
      let expected = ["OK 80 \(deadline)", "OK 80 \(deadline)", "OK 40 \(later)", "OK 0 \(later)"]
      breaches.expect(try await sweeps(4, store), expected, "200 holds of a SKU")
      _ = await store.engine.ask(Call(wish: .cancel(live[0])))
      try await store.setClock(90_000)
      breaches.expect(try await sweeps(2, store), ["OK 0 -", "OK 0 -"], "a bound that nothing stands behind")
    }

    private static let ofManyLines: PromiseCheck = { store, breaches in
      let skus = names("L", Limits.maxLines)
      await store.stock(skus + ["A"])
      try await store.hold(10, skus)
      _ = try await store.acquire()
      try await store.setClock(60_000)
      let expected = ["OK 4 \(deadline)", "OK 4 \(deadline)", "OK 2 -"]
      breaches.expect(try await sweeps(3, store), expected, "holds of \(Limits.maxLines) lines")
      // A started reservation is released as a whole. So a batch exceeds its limit by less than one reservation.
      try await store.hold(20, ["A"], ttlSeconds: 1)
      try await store.setClock(61_000)
      try await store.hold(2, skus, ttlSeconds: 1)
      try await store.setClock(62_000)
      let next = "\(ScriptStore.at(62_000))"
      let cut = ["OK 21 \(next)", "OK 1 \(next)", "OK 0 -"]
      breaches.expect(try await sweeps(3, store, lines: 21), cut, "the last of a batch")
    }

    private static let ofManySKUs: PromiseCheck = { store, breaches in
      let skus = names("S", 200)
      await store.stock(skus + ["Z"])
      for sku in skus { try await store.hold(1, [sku]) }
      // Due before all others, although its name comes last.
      try await store.hold(3, ["Z"], ttlSeconds: 59)
      _ = try await store.acquire()
      try await store.setClock(60_000)
      breaches.expect(try await store.sweep(lines: 3), "OK 3 \(deadline)", "the first due")
      breaches.expect(try await store.available("Z"), 1000, "what was due first comes first")
      let expected = ["OK 80 \(deadline)", "OK 80 \(deadline)", "OK 40 -"]
      breaches.expect(try await sweeps(3, store), expected, "200 SKUs")
    }

    private static let ofStaleBounds: PromiseCheck = { store, breaches in
      let (ended, longer) = (names("E", 100), names("L", 100))
      await store.stock(ended + longer)
      for sku in ended + longer {
        let id = try await store.hold(1, [sku])[0]
        _ = await store.engine.ask(Call(wish: .cancel(id)))
      }
      for sku in longer { try await store.hold(1, [sku], ttlSeconds: 120) }
      _ = try await store.acquire()
      try await store.setClock(60_000)
      let replies = try await sweeps(3, store)
      breaches.expect(replies, ["OK 0 \(deadline)", "OK 0 \(deadline)", "OK 0 \(deadline + 60_000)"], "stale bounds")
      let bounds = try await store.engine.link.reply("ZRANGE", "due", "0", "-1", "WITHSCORES").elements.map(\.text)
      breaches.expect(bounds, longer.flatMap { [$0, "\(deadline + 60_000)"] }, "the bounds that are left")

      // Look-ups count towards the limit like lines.
      await store.stock(["Z"])
      for sku in ended.prefix(9) {
        let id = try await store.hold(1, [sku], ttlSeconds: 1)[0]
        _ = await store.engine.ask(Call(wish: .cancel(id)))
      }
      try await store.hold(5, ["Z"], ttlSeconds: 1)
      try await store.setClock(61_000)
      let mixed = ["OK 1 \(ScriptStore.at(61_000))", "OK 4 \(deadline + 60_000)"]
      breaches.expect(try await sweeps(2, store, lines: 10), mixed, "stale bounds before a due one")
    }

    private static let mutants: [(check: PromiseCheck, mutants: [ScriptMutant])] = [
      (
        ofOneSKU,
        [
          ScriptMutant(
            "sweep", "tells of nothing left", "(next_due or '-')", "'-'"),
          ScriptMutant("sweep", "forgets what is due later", "redis.call('ZADD', DUE, earliest, sku)", ""),
          ScriptMutant("sweep", "keeps SKUs that hold nothing", "redis.call('ZREM', DUE, sku)", ""),
        ]
      ),
      (
        ofManyLines,
        [
          ScriptMutant(
            "sweep", "counts holds, not lines", "budget = budget - #skus", "budget = budget - 1"),
          ScriptMutant(
            "sweep", "never has enough of a SKU", "if budget <= 0 then\n      break", "if false then\n      break"),
        ]
      ),
      (
        ofManySKUs,
        [
          ScriptMutant("sweep", "goes by names", "'ZRANGEBYSCORE', DUE, '-inf', now", "'ZRANGEBYLEX', SKUS, '-', '+'")
        ]
      ),
      (
        ofStaleBounds,
        [
          ScriptMutant("sweep", "looks at SKUs for nothing", "math.min(left, budget - 1)", "left"),
          ScriptMutant("sweep", "forgets what is due later", "redis.call('ZADD', DUE, earliest, sku)", ""),
          ScriptMutant("sweep", "keeps SKUs that hold nothing", "redis.call('ZREM', DUE, sku)", ""),
        ]
      ),
    ]

    @Test func `a batch takes 80 item lines of one SKU, and says when to come again`() async throws {
      #expect(try await breaches(of: Self.ofOneSKU) == [])
    }

    @Test func `a batch is bounded by item lines, not by reservations`() async throws {
      #expect(try await breaches(of: Self.ofManyLines) == [])
    }

    @Test func `a batch is bounded by SKUs, those due first before the others`() async throws {
      #expect(try await breaches(of: Self.ofManySKUs) == [])
    }

    @Test func `bounds in 'due' that have become too early are corrected, a bounded number at a time`() async throws {
      #expect(try await breaches(of: Self.ofStaleBounds) == [])
    }

    @Test func `mistakes in a batch's bounds are noticed`() async throws {
      for (check, mutants) in Self.mutants { #expect(try await unnoticed(mutants, by: check) == []) }
    }
  }
}
