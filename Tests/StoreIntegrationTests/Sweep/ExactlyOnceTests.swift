import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Node
@testable import Store

extension LeaseAndSweep {
  /// The sweep releases each expired hold exactly once.
  @Suite struct ExactlyOnceTests {
    /// Carts of one, two and three lines that expire, and reservations that a sweep must not touch.
    private struct Shop {
      let due: [String]
      let sold, cancelled, live: String

      init(in store: ScriptStore) async throws {
        await store.stock(["A", "B", "C"])
        _ = try await store.acquire()
        due = try await store.hold(30, ["A"]) + store.hold(20, ["A", "B"]) + store.hold(10, ["C", "A", "B"])
        sold = try await store.sell("A")
        cancelled = try await store.hold(1, ["A"])[0]
        _ = await store.engine.ask(Call(wish: .cancel(cancelled)))
        live = try await store.hold(1, ["A", "C"], ttlSeconds: 61)[0]
      }
    }

    /// Sweeps until nothing is due, and returns how many holds were released.
    private static func sweepAll(_ store: ScriptStore, _ breaches: inout Breaches) async throws -> Int {
      var released = 0
      for _ in 0..<20 {
        let words = try await store.sweep().split(separator: " ")
        guard words.count >= 3, words[0] == "OK", let count = Int(words[1]) else {
          breaches.expect(false, "a sweep replied \(words)")
          break
        }
        released += count
        breaches.expect(try await strayEntries(store), [], "entries of what is released, after a batch")
        if words[2] > "\(ScriptStore.at(60_000))" || words[2] == "-" { return released }
      }
      breaches.expect(false, "the sweep never ends")
      return released
    }

    /// IDs in an index of holds without an active hold.
    private static func strayEntries(_ store: ScriptStore) async throws -> [String] {
      let script = """
        local stray = {}
        for _, sku in ipairs({ 'A', 'B', 'C' }) do
          for _, id in ipairs(redis.call('ZRANGE', 'holds:' .. sku, '0', '-1')) do
            local record = redis.call('GET', 'reservation:' .. id) or ''
            if not string.find(record, '"ACTIVE"', 1, true) then stray[#stray + 1] = id end
          end
        end
        return stray
        """
      return try await store.engine.link.reply("EVAL", script, "0").elements.compactMap(\.text)
    }

    private static func expectReleased(_ shop: Shop, _ store: ScriptStore, _ breaches: inout Breaches) async throws {
      for (sku, available) in [("A", 998), ("B", 1000), ("C", 999)] {
        breaches.expect(try await store.available(sku), available, "available of \(sku)")
        let held = sku == "B" ? [] : [RedisReply.bytes(Array(shop.live.utf8))]
        let found = try await store.engine.link.reply("ZRANGE", "holds:\(sku)", "0", "-1")
        breaches.expect(found, .array(held), "holds of \(sku)")
      }
      breaches.expect(try await store.engine.idsOfEvents("expired").sorted(), shop.due.sorted(), "told by the outbox")
      for id in shop.due {
        let seen = await store.engine.ask(Call(wish: .readReservation(id)))
        breaches.expect(seen.member("status"), "EXPIRED", "status of \(id)")
        breaches.expect(seen.member("expiredAt"), seen.member("expiresAt"), "instant of \(id)")
        let record = try await store.engine.link.reply("GET", "reservation:\(id)").text ?? ""
        breaches.expect(record.hasPrefix("{\"v\":1,\"status\":\"EXPIRED\""), "\(id) is stored as \(record)")
      }
    }

    private static let check: PromiseCheck = { store, breaches in
      let shop = try await Shop(in: store)
      breaches.expect(try await store.sweep(), "OK 0 \(ScriptStore.at(60_000))", "a sweep when nothing is due")
      // Exactly at the deadline.
      try await store.setClock(60_000)
      breaches.expect(try await sweepAll(store, &breaches), shop.due.count, "released")
      try await expectReleased(shop, store, &breaches)

      // Damage: index entries without a due hold.
      for id in [shop.due[0], shop.due[45], shop.sold, shop.cancelled, shop.live, "gone"] {
        try await store.engine.link.reply("ZADD", "holds:A", "\(ScriptStore.at(5))", id)
        try await store.engine.link.reply("ZADD", "due", "\(ScriptStore.at(5))", "A")
      }
      breaches.expect(try await sweepAll(store, &breaches), 0, "released of what is not due")
      try await expectReleased(shop, store, &breaches)
      let deadline = try await store.engine.link.reply("ZSCORE", "holds:A", shop.live).text
      breaches.expect(deadline, "\(ScriptStore.at(61_000))", "deadline of the live hold in the index")
      breaches.expect(try await store.engine.wholeAudit().violations, [], "audit")
    }

    private static let statusCheck = "is_due = status == 'ACTIVE' and deadline <= now"

    private static let mutants = [
      ScriptMutant("sweep", "does not look at the status", statusCheck, "is_due = status and deadline <= now"),
      ScriptMutant("sweep", "does not look at the deadline", statusCheck, "is_due = status == 'ACTIVE'"),
      ScriptMutant(
        "sweep", "puts back twice", "INVENTORY .. skus[i], quantities[i]", "INVENTORY .. skus[i], 2 * quantities[i]"),
      ScriptMutant("sweep", "puts back nothing", "redis.call('INCRBY', INVENTORY .. skus[i], quantities[i])", ""),
      ScriptMutant("sweep", "puts all lines into one SKU", "INVENTORY .. skus[i], q", "INVENTORY .. skus[1], q"),
      ScriptMutant(
        "sweep", "puts the first line back only", "#skus do\n    redis.call('INCRBY'", "1 do\n    redis.call('INCRBY'"),
      ScriptMutant("sweep", "leaves the holds in their index", "redis.call('ZREM', HOLDS .. skus[i], id)", ""),
      ScriptMutant(
        "sweep", "leaves the records as they are", "keep_final(id, expired, reach)", ""),
      ScriptMutant("sweep", "tells the outbox nothing", "local told = EVENTS_MAX ~= '0'", "local told = false"),
      ScriptMutant("sweep", "tells another instant", "EXPIRED_HEAD .. deadline", "EXPIRED_HEAD .. (deadline + 1)"),
      ScriptMutant(
        "sweep", "leaves what nothing stands behind", "redis.call('ZREM', HOLDS .. sku, id)", ""),
      ScriptMutant("sweep", "leaves a wrong deadline", "redis.call('ZADD', HOLDS .. sku, deadline, id)", ""),
      ScriptMutant("sweep", "waits a millisecond for a SKU", "DUE, '-inf', now", "DUE, '-inf', '(' .. now"),
      ScriptMutant("sweep", "waits a millisecond for a hold", "sku, '-inf', now", "sku, '-inf', '(' .. now"),
    ]

    @Test
    func `a hold is released at its deadline, all lines at once, told once; not again by a stale index`() async throws {
      #expect(try await breaches(of: Self.check) == [])
    }

    @Test func `a release without the status check is noticed, and so are other mistakes`() async throws {
      #expect(try await unnoticed(Self.mutants, by: Self.check) == [])
    }

    @Test
    func `two sweepers of one term and requests that release, all at once: each hold exactly once`() async throws {
      let redis = try await PrivateRedis()
      let store = try await ScriptStore(redis)
      await store.stock(["A", "B"])
      let due = try await store.hold(500, ["A"]) + store.hold(250, ["B", "A"])
      _ = try await store.acquire()
      try await store.setClock(60_000)

      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for _ in 0..<2 {
          // Its own link on the same store.
          let engine = try await Engine(redis.url, scripts: ScriptStore.scripts)
          for sku in ["A", "B", "A"] {
            tasks.addTask {
              let seen = await engine.ask(Call(wish: .readStock(sku)), age: Engine.patience)
              #expect(seen.number("available") == 1000 && seen.number("reserved") == 0)
            }
          }
        }
        for _ in 0..<2 {
          let link = try await LinkHandle(redis.url, scripts: [ScriptStore.scripts.sweep.script])
          try await link.whenUp()
          tasks.addTask {
            let sha = ScriptStore.scripts.sweep.script.sha
            var reply = ""
            repeat {
              let call = ["EVALSHA", sha, "0", "9999999999999", ScriptStore.ours, "80"]
              reply = try await link.send(call).get().text ?? "an error"
            } while reply.hasPrefix("OK ") && !reply.hasSuffix(" -")
            #expect(reply.hasSuffix(" -"))
          }
        }
        try await tasks.waitForAll()
      }
      #expect(try await store.engine.idsOfEvents("expired").sorted() == due.sorted())
      for sku in ["A", "B"] { #expect(try await store.available(sku) == 1000) }
      #expect(try await store.engine.wholeAudit().violations == [])
    }
  }
}
