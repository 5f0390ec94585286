import NIOCore
import TestSupport
import Testing

@testable import Node
@testable import Store

extension LeaseAndSweep {
  /// The lease in Redis has one holder at a time, and its epochs only rise.
  @Suite struct LeaseScriptTests {
    private static let (ours, theirs) = (ScriptStore.ours, ScriptStore.theirs)
    private static let place = "7 node-1 host:1"

    /// The text of the lease key.
    private static func record(_ token: String, _ epoch: Int64, _ since: Int64, _ place: String = place) -> String {
      "\(token) \(epoch) \(since) \(place)"
    }

    private static func lease(_ store: ScriptStore) async throws -> String? {
      try await store.engine.link.reply("GET", "lease").text
    }

    /// Shortens the lease to ten seconds.
    private static func age(_ store: ScriptStore) async throws {
      try await store.engine.link.reply("EXPIRE", "lease", "10")
    }

    private static func isFresh(_ store: ScriptStore) async throws -> Bool {
      (500_000...600_000).contains(try await store.engine.link.integer("PTTL", "lease") ?? 0)
    }

    private static let holding: PromiseCheck = { store, breaches in
      let first = ScriptStore.at(0)
      breaches.expect(try await store.acquire(), "OK \(first) \(first)", "a free lease")
      breaches.expect(try await lease(store), record(ours, first, first), "its record")
      breaches.expect(try await isFresh(store), "it lapses by itself")

      // The same token again, as after an attempt whose answer was lost.
      try await age(store)
      try await store.setClock(1000)
      breaches.expect(try await store.acquire(), "OK \(first) \(first)", "the same term")
      breaches.expect(try await isFresh(store), "refreshed")

      let before = try await store.everything()
      let refused = try await store.acquire(theirs)
      let words = refused.split(separator: " ", maxSplits: 2)
      breaches.expect(words.first == "HELD" && words.last ?? "" == record(ours, first, first), "refused: \(refused)")
      breaches.expect((500_000...600_000).contains(words.count == 3 ? Int(words[1]) ?? 0 : 0), "time left: \(refused)")
      let mistaken = try await store.acquire(theirs, replacing: String(repeating: "f", count: 32))
      breaches.expect(mistaken.hasPrefix("HELD "), "another holder than this one was to be replaced: \(mistaken)")
      breaches.expect(try await store.run(\.renewLease.script, theirs, "600000", place), "LOST", "renewal of another's")
      breaches.expect(try await store.run(\.releaseLease.script, theirs), "LOST", "release of another's")
      breaches.expect(try await store.everything() == before, "nobody else changes anything")

      try await age(store)
      breaches.expect(try await store.run(\.renewLease.script, ours, "600000", place), "OK", "renewal")
      breaches.expect(try await isFresh(store), "renewed")
      try await age(store)
      breaches.expect(
        try await store.run(\.renewLease.script, ours, "600000", "8 node-1 host:1"), "OK", "renewal, moved")
      breaches.expect(try await lease(store), record(ours, first, first, "8 node-1 host:1"), "where the holder is now")
      breaches.expect(try await isFresh(store), "renewed, moved")

      breaches.expect(try await store.run(\.releaseLease.script, ours), "OK", "release")
      breaches.expect(try await lease(store), nil, "no holder")
      let releases = try await store.engine.link.reply("XRANGE", "lease:releases", "-", "+").elements.map(\.elements)
      breaches.expect(releases.map { $0[1].elements.map(\.text) }, [["epoch", "\(first)"]], "told")
      breaches.expect(try await store.run(\.renewLease.script, ours, "600000", place), "LOST", "renewal after release")
      breaches.expect(try await store.run(\.releaseLease.script, ours), "LOST", "release after release")
      breaches.expect(try await lease(store), nil, "still no holder")
    }

    private static let epochs: PromiseCheck = { store, breaches in
      let first = ScriptStore.at(0)
      breaches.expect(try await store.acquire(), "OK \(first) \(first)", "first term")
      breaches.expect(
        try await store.acquire(theirs, replacing: ours), "OK \(first + 1) \(first)", "replaced in the same instant")
      breaches.expect(try await lease(store), record(theirs, first + 1, first), "the successor's record")
      _ = try await store.run(\.releaseLease.script, theirs)
      // Redis's clock was set back.
      try await store.setClock(-5000)
      breaches.expect(try await store.acquire(), "OK \(first + 2) \(first - 5000)", "in the past")
      try await store.setClock(1000)
      try await store.engine.link.reply("DEL", "lease", "lease:epoch")
      breaches.expect(try await store.acquire(theirs), "OK \(first + 1000) \(first + 1000)", "its keys lost")
      try await store.clear()
      try await store.setClock(2000)
      breaches.expect(try await store.acquire(ours, ttl: 20), "OK \(first + 2000) \(first + 2000)", "all data lost")
      try await eventually("the lease has lapsed") { try await lease(store) == nil }
      breaches.expect(try await store.acquire(theirs), "OK \(first + 2001) \(first + 2000)", "lapsed")
      let late = try await store.run(\.acquireLease.script, ours, "600000", place, theirs, notAfter: "\(first + 1999)")
      breaches.expect(late, "LATE", "given up on")
      breaches.expect(try await lease(store), record(theirs, first + 2001, first + 2000), "the record at last")
      // A replica that has become the master may lack later terms that nodes have seen.
      let (third, seen) = (String(repeating: "e", count: 32), first + 9000)
      let taken = try await store.run(\.acquireLease.script, third, "600000", place, "", "", "\(seen)")
      breaches.expect(taken, "OK \(seen + 1) \(first + 2000)", "a later term was seen")
      let absurd = try await store.run(\.acquireLease.script, ours, "600000", place, "", "", "9000000000000")
      breaches.expect(absurd.hasPrefix("HELD "), "an epoch years ahead was believed: \(absurd)")
    }

    /// Replacing a holder that seems to be gone, and a clock that is set back.
    private static let replacing: PromiseCheck = { store, breaches in
      let first = ScriptStore.at(0)
      _ = try await store.acquire()
      // The holder reported its new connection before its absence on the old one led to this attempt.
      let moved = try await store.run(\.acquireLease.script, theirs, "600000", "9 node-2 host:2", ours, "6")
      breaches.expect(moved.hasPrefix("HELD "), "a holder on another connection was replaced: \(moved)")
      let gone = try await store.run(\.acquireLease.script, theirs, "600000", "9 node-2 host:2", ours, "7")
      breaches.expect(gone, "OK \(first + 1) \(first)", "a holder on that connection")

      // As after a clock that was set back by an hour, which makes the lease live an hour longer.
      try await store.engine.link.reply("PEXPIRE", "lease", "4200000")
      let told = try await store.acquire()
      breaches.expect(told.hasPrefix("HELD 600000 "), "time left after the clock was set back: \(told)")
      breaches.expect(try await isFresh(store), "it lives no longer than a term without renewal")
    }

    private static let replacingMutants = [
      ScriptMutant(
        "lease_acquire", "does not look at the connection",
        "or holder and (ARGV[6] or '') ~= '' and string.match(record, '%d+', HOLDER_START) ~= ARGV[6]",
        ""),
      ScriptMutant(
        "lease_acquire", "takes another number for the connection", "'%d+', HOLDER_START", "'%d+', EPOCH_END"),
      ScriptMutant("lease_acquire", "lets it live on", "remaining > tonumber(ARGV[3])", "false"),
      ScriptMutant("lease_acquire", "tells, but lets it live on", "    redis.call('PEXPIRE', LEASE, ARGV[3])\n", ""),
    ]

    private static let prolongs = "redis.call('PEXPIRE', LEASE, ARGV[3])"
    private static let isOthers = "if not record or record.err or string.sub(record, 1, TOKEN_END) ~= ARGV[2] then"

    private static let holdingMutants = [
      ScriptMutant("lease_acquire", "does not know its own", "if holder == ARGV[2] then", "if false then"),
      ScriptMutant("lease_acquire", "does not refresh", prolongs, ""),
      ScriptMutant("lease_acquire", "takes it from anybody", "holder and holder ~= ARGV[5]", "false"),
      ScriptMutant("lease_acquire", "takes it from all that are not to be replaced", "~= ARGV[5]", "== ARGV[5]"),
      ScriptMutant("lease_acquire", "takes it for ever", ", 'PX', ARGV[3])", ")"),
      ScriptMutant("lease_renew", "renews anybody's", isOthers, "if not record then"),
      ScriptMutant("lease_renew", "does not prolong", prolongs, ""),
      ScriptMutant("lease_renew", "does not tell where it is", "== ARGV[4] then", "~= '' then"),
      ScriptMutant("lease_renew", "keeps for ever what moves", ", 'PX', ARGV[3])", ")"),
      ScriptMutant("lease_release", "gives back anybody's", isOthers, "if not record then"),
      ScriptMutant("lease_release", "keeps it", "redis.call('DEL', LEASE)", ""),
      ScriptMutant(
        "lease_release", "tells nobody",
        "redis.pcall('XADD', LEASE_RELEASES, 'MAXLEN', '1', '*', 'epoch', string.sub(record, EPOCH_START, EPOCH_END)).err",
        "false"),
    ]

    private static let epochMutants = [
      ScriptMutant("lease_acquire", "repeats an epoch", "or 0) + 1", "or 0)"),
      ScriptMutant("lease_acquire", "counts from one", "tonumber(now)", "1"),
      ScriptMutant(
        "lease_acquire", "counts by the clock alone",
        "math.max((last or 0) + 1, seen + 1, tonumber(now))", "tonumber(now)"),
      ScriptMutant("lease_acquire", "knows no more than the server", "seen + 1, ", ""),
      ScriptMutant("lease_acquire", "lets a term go on that another has followed", "  holder = false\n", ""),
      ScriptMutant("lease_acquire", "believes any epoch", "  seen = 0\n", ""),
      ScriptMutant("lease_acquire", "forgets the epoch", "redis.call('SET', LEASE_EPOCH, epoch)", ""),
      ScriptMutant("lease_acquire", "replaces nobody", "holder and holder ~= ARGV[5]", "holder"),
      ScriptMutant("lease_acquire", "knows no end", "if now > ARGV[1] then", "if false then"),
    ]

    @Test
    func `the lease is acquired, refreshed, refused, renewed, moved, released: by its holder alone`() async throws {
      #expect(try await breaches(of: Self.holding) == [])
    }

    @Test
    func `a holder is replaced only if taken for gone, and none outlives a clock that is set back`() async throws {
      #expect(try await breaches(of: Self.replacing) == [])
    }

    @Test
    func `each term's epoch is greater: after a lapse, a clock set back, a loss of keys or of all data`() async throws {
      #expect(try await breaches(of: Self.epochs) == [])
    }

    @Test func `mistakes in the lease are noticed`() async throws {
      #expect(try await unnoticed(Self.holdingMutants, by: Self.holding) == [])
      #expect(try await unnoticed(Self.epochMutants, by: Self.epochs) == [])
      #expect(try await unnoticed(Self.replacingMutants, by: Self.replacing) == [])
    }

    @Test func `who waits for the lease is woken by each release, and after its link was cut too`() async throws {
      let redis = try await PrivateRedis()
      let store = try await ScriptStore(redis)
      let waiting = try await LinkHandle(redis.url)
      try await waiting.whenUp()
      let rings = try await waiting.eventLoop.submit { [link = waiting.link] in
        let rings = NIOLoopBoundBox(0, eventLoop: link.eventLoop)
        let lease = StoreSession(scripts: ScriptStore.scripts, link: link.value).lease
        ReleaseSubscriber(eventLoop: link.eventLoop, lease: lease, logger: .silent).subscribe { rings.value += 1 }
        return rings
      }.get()
      for round in 1...3 {
        if round == 3 { try await store.engine.link.reply("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") }
        try await eventually("the waiter waits") { try await store.blockedClients() == 1 }
        _ = try await store.acquire()
        #expect(try await store.run(\.releaseLease.script, ScriptStore.ours) == "OK")
        try await eventually("woken") { try await waiting.eventLoop.submit { rings.value }.get() == round }
      }
    }
  }
}

extension ScriptStore {
  fileprivate func blockedClients() async throws -> Int? {
    let clients = try await engine.link.reply("INFO", "clients").text ?? ""
    return clients.firstMatch(of: /blocked_clients:(\d+)/).flatMap { Int($0.1) }
  }
}
