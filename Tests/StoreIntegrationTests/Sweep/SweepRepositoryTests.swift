import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Store

extension AgainstRedis {
  /// Lease and sweep as a node calls them, with Redis's own clock.
  @Suite struct SweepRepositoryTests {
    private struct Office {
      let link: LinkHandle
      let session: NIOLoopBound<StoreSession>

      init(_ redis: PrivateRedis) async throws {
        let scripts = ScriptLibrary(tuning: .init())
        let link = try await LinkHandle(redis.url, scripts: scripts.forElection + scripts.forSweeping)
        session = try await link.eventLoop.submit {
          NIOLoopBound(StoreSession(scripts: scripts, link: link.link.value), eventLoop: link.eventLoop)
        }.get()
        self.link = link
        try await link.whenUp()
      }

      func ask<Value: Sendable>(
        _ question: @escaping @Sendable (StoreSession, @escaping (Result<Value, StoreFailure>) -> Void) -> Void
      ) async throws -> Value {
        try await withCheckedContinuation { continuation in
          link.eventLoop.execute { [session] in question(session.value) { continuation.resume(returning: $0) } }
        }.get()
      }

      func acquire(
        _ token: String, replacing: String? = nil, epochSeen: Int64 = 0
      ) async throws -> LeaseRepository.AcquireOutcome {
        try await ask { session, completion in
          session.lease.acquire(
            token: token, replacing: replacing, holder: "node-\(token.first ?? "?") host:1", epochSeen: epochSeen,
            ttl: .seconds(60), limit: patience, completion: completion)
        }
      }

      func renew(_ token: String) async throws -> Bool {
        try await ask {
          $0.lease.renew(token: token, holder: "node-0 host:2", ttl: .seconds(60), limit: patience, completion: $1)
        }
      }

      func release(_ token: String) async throws -> Bool {
        try await ask { $0.lease.release(token: token, limit: patience, completion: $1) }
      }

      func hasConnection(_ number: Int64) async throws -> Bool {
        try await ask { $0.lease.hasConnection(number, limit: patience, completion: $1) }
      }

      /// Nil if it was fenced off.
      func sweep(_ token: String) async throws -> SweepRepository.Batch? {
        try await ask { parts, completion in parts.sweep.sweep(token: token, epoch: 1) { completion($0.map(\.step)) } }
      }

      func trim(_ token: String, after cursor: String) async throws -> SweepRepository.Trim? {
        try await ask { parts, completion in
          parts.sweep.trim(token: token, epoch: 1, after: cursor) { completion($0.map(\.step)) }
        }
      }

      func overdue() async throws -> SweepRepository.Overdue { try await ask { $0.sweep.overdue(completion: $1) } }
    }

    private static let patience = Duration.seconds(30)

    /// A sweep and a look-up have no more time here than in a node. If a busy machine is too slow, the test starts
    /// again.
    private func inTime(_ test: () async throws -> Void) async throws {
      try await untilShown("all calls are answered within their limits") {
        do {
          try await test()
          return true
        } catch let failure as StoreFailure {
          let outOfTime: [StoreFailure] = [.redis(.unknown(.deadlinePassed)), .redis(.notSent(.deadlinePassed))]
          guard outOfTime.contains(failure) else { throw failure }
          return false
        }
      }
    }
    private static let (ours, theirs) = (ScriptStore.ours, ScriptStore.theirs)

    @Test func `the lease: what each reply means, and where its holder is found`() async throws {
      let redis = try await PrivateRedis()
      let (first, second) = (try await Office(redis), try await Office(redis))
      guard case .acquired(let epoch, let since) = try await first.acquire(Self.ours) else {
        Issue.record("not acquired")
        return
      }
      #expect(epoch == since)
      #expect(try await first.acquire(Self.ours) == .acquired(epoch: epoch, since: since), "refreshed")
      guard case .held(let record, let remaining) = try await second.acquire(Self.theirs) else {
        Issue.record("not held")
        return
      }
      #expect(record.token == Self.ours && record.epoch == epoch && record.acquiredAt == since)
      #expect(record.nodeID == "node-0" && record.address == "host:1")
      #expect((.seconds(40)...(.seconds(60))).contains(remaining))
      #expect(try await second.hasConnection(record.connection))

      // The holder comes back on another connection. Its next renewal reports that connection.
      try await second.link.reply("CLIENT", "KILL", "ID", "\(record.connection)")
      try await eventually("the holder's connection is gone") { try await !second.hasConnection(record.connection) }
      try await eventually("the holder is back") { try await first.link.status.reconnects >= 1 }
      try await first.link.whenUp()
      #expect(try await first.renew(Self.ours))
      guard case .held(let moved, _) = try await second.acquire(Self.theirs) else {
        Issue.record("not held any more")
        return
      }
      #expect(moved.connection > record.connection && moved.address == "host:2" && moved.epoch == epoch)
      #expect(try await second.hasConnection(moved.connection))

      #expect(try await !second.renew(Self.theirs))
      #expect(try await !second.release(Self.theirs))
      guard case .acquired(let next, _) = try await second.acquire(Self.theirs, replacing: Self.ours) else {
        Issue.record("not replaced")
        return
      }
      #expect(next > epoch)
      #expect(try await !first.renew(Self.ours))
      #expect(try await second.release(Self.theirs))
    }

    private static func epoch(_ outcome: LeaseRepository.AcquireOutcome) -> Int64? {
      if case .acquired(let epoch, _) = outcome { epoch } else { nil }
    }

    /// A replica that becomes the master may lack the last terms, and its clock may be slow.
    @Test func `a new term's epoch is greater than what its node has seen, whatever the server knows`() async throws {
      let redis = try await PrivateRedis()
      let office = try await Office(redis)
      let first = try #require(Self.epoch(try await office.acquire(Self.ours)))
      #expect(try await office.release(Self.ours))
      #expect(Self.epoch(try await office.acquire(Self.ours, epochSeen: first + 5000)) == first + 5001)
    }

    @Test func `a term older than what a node has seen is over`() async throws {
      let redis = try await PrivateRedis()
      let office = try await Office(redis)
      let first = try #require(Self.epoch(try await office.acquire(Self.ours)))
      #expect(Self.epoch(try await office.acquire(Self.theirs, epochSeen: first)) == nil, "it has seen this very term")
      let later = Self.epoch(try await office.acquire(Self.theirs, epochSeen: first + 1))
      #expect(later.map { $0 > first + 1 } ?? false)
      #expect(try await !office.renew(Self.ours))
    }

    @Test func `an epoch years ahead was never given out, and is not believed`() async throws {
      let redis = try await PrivateRedis()
      let office = try await Office(redis)
      let absurd = Int64(9_000_000_000_000)
      let epoch = try #require(Self.epoch(try await office.acquire(Self.ours, epochSeen: absurd)))
      #expect(epoch < absurd)
      #expect(Self.epoch(try await office.acquire(Self.theirs, epochSeen: absurd)) == nil, "the holder is not replaced")
    }

    @Test
    func `the sweep: what was released, what lapsed, when to come again, how far behind; fenced or not`() async throws {
      try await inTime { try await sweepInTime() }
    }

    private func sweepInTime() async throws {
      let redis = try await PrivateRedis()
      let office = try await Office(redis)
      let engine = try await Engine(redis.url)
      for sku in ["A", "B"] { _ = await engine.ask(Call(wish: .set(sku, total: 10))) }
      #expect(try await office.sweep(Self.ours) == nil)
      #expect(try await office.trim(Self.ours, after: "") == nil)
      #expect(try await office.overdue() == SweepRepository.Overdue())
      _ = try await office.acquire(Self.ours)
      #expect(try await office.sweep(Self.ours) == SweepRepository.Batch(released: 0, nextDue: nil))

      let later = await engine.ask(.reserve("B", ttlSeconds: 600)).reservationID
      let early = try #require(try await office.sweep(Self.ours))
      #expect(early.released == 0 && early.nextDue.map { $0 > .zero && $0 <= .seconds(600) } == true)
      _ = await engine.ask(Call(wish: .cancel(later)))
      #expect(try await office.sweep(Self.ours)?.released == 0)
      let began = NIODeadline.now()
      for _ in 0..<3 { _ = await engine.ask(.reserve("A", ttlSeconds: 1)) }
      try await eventually("all are overdue") { try await office.overdue().holds == 3 }
      let oldest = try await office.overdue().oldest
      #expect(oldest.map { $0 >= .zero && $0 <= NIODeadline.now() - began } == true)
      // The bound of the cancelled hold is left.
      let late = try #require(try await office.sweep(Self.ours))
      #expect(late.released == 3 && late.nextDue.map { $0 > .zero && $0 <= .seconds(600) } == true)
      #expect(try await engine.link.integer("GET", "inventory:A") == 10)

      // There are old sales, 250 of the first SKU and 3 of the other. Their reservations are gone.
      for (sku, count) in [("A", 250), ("B", 3)] {
        let entries = (0..<count).map { _ in "\(ReservationID().text)1600000000000" }
        _ = try await engine.link.send(["RPUSH", "sales:\(sku)"] + entries).get()
      }
      let first = try #require(try await office.trim(Self.ours, after: ""))
      #expect(first == SweepRepository.Trim(trimmed: 199, cursor: ""), "more than a step's worth")
      let second = try await office.trim(Self.ours, after: first.cursor ?? "?")
      #expect(second == SweepRepository.Trim(trimmed: 52, cursor: nil))
      for sku in ["A", "B"] { #expect(try await engine.link.integer("LLEN", "sales:\(sku)") == 1) }
      #expect(try await office.sweep(Self.theirs) == nil)
    }
  }
}

extension SweepRepository.Outcome {
  fileprivate var step: Step? {
    if case .done(let step) = self { step } else { nil }
  }
}
