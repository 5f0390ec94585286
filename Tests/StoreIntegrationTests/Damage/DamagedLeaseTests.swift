import TestSupport
import Testing

@testable import Store

extension LeaseAndSweep {
  /// A damaged lease is reported and does not prevent an election.
  @Suite struct DamagedLeaseTests {
    private static let now = ScriptStore.at(0)

    @Test func `a lease without an end gets one: it lapses like any other`() async throws {
      let store = try await ScriptStore(try await PrivateRedis())
      _ = try await store.acquire(ScriptStore.theirs)
      try await store.engine.link.reply("PERSIST", "lease")
      #expect(try await store.acquire(ttl: 3000).hasPrefix("HELD 3000 \(ScriptStore.theirs) "))
      let left = try await store.engine.link.reply("PTTL", "lease").number
      #expect(left > 0 && left <= 3000)
    }

    @Test(arguments: ["", "a string", String(repeating: "0", count: 32), "\(ScriptStore.theirs) 1 2 3 node host:1"])
    func `what is no lease is nobody's`(_ content: String) async throws {
      let store = try await ScriptStore(try await PrivateRedis())
      try await store.engine.link.reply("SET", "lease", content)
      #expect(try await store.acquire() == "OK \(Self.now) \(Self.now) - lease")
      #expect(try await store.sweep() == "OK 0 -")
    }

    @Test(arguments: ["lease", "lease:epoch"])
    func `a lease or an epoch of another type is made anew`(_ key: String) async throws {
      let store = try await ScriptStore(try await PrivateRedis())
      try await store.engine.link.reply("RPUSH", key, "x")
      if key == "lease" {
        #expect(try await store.sweep() == "FENCED")
        #expect(try await store.run(\.renewLease.script, ScriptStore.ours, "3000", "7 node-1 host:1") == "LOST")
        #expect(try await store.run(\.releaseLease.script, ScriptStore.ours) == "LOST")
      }
      #expect(try await store.acquire() == "OK \(Self.now) \(Self.now) - \(key)")
    }

    @Test(arguments: ["x", "", "-1", "1e15", "9007199254740993", "9999999999999", "99999999999999999999999"])
    func `an epoch that is none, or that nobody can have given out, becomes Redis's time again`(
      _ epoch: String
    ) async throws {
      let store = try await ScriptStore(try await PrivateRedis())
      try await store.engine.link.reply("SET", "lease:epoch", epoch)
      #expect(try await store.acquire() == "OK \(Self.now) \(Self.now) - lease:epoch")
      // From there on the epoch rises.
      #expect(
        try await store.acquire(ScriptStore.theirs, replacing: ScriptStore.ours) == "OK \(Self.now + 1) \(Self.now)")
    }

    @Test func `releases of another type are made anew, and heard`() async throws {
      let store = try await ScriptStore(try await PrivateRedis())
      try await store.engine.link.reply("SET", "lease:releases", "x")
      _ = try await store.acquire()
      #expect(try await store.run(\.releaseLease.script, ScriptStore.ours) == "OK - lease:releases")
      #expect(try await store.engine.link.integer("XLEN", "lease:releases") == 1)
    }
  }
}
