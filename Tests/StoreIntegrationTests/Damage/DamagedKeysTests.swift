import NIOCore
import TestSupport
import Testing

@testable import Node
@testable import Store

extension AgainstRedis {
  /// Each script, with each of its keys damaged in each way. It reports the damage, names the SKU, and changes nothing.
  @Suite struct DamagedKeysTests {
    /// A stocked SKU with an active hold, an expired hold, a sale and a sweeper's lease.
    private struct Store {
      let store: ScriptStore
      let live: String
      let due: String
      let sold: String

      init(_ redis: PrivateRedis) async throws {
        store = try await ScriptStore(redis)
        await store.stock(["A", "B"], total: 10)
        live = try await store.hold(1, ["A"], ttlSeconds: 3600)[0]
        due = try await store.hold(1, ["A"], ttlSeconds: 10)[0]
        sold = try await store.sell("A")
        _ = try await store.acquire()
      }
    }

    enum Damage: String, CaseIterable, Sendable {
      case missing, string, list, sortedSet, fraction, exponent, space, hexadecimal, infinity, negative, leadingZero,
        least, greatest, empty, bytes

      func commands(_ key: String) -> [[String]] {
        let value: String? =
          switch self {
          case .missing, .list, .sortedSet: nil
          case .string: "something else"
          case .fraction: "1.0"
          case .exponent: "1e3"
          case .space: " 8"
          case .hexadecimal: "0x10"
          case .infinity: "inf"
          case .negative: "-1"
          case .leadingZero: "08"
          case .least: "-9223372036854775807"
          case .greatest: "9223372036854775807"
          case .empty: ""
          case .bytes: "\u{1}\n\"\\%d"
          }
        let put: [[String]] =
          switch self {
          case .missing: []
          case .list: [["RPUSH", key, "x"]]
          case .sortedSet: [["ZADD", key, "1", "x"]]
          default: [["SET", key, value ?? ""]]
          }
        return [["DEL", key]] + put
      }
    }

    private static let damaged = Answer.problem(.stockDamaged, ",\"sku\":\"A\"")

    @Test(arguments: Damage.allCases)
    func `a damaged counter: no call has an effect, all name the SKU, others keep selling`(
      _ damage: Damage
    ) async throws {
      let redis = try await PrivateRedis()
      for counter in ["inventory:A", "total:A", "sold:A"] {
        let store = try await Store(redis)
        let engine = store.store.engine
        for command in damage.commands(counter) { _ = try await engine.link.send(command).get() }
        let before = try await store.store.everything()
        let calls: [Call] = [
          .reserve("A", key: "k"), .reserve("A", key: "k"), .reserve("A"),
          .reserve([.init(sku: "B", quantity: 1), .init(sku: "A", quantity: 1)]),
          Call(wish: .confirm(store.live), key: "c"), Call(wish: .cancel(store.live)), Call(wish: .set("A", total: 50)),
          Call(wish: .adjust("A", delta: 5, reason: nil)), Call(wish: .delete("A")), Call(wish: .readStock("A")),
        ]
        for call in calls {
          #expect(await engine.ask(call, age: .seconds(-5)) == Self.damaged, "\(call) with \(counter) \(damage)")
        }
        #expect(try await store.store.everything() == before, "\(counter) \(damage)")
        // Nothing is known about A, so only B is listed.
        let list = await engine.ask(Call(wish: .list(after: nil, limit: 10)))
        #expect(list.body.contains("\"sku\":\"B\"") && !list.body.contains("\"sku\":\"A\""))
        #expect(await engine.ask(.reserve("B"), age: .seconds(-5)).status == 201)
        #expect(try await engine.wholeAudit().violations.contains { $0.sku?.text == "A" }, "\(counter) \(damage)")
      }
    }

    @Test
    func `counters that are numbers and impossible together: no piece more is sold than there are`() async throws {
      let redis = try await PrivateRedis()
      let store = try await Store(redis)
      let engine = store.store.engine
      // Of 10 pieces, 1 is sold and 2 are held. So 7 are left, not 9.
      try await engine.link.reply("SET", "inventory:A", "9")
      for _ in 0..<9 { _ = await engine.ask(.reserve("A", ttlSeconds: 3600), age: .seconds(-5)) }
      var sold = 1
      let ids = try await engine.link.reply("ZRANGE", "holds:A", "0", "-1").elements.compactMap(\.text)
      #expect(ids.count >= 9)
      for id in ids where await engine.ask(Call(wish: .confirm(id)), age: .seconds(-5)).isSuccess { sold += 1 }
      #expect(sold == 10)
      #expect(try await engine.wholeAudit().violations.contains { $0.sku?.text == "A" })
    }

    @Test(arguments: ["holds:A", "sales:A", "events", "due", "skus"])
    func `an index or the outbox of another type: nothing is half done`(_ key: String) async throws {
      let store = try await Store(try await PrivateRedis())
      let engine = store.store.engine
      try await engine.link.reply("DEL", key)
      try await engine.link.reply("SET", key, "a string")
      let before = try await store.store.everything()
      let calls: [(call: Call, reads: Set<String>)] = [
        (.reserve("A", key: "k"), ["holds:A", "events", "due"]),
        (Call(wish: .confirm(store.live), key: "k"), ["holds:A", "sales:A", "events"]),
        (Call(wish: .cancel(store.live), key: "k"), ["holds:A", "events"]),
        (Call(wish: .extend(store.live, ttlSeconds: 3600), key: "k"), []),
        (Call(wish: .set("A", total: 50), key: "k"), ["holds:A", "events", "skus"]),
        (Call(wish: .adjust("A", delta: 5, reason: nil)), ["holds:A", "events", "skus"]),
        (Call(wish: .readStock("A")), ["holds:A"]),
        (Call(wish: .list(after: nil, limit: 10)), ["skus"]),
      ]
      let isShared = !key.contains("A")
      for (call, reads) in calls where reads.contains(key) {
        let expected = isShared ? Answer.problem(.stockDamaged) : Self.damaged
        #expect(await engine.ask(call, age: .seconds(-5)) == expected, "\(call)")
        #expect(try await store.store.everything() == before, "\(call)")
      }
      // The sweep reports what it can't do and does everything else.
      try await store.store.setClock(20_000)
      let reply = try await store.store.sweep()
      switch key {
      case "events", "due": #expect(reply.hasPrefix("DAMAGED - \(key) WRONGTYPE"))
      case "holds:A": #expect(reply.hasSuffix(" A holds:A"))
      default: #expect(reply.hasPrefix("OK 1 "))
      }
    }

    @Test func `what a user may not touch is refused with Redis's words, before anything is done`() async throws {
      let redis = try await PrivateRedis()
      let store = try await Store(redis)
      try await store.store.engine.link.reply(
        "ACL", "SETUSER", "shop", "on", ">secret", "~*", "resetkeys", "%RW~inventory:*", "%RW~total:*", "%RW~sold:*",
        "%RW~holds:*", "%RW~sales:*", "%RW~reservation:*", "%RW~idem:*", "%RW~due", "%RW~skus", "%RW~test:*", "+@all")
      let address = redis.url.dropFirst("redis://".count)
      let engine = try await Engine("redis://shop:secret@\(address)", scripts: ScriptStore.scripts)
      let before = try await store.store.everything()
      for call: Call in [
        .reserve("A", key: "k"), Call(wish: .confirm(store.live), key: "c"), Call(wish: .cancel(store.live)),
        Call(wish: .adjust("A", delta: 5, reason: nil)), Call(wish: .set("A", total: 50)),
      ] {
        #expect(await engine.ask(call, age: .seconds(-5)) == .problem(.internalError), "\(call)")
      }
      #expect(try await store.store.everything() == before)
    }

    @Test
    func `a reservation that can't be read is told, left as it is, and no other hold waits for it`() async throws {
      let redis = try await PrivateRedis()
      let head = "{\"v\":1,\"status\":\"ACTIVE\",\"expiresAt\":"
      let due = head + "1700000010000,\"createdAt\":1700000000000,\"items\":"
      let damages = [
        "a string", "", head + "letters", due + "{}}", due + "{\"A\":1,\"A\":1}}", due + "{\"A\":1},garbage\"}",
        due + "{\"A\":1},\"customerId\":\"cu\"st\"}", due + "{\"A\":1},\"customerId\":\"\u{1}\"}",
        head + "9700000010000,\"createdAt\":1700000000000,\"items\":{\"A\":1}}",
        head + "1700000010000,\"createdAt\":1700000020000,\"items\":{\"A\":1}}",
      ]
      for damage in damages {
        let store = try await Store(redis)
        let engine = store.store.engine
        await store.store.stock(["A"], total: 1000)
        let others = try await store.store.hold(100, ["A"], ttlSeconds: 11)
        for id in [store.live, store.due] { try await engine.link.reply("SET", "reservation:\(id)", damage) }
        for wish in [
          Call.Wish.readReservation(store.live), .confirm(store.live), .cancel(store.live),
          .extend(store.live, ttlSeconds: 9),
        ] {
          #expect(await engine.ask(Call(wish: wish), age: .seconds(-5)) == .problem(.stockDamaged), "\(wish)")
        }
        try await store.store.setClock(20_000)
        var replies: [String] = []
        for _ in 0..<3 { replies.append(try await store.store.sweep()) }
        #expect(replies.joined().contains(" A reservation:\(store.due)"))
        #expect(try await engine.idsOfEvents("expired").sorted() == others.sorted(), "\(replies)")
        #expect(try await engine.link.reply("GET", "reservation:\(store.due)").text == damage)

        // After the repair, the round over all SKUs finds it again, and the next sweep releases it.
        let repaired = head + "1700000010000,\"createdAt\":1700000000000,\"items\":{\"A\":1}}"
        try await engine.link.reply("SET", "reservation:\(store.due)", repaired)
        let trimmed = try await store.store.trim()
        #expect(!trimmed.contains(store.due))
        #expect(try await store.store.sweep().hasPrefix("OK 1 "))
        #expect(try await engine.idsOfEvents("expired").contains(store.due))
      }
    }

    @Test(arguments: ["15000000000000", "1.5e21", "1.5", "-5"])
    func `a deadline in an index that is none: told or put right, and put right by the next round`(
      _ score: String
    ) async throws {
      let store = try await Store(try await PrivateRedis())
      let engine = store.store.engine
      try await engine.link.reply("ZADD", "holds:A", score, store.live)
      // No other hold is due. So reading the stock reports the damaged entry or corrects it.
      try await engine.link.reply("ZREM", "holds:A", store.due)
      let seen = await engine.ask(Call(wish: .readStock("A")))
      if score.hasPrefix("15") || score.contains("e") {
        #expect(seen == Self.damaged)
        #expect(try await engine.wholeAudit().violations.contains { $0.rule == .deadlinesIndexed })
      } else {
        #expect(seen.number("reserved") == 2)
      }
      _ = try await store.store.trim()
      #expect(await engine.ask(Call(wish: .readStock("A"))).isSuccess)
      let deadline = try await engine.link.reply("ZSCORE", "holds:A", store.live).text
      #expect(deadline == "\(ScriptStore.at(3_600_000))")
    }

    @Test func `members of the index of SKUs that are none: the round goes past them to its end`() async throws {
      let store = try await Store(try await PrivateRedis())
      let engine = store.store.engine
      for member in ["", " ", "-", ".", "=41", "a b", "\u{1}\n", "é"] {
        try await engine.link.reply("ZADD", "skus", "0", member)
      }
      var cursor = ""
      var looked = 0
      repeat {
        let reply = try await store.store.trim(after: cursor, skus: 1).split(separator: " ")
        try #require(reply.count >= 3 && reply[0] == "OK", "\(reply)")
        cursor = reply[2] == "-" ? "" : String(reply[2])
        looked += 1
      } while !cursor.isEmpty && looked < 50
      #expect((10...12).contains(looked), "ten members, one in each step")
      let list = await engine.ask(Call(wish: .list(after: nil, limit: 10)))
      #expect(list.body.contains("\"sku\":\"A\"") && list.body.contains("\"sku\":\"B\""))
      // The list of SKUs is damaged, so a call for an unknown SKU reports damage.
      try await engine.link.reply("DEL", "skus")
      try await engine.link.reply("SET", "skus", "x")
      #expect(await engine.ask(.reserve("unknown")) == .problem(.stockDamaged))
    }

    @Test
    func `an idempotency record that is none: told as damaged, never as a success or another request's`() async throws {
      let store = try await Store(try await PrivateRedis())
      let engine = store.store.engine
      let first = await engine.ask(.reserve("A", ttlSeconds: 3600, key: "k"), age: .seconds(-5))
      let name = "idem:reserve/-:k"
      let record = try await engine.link.reply("GET", name).text ?? ""
      // Undivided stores have no claims: what looks like one there is damage.
      let others = ["2", "!", "~"].map { $0 + record.dropFirst() }
      for damage in ["", "1", String(record.prefix(23)), String(record.dropLast(20))] + others {
        try await engine.link.reply("SET", name, damage)
        #expect(
          await engine.ask(.reserve("A", ttlSeconds: 3600, key: "k"), age: .seconds(-5)) == .problem(.stockDamaged),
          "\(damage)")
      }
      try await engine.link.reply("DEL", name)
      try await engine.link.reply("RPUSH", name, "x")
      #expect(await engine.ask(.reserve("A", ttlSeconds: 3600, key: "k"), age: .seconds(-5)) == .problem(.stockDamaged))
      try await engine.link.reply("SET", name, record)
      #expect(await engine.ask(.reserve("A", ttlSeconds: 3600, key: "k"), age: .seconds(-5)).body == first.body)
    }

    @Test
    func `a lost index of SKUs: the audit finds them by their keys, the next change lists them again`() async throws {
      let store = try await Store(try await PrivateRedis())
      let engine = store.store.engine
      try await engine.link.reply("DEL", "skus")
      let report = try await engine.wholeAudit()
      #expect(Set(report.violations.map { "\($0.sku?.text ?? "") \($0.rule.rawValue)" }) == ["A listed", "B listed"])
      for sku in ["A", "B"] { _ = await engine.ask(Call(wish: .set(sku, total: 10))) }
      #expect(try await engine.wholeAudit().violations == [])
    }
  }
}
