import TestSupport
import Testing

@testable import Node
@testable import Store

extension LeaseAndSweep {
  /// Trimming removes old sales from the audit's index, because the audit can't count them any more.
  @Suite struct TrimTests {
    /// How long the reservation of a sale is kept, in milliseconds.
    private static let kept = Int64(ScriptStore.retentionSeconds + 60) * 1000

    /// Makes sales of a SKU. All except the first `lapsed` still have their reservations.
    private static func sell(_ sku: String, _ count: Int, lapsed: Int, _ store: ScriptStore) async throws -> [String] {
      await store.stock([sku])
      var entries: [String] = []
      for number in 0..<count {
        let id = try await store.sell(sku)
        // Its expiry does the same in the end.
        if number < lapsed { try await store.engine.link.reply("DEL", "reservation:\(id)") }
        entries.append("\(id)\(ScriptStore.at(0))")
      }
      return entries
    }

    private static func sales(_ sku: String, _ store: ScriptStore) async throws -> [String] {
      try await store.engine.link.reply("LRANGE", "sales:\(sku)", "0", "-1").elements.compactMap(\.text)
    }

    private static let whatLapses: PromiseCheck = { store, breaches in
      let all = try await sell("all", 7, lapsed: 7, store)
      let some = try await sell("some", 7, lapsed: 5, store)
      let one = try await sell("one", 3, lapsed: 1, store)
      let none = try await sell("none", 3, lapsed: 0, store)
      await store.stock(["unsold"])
      _ = try await store.acquire()
      let before = try await store.everything()
      // The reservation is gone too early. That is damage, and the audit must see it.
      breaches.expect(try await store.trim(), "OK 0 -", "trim before the time")
      try await store.setClock(kept)
      breaches.expect(try await store.trim(), "OK 0 -", "trim at the time")
      try await store.setClock(0)
      breaches.expect(try await store.everything() == before, "something was changed before the time")

      try await store.setClock(kept + 1)
      breaches.expect(try await store.trim(), "OK 10 -", "trim after the time")
      let expected = [("all", all.suffix(1)), ("some", some.suffix(3)), ("one", one[...]), ("none", none[...])]
      for (sku, left) in expected { breaches.expect(try await sales(sku, store), Array(left), "sales of \(sku)") }
      breaches.expect(try await store.engine.wholeAudit().violations, [], "the audit sees that there were more")
      breaches.expect(try await store.trim(), "OK 0 -", "trim once more")
    }

    private static let round: PromiseCheck = { store, breaches in
      let skus = (0..<7).map { "S\($0)" }
      for sku in skus { _ = try await sell(sku, 3, lapsed: 3, store) }
      _ = try await sell("S3", 5, lapsed: 5, store)
      _ = try await store.acquire()
      try await store.setClock(kept + 1)
      var replies: [String] = []
      var cursor = ""
      repeat {
        let reply = try await store.trim(after: cursor, skus: 2, sales: 4)
        replies.append(reply)
        cursor = reply.hasSuffix(" -") ? "" : String(reply.split(separator: " ").last ?? "")
      } while !cursor.isEmpty && replies.count < 20
      // S3 has eight sales, and one look-up sees four.
      let expected = [
        "OK 4 S1", "OK 5 S2", "OK 3 S2", "OK 3 S4", "OK 4 S6", "OK 0 -",
      ]
      breaches.expect(replies, expected, "steps")
      for sku in skus { breaches.expect(try await sales(sku, store).count, 1, "sales left of \(sku)") }
      // The first SKU has more sales than one look-up sees, so the next step starts there again.
      _ = try await sell("S0", 5, lapsed: 5, store)
      try await store.setClock(2 * kept + 2)
      breaches.expect(try await store.trim(skus: 2, sales: 3), "OK 2 .", "a step within the first SKU")
    }

    private static let mutants: [(check: PromiseCheck, mutants: [ScriptMutant])] = [
      (
        whatLapses,
        [
          ScriptMutant("trim", "leaves no witness", "lapsed - 1, -1)", "lapsed, -1)"),
          ScriptMutant("trim", "goes by age alone", " or redis.call('EXISTS', RESERVATION .. id) == 1", ""),
          ScriptMutant("trim", "does not go by age", "at >= kept_since or ", ""),
          ScriptMutant("trim", "takes them a millisecond early", "at >= kept_since", "at > kept_since"),
          ScriptMutant("trim", "takes them after the retention of keys", "time[1] - KEPT", "time[1] - RETENTION"),
          ScriptMutant("trim", "takes nothing", "redis.call('LTRIM', SALES .. sku, lapsed - 1, -1)", ""),
          ScriptMutant("trim", "tells nothing", "trimmed = trimmed + lapsed - 1", ""),
        ]
      ),
      (
        round,
        [
          ScriptMutant(
            "trim", "goes round the first SKUs only", "(#skus < most and '-' or", "(true and '-' or"),
          ScriptMutant("trim", "never comes round", "(#skus < most and '-' or", "(false or"),
          ScriptMutant("trim", "begins again at each step", "after == '' and '-' or '(' .. after", "'-'"),
          ScriptMutant("trim", "goes on too early", "if lapsed == look then", "if false then"),
          ScriptMutant("trim", "looks at all sales", "'0', look - 1)", "'0', -1)"),
        ]
      ),
    ]

    @Test
    func `one lapsed sale stays as a witness, and so do those whose reservation is there or may be`() async throws {
      #expect(try await breaches(of: Self.whatLapses) == [])
    }

    @Test func `trimming goes round all SKUs in bounded steps by its cursor`() async throws {
      #expect(try await breaches(of: Self.round) == [])
    }

    @Test func `mistakes in the trimming are noticed`() async throws {
      for (check, mutants) in Self.mutants { #expect(try await unnoticed(mutants, by: check) == []) }
    }
  }
}
