import NIOCore
import TestSupport
import Testing

@testable import Store

extension LeaseAndSweep {
  /// On a full Redis, election and sweep continue and free memory.
  @Suite struct FullStoreSweepTests {
    private static let check: PromiseCheck = { store, breaches in
      await store.stock(["A"])
      try await store.hold(5, ["A"])
      for _ in 0..<3 { try await store.engine.link.reply("DEL", "reservation:\(try await store.sell("A"))") }
      try await store.setClock(10_000_000)
      // Less than it uses, so that only scripts that are allowed to may write.
      try await store.engine.link.reply("CONFIG", "SET", "maxmemory", "100kb")
      let refused = await store.engine.ask(.reserve("A"))
      breaches.expect(refused, .problem(.storeUnavailable, retryAfter: refused.retryAfter), "a reserve")
      breaches.expect(try await store.acquire().hasPrefix("OK "), "acquired")
      breaches.expect(try await store.sweep(), "OK 5 -", "sweep")
      breaches.expect(try await store.trim(), "OK 2 -", "trim")
      let place = "8 node-1 host:1"
      breaches.expect(try await store.run(\.renewLease.script, ScriptStore.ours, "60000", place), "OK", "renewed")
      breaches.expect(try await store.run(\.releaseLease.script, ScriptStore.ours), "OK", "released")
      try await store.engine.link.reply("CONFIG", "SET", "maxmemory", "0")
    }

    private static let mutants = ["lease_acquire", "lease_renew", "lease_release", "sweep", "trim"].map { script in
      ScriptMutant(script, "is refused on a full store", "#!lua flags=allow-oom", "#!lua")
    }

    @Test func `lease and sweep run where a reserve is refused for lack of memory`() async throws {
      #expect(try await breaches(of: Self.check) == [])
    }

    @Test func `a script that is refused on a full store is noticed`() async throws {
      #expect(try await unnoticed(Self.mutants, by: Self.check) == [])
    }

    @Test func `a Redis full of holds has room again once they are swept and their records have lapsed`() async throws {
      // Records of final reservations last a second, and the outbox is at its limit from the start.
      let lasting = "local KEPT = '61'"
      let scripts = TestClock.scripts(tuning: .init(retentionSeconds: 1, eventsMaxLength: 10)).edited { _, source in
        return source.replacing(lasting, with: "local KEPT = '1'")
      }
      let store = try await ScriptStore(try await PrivateRedis(), scripts: scripts)
      await store.stock(["A"], total: 1_000_000)
      let empty = try await store.usedMemory()
      for _ in 0..<10 { try await store.hold(500, ["A"]) }
      let full = try await store.usedMemory()
      let limit = full - (full - empty) / 10
      try await store.engine.link.reply("CONFIG", "SET", "maxmemory", "\(limit)")
      #expect(await store.engine.ask(.reserve("A")).status == 503)

      try await store.setClock(60_000)
      #expect(try await store.acquire().hasPrefix("OK "))
      var released = 0
      while let batch = try await store.sweep().wholeMatch(of: /OK (\d+) .*/), batch.1 != "0" {
        released += Int(batch.1) ?? 0
      }
      #expect(released == 5000)
      #expect(try await store.available("A") == 1_000_000)
      try await eventually("there is room again") { try await store.usedMemory() < (empty + full) / 2 }
      #expect(await store.engine.ask(.reserve("A")).status == 201)
    }
  }
}

extension ScriptStore {
  /// In bytes.
  fileprivate func usedMemory() async throws -> Int {
    let memory = try await engine.link.reply("INFO", "memory").text ?? ""
    return memory.firstMatch(of: /used_memory:(\d+)/).flatMap { Int($0.1) } ?? 0
  }
}
