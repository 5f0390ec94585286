import TestSupport
import Testing

@testable import Store

extension LeaseAndSweep {
  /// Invariant 4: a sweeper whose term is over has no effect.
  @Suite struct FencingTests {
    /// Why a fencing token does not belong to the current term.
    private enum Term: CaseIterable {
      case foreign, replaced, givenBack, lapsed, none, lost

      func arrange(in store: ScriptStore) async throws {
        switch self {
        case .foreign: _ = try await store.acquire(ScriptStore.theirs)
        case .replaced:
          _ = try await store.acquire()
          _ = try await store.acquire(ScriptStore.theirs, replacing: ScriptStore.ours)
        case .givenBack:
          _ = try await store.acquire()
          _ = try await store.run(\.releaseLease.script, ScriptStore.ours)
        case .lapsed:
          _ = try await store.acquire(ttl: 20)
          try await eventually("the lease has lapsed") { try await store.engine.link.integer("EXISTS", "lease") == 0 }
        case .none: break
        case .lost:
          _ = try await store.acquire()
          try await store.engine.link.reply("DEL", "lease", "lease:epoch")
        }
      }
    }

    /// Creates work for the sweep and for the trimming of sales.
    private static func arrangeWork(in store: ScriptStore) async throws {
      try await store.clear()
      await store.stock(["A", "B"])
      try await store.hold(3, ["A", "B"])
      for _ in 0..<3 { try await store.engine.link.reply("DEL", "reservation:\(try await store.sell("B"))") }
      try await store.setClock(10_000_000)
    }

    private static let check: PromiseCheck = { store, breaches in
      for term in Term.allCases {
        try await arrangeWork(in: store)
        try await term.arrange(in: store)
        let before = try await store.everything()
        breaches.expect(try await store.sweep(), "FENCED", "sweep, \(term)")
        breaches.expect(try await store.trim(), "FENCED", "trim, \(term)")
        breaches.expect(try await store.everything() == before, "something was done, \(term)")
      }

      _ = try await store.acquire(replacing: ScriptStore.theirs)
      let before = try await store.everything()
      let past = "\(ScriptStore.at(9_999_999))"
      breaches.expect(try await store.run(\.sweep.script, ScriptStore.ours, "80", notAfter: past), "LATE", "late sweep")
      breaches.expect(
        try await store.run(\.trim.script, ScriptStore.ours, "", "9", "9", notAfter: past), "LATE", "late trim")
      breaches.expect(try await store.everything() == before, "something was done too late")

      breaches.expect(try await store.sweep(), "OK 3 -", "sweep in its term")
      breaches.expect(try await store.trim(), "OK 2 -", "trim in its term")
    }

    private static func mutants(_ script: String) -> [ScriptMutant] {
      let comparison = "return not lease or lease.err or string.sub(lease, 1, TOKEN_END) ~= token"
      return [
        ScriptMutant(script, "compares no token", comparison, "return false"),
        ScriptMutant(script, "takes any lease for its own", comparison, "return not lease"),
        ScriptMutant(
          script, "takes no lease for its own", comparison,
          "return lease and string.sub(lease, 1, TOKEN_END) ~= token"),
        ScriptMutant(
          script, "writes before it compares", "local lease =", "redis.call('INCR', 'written')\n    local lease ="),
        ScriptMutant(script, "knows no end", "if now > ARGV[1] then", "if false then"),
      ]
    }

    @Test func `with a foreign, replaced, lapsed, lost or missing token not one key changes, nor later`() async throws {
      #expect(try await breaches(of: Self.check) == [])
    }

    @Test func `a sweep or a trim without the token comparison is noticed`() async throws {
      let mutants = Self.mutants("sweep") + Self.mutants("trim")
      #expect(try await unnoticed(mutants, by: Self.check) == [])
    }
  }
}
