import TestSupport
import Testing

@testable import Store

extension LeaseAndSweep {
  /// How far behind the sweep is.
  @Suite struct OverdueTests {
    private static let check: PromiseCheck = { store, breaches in
      await store.stock(["A", "B", "C", "D"])
      breaches.expect(try await store.run(\.overdue.script, "50", "1000"), "OK 0 -", "nothing held")
      try await store.hold(5, ["A"], ttlSeconds: 60)
      try await store.hold(2, ["A"], ttlSeconds: 61)
      try await store.hold(3, ["B"], ttlSeconds: 59)
      try await store.hold(4, ["D"], ttlSeconds: 90)
      let ended = try await store.hold(1, ["C"], ttlSeconds: 10)
      _ = await store.engine.ask(Call(wish: .cancel(ended[0])))
      let (oldest, later) = (ScriptStore.at(59_000), ScriptStore.at(60_000))
      for (time, holds) in [
        (58_999, "0 -"), (59_000, "3 \(oldest)"), (60_000, "8 \(oldest)"), (61_000, "10 \(oldest)"),
      ] {
        try await store.setClock(Int64(time))
        breaches.expect(try await store.run(\.overdue.script, "50", "1000"), "OK \(holds)", "after \(time) ms")
      }
      // C is found first because of its bound, then B.
      breaches.expect(try await store.run(\.overdue.script, "1", "1000"), "OK 0 -", "one SKU looked at")
      breaches.expect(try await store.run(\.overdue.script, "2", "1000"), "OK 3 \(oldest)", "two SKUs looked at")

      // Each of the three checked entries is a separate hold. The others are assumed to be separate too.
      breaches.expect(try await store.run(\.overdue.script, "50", "3"), "OK 10 \(oldest)", "three entries looked at")
      let before = try await store.everything()
      _ = try await store.run(\.overdue.script, "50", "1000")
      breaches.expect(try await store.everything() == before, "a look changes nothing")
      _ = try await store.acquire()
      breaches.expect(try await store.sweep(lines: 4), "OK 3 \(later)", "sweep of the stale bound and the oldest")
      breaches.expect(try await store.run(\.overdue.script, "50", "1000"), "OK 7 \(later)", "after a batch")

      // A hold of three SKUs counts once.
      try await store.clear()
      await store.stock(["A", "B", "C"])
      try await store.hold(4, ["A", "B", "C"], ttlSeconds: 60)
      try await store.hold(2, ["B"], ttlSeconds: 60)
      try await store.setClock(60_000)
      breaches.expect(try await store.run(\.overdue.script, "50", "1000"), "OK 6 \(later)", "carts of three SKUs")
    }

    private static let mutants = [
      ScriptMutant("overdue", "waits a millisecond for a hold", "first <= now", "first < now"),
      ScriptMutant(
        "overdue", "waits a millisecond for a SKU", "DUE, '-inf', now, 'LIMIT'", "DUE, '-inf', '(' .. now, 'LIMIT'"),
      ScriptMutant("overdue", "counts entries", "if not seen[ids[j]] then", "if true then"),
      ScriptMutant(
        "overdue", "counts what is not due", "'ZRANGEBYSCORE', index, '-inf', now",
        "'ZRANGEBYSCORE', index, '-inf', 'inf'"),
      ScriptMutant("overdue", "forgets what it has not looked at", "if entries > looked then", "if false then"),
      ScriptMutant("overdue", "tells the youngest", "first < oldest", "first > oldest"),
      ScriptMutant("overdue", "looks at all SKUs", "'LIMIT', '0', ARGV[2]", "'LIMIT', '0', '-1'"),
    ]

    @Test
    func `holds past their deadline are counted, the oldest is told; stale bounds count for nothing`() async throws {
      #expect(try await breaches(of: Self.check) == [])
    }

    @Test func `mistakes in counting what is overdue are noticed`() async throws {
      #expect(try await unnoticed(Self.mutants, by: Self.check) == [])
    }
  }
}
