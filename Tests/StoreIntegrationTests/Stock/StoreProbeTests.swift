import Common
import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Node
@testable import Store

extension AgainstRedis {
  /// The identity and marks of the store.
  @Suite struct StoreProbeTests {
    private let redis: PrivateRedis
    private let link: LinkHandle
    private let scripts = ScriptLibrary(tuning: .init(keyPrefix: "p:"))

    init() async throws {
      redis = try await PrivateRedis()
      link = try await LinkHandle(redis.url)
      try await link.whenUp()
    }

    /// The repository of one node process.
    private func process() async throws -> NIOLoopBound<IdentityRepository> {
      try await link.eventLoop.submit { [link, scripts] in
        let session = StoreSession(scripts: scripts, link: link.link.value)
        return NIOLoopBound(session.identity, eventLoop: link.eventLoop)
      }.get()
    }

    private func look(_ process: NIOLoopBound<IdentityRepository>) async throws -> IdentityRepository.Look {
      try await withCheckedContinuation { continuation in
        link.eventLoop.execute { process.value.look(limit: .seconds(5)) { continuation.resume(returning: $0) } }
      }.get()
    }

    /// Probes until this process has raised the mark.
    private func raise(_ process: NIOLoopBound<IdentityRepository>) async throws -> (name: String, mark: Int64) {
      var raised: (name: String, mark: Int64)?
      try await eventually("its turn comes") {
        let seen = try await look(process)
        raised = seen.raised == nil ? nil : seen.after?.newest
        return raised != nil
      }
      return try #require(raised)
    }

    @Test
    func `the identity is given once; each process raises its own mark, only where the last one is old`() async throws {
      let (one, other) = (try await process(), try await process())
      let first = try await look(one)
      #expect(first.found == StoreSight(identity: nil) && first.raised == first.time)
      let identity = try #require(first.after?.identity)
      #expect(identity.utf8.count == 32 && first.after?.marks.count == 1)
      let second = try await look(other)
      #expect(second.found.identity == identity)
      #expect(second.raised == nil || second.time - first.time >= 400)
      let (late, later) = (try await raise(other), try await raise(one))
      #expect(late.name != later.name && later.mark >= late.mark + 400)
      let sight = try await look(other).found
      #expect(sight.marks[late.name] == late.mark && sight.marks[later.name] == later.mark && sight.marks.count == 2)
      #expect(try redis.cli("KEYS", "*").split(separator: "\n").sorted() == ["p:store", "p:store:mark"])
      #expect(try redis.cli("TTL", "p:store") == "-1")
      #expect(try redis.cli("TTL", "p:store:mark") == "-1")
    }

    @Test
    func `in a store that was set back a process leaves its old mark as it is, and begins a new one`() async throws {
      let process = try await process()
      let first = try await raise(process)
      try redis.cli("HSET", "p:store:mark", first.name, "\(first.mark - 1)")
      #expect(try await look(process).raised == nil)
      let next = try await raise(process)
      #expect(next.name != first.name)
      let sight = try await look(process).found
      #expect(sight.marks[first.name] == first.mark - 1, "whoever has seen more can tell")
    }

    @Test func `marks go on where Redis's clock was set back, and the oldest make room for new ones`() async throws {
      let (one, other) = (try await process(), try await process())
      let first = try await raise(one)
      for number in 0..<80 {
        try redis.cli("HSET", "p:store:mark", String(number + 0xB00, radix: 16), "\(1000 + number)")
      }
      let ahead = first.mark + 1_000_000
      try redis.cli("HSET", "p:store:mark", "c3", "\(ahead)")
      let pruned = try await look(other)
      #expect(pruned.raised == ahead + 1)
      let left = try await look(other).found
      #expect(left.marks.count < IdentityRepository.maxMarks && left.floor >= 1000 && left.marks["c3"] == ahead)
      let identity = try #require(pruned.after?.identity)
      #expect(
        StoreEvidence(identity: identity, marks: ["b00": 1000, "c3": ahead, first.name: first.mark]).isHeld(by: left),
        "what was dropped is not taken for lost")
    }

    @Test func `what something else has written as identity or marks is left as it is`() async throws {
      let process = try await process()
      try redis.cli("RPUSH", "p:store", "x")
      try redis.cli("SET", "p:store:mark", "y")
      let sight = try await look(process)
      #expect(sight.found == StoreSight(identity: nil) && sight.after == nil)
      #expect(try redis.cli("TYPE", "p:store") == "list")
      #expect(try redis.cli("GET", "p:store:mark") == "y")
      try redis.cli("DEL", "p:store", "p:store:mark")
      try redis.cli("SET", "p:store", "another program's")
      try redis.cli("HSET", "p:store:mark", "a1", "1e400", "b 2", "7", "c3", "-1", "", "5", "floor", "nan")
      #expect(try await look(process).found == StoreSight(identity: nil))
      #expect(try redis.cli("GET", "p:store") == "another program's")
    }

    @Test func `a full store is looked at; one that refuses writes says why`() async throws {
      let process = try await process()
      try redis.cli("CONFIG", "SET", "maxmemory", "1")
      _ = try await look(process)
      try redis.cli("CONFIG", "SET", "min-replicas-to-write", "1")
      do {
        _ = try await look(process)
        Issue.record("was not refused")
      } catch let failure as StoreFailure {
        #expect(StoreFinding.write(refused: failure)?.words.contains("NOREPLICAS") == true)
      }
    }
  }
}
