import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Node

extension AgainstRedis {
  /// A server that is no longer the master.
  @Suite struct DemotedMasterTests {
    /// How many connections Redis has accepted.
    private func connections(_ redis: PrivateRedis) throws -> Int {
      let stats = try redis.cli("INFO", "stats")
      return try #require(stats.firstMatch(of: /total_connections_received:(\d+)/).flatMap { Int($0.1) })
    }

    /// The most attempts that the back-off allows one link in this time.
    private func most(in time: Duration) -> Int {
      // The delays are 20, 40, … 640 ms, then a second each. At least half of each is waited.
      7 + Int((time / .milliseconds(500)).rounded(.up))
    }

    @Test func `a probed link leaves a demoted master, says whose replica it is, and does not storm it`() async throws {
      let (old, new) = (try await PrivateRedis(), try await PrivateRedis())
      let log = LogRecorder()
      var handles: [LinkHandle] = []
      for _ in 0..<3 {
        let handle = try await LinkHandle(old.url, logger: log.logger)
        try await handle.whenUp()
        try await handle.probe()
        handles.append(handle)
      }
      try await handles[0].reply("SET", "a", "1")
      let before = try connections(old)
      try old.cli("REPLICAOF", "127.0.0.1", "\(new.port)")
      let demoted = ContinuousClock.now
      let words = "Redis at 127.0.0.1:\(old.port) is a replica of 127.0.0.1:\(new.port)"
      for handle in handles {
        try await eventually("it is told") { try await handle.status.lastProblem == words }
        // Nothing is read from this server any more, even after many tries.
        #expect(await handle.send("GET", "a", within: .seconds(2)) == .failure(.notSent(.offline)))
      }
      try await eventually("the back-off has come to its end") { ContinuousClock.now - demoted > .seconds(4) }
      for handle in handles {
        let status = try await handle.status
        #expect(status.reconnects == 0 && !status.isUp)
      }
      // One connection of the difference is the test's own.
      let asked = try connections(old) - before
      #expect(asked <= 3 * most(in: ContinuousClock.now - demoted) + 2, "\(asked) connections")
      // Logged once for each link, and again only for another reason.
      let told = log.all.filter { $0.contains("Redis link is down") }
      let others = told.filter { !$0.contains(words) }
      #expect(told.count - others.count <= 3 + others.count, "\(told)")

      try old.cli("REPLICAOF", "NO", "ONE")
      for handle in handles { try await handle.whenUp() }
    }

    @Test func `a link to a replica never comes up: nothing that has waited for it is asked there`() async throws {
      let redis = try await PrivateRedis(options: ["--replicaof", "127.0.0.1 1"])
      let handle = try await LinkHandle(redis.url)
      #expect(await handle.send("GET", "a", within: .seconds(2)) == .failure(.notSent(.offline)))
      #expect(try await handle.status.lastProblem == "Redis at 127.0.0.1:\(redis.port) is a replica of 127.0.0.1:1")
      #expect(try redis.cli("INFO", "commandstats").contains("cmdstat_get") == false)
    }

    @Test
    func `READONLY where ROLE is forbidden: few connections, and other commands keep their replies`() async throws {
      let redis = try await PrivateRedis()
      try redis.cli("ACL", "SETUSER", "shop", "on", ">s3cret", "~*", "+@all", "-role")
      let engine = try await Engine("redis://shop:s3cret@127.0.0.1:\(redis.port)/0")
      _ = await engine.ask(Call(wish: .set("A", total: 10)))
      // It becomes the replica of a master that does not exist, so it keeps its data.
      try redis.cli("REPLICAOF", "127.0.0.1", "1")
      let before = try connections(redis)
      let demoted = ContinuousClock.now
      let neighbours = await withTaskGroup(of: Result<RedisReply, RedisFailure>.self) { tasks in
        let refused = engine.link.eventLoop.makePromise(of: Answer.self)
        tasks.addTask {
          await withCheckedContinuation { continuation in
            engine.link.eventLoop.execute { [parts = engine.parts, link = engine.link.link] in
              // All leave in one write, so the refusal of the first is read before the other replies.
              let call = Call.reserve("A")
              parts.value.perform(call.wish, CallContext(caller: call.caller, keyText: nil, arrival: .now())) {
                refused.succeed($0)
              }
              let count = 50
              var replies: [Result<RedisReply, RedisFailure>] = []
              for index in 0..<count {
                link.value.send(.command("ECHO", "\(index)"), deadline: .now() + .seconds(10)) { result in
                  replies.append(result)
                  guard replies.count == count else { return }
                  let lost = replies.filter { if case .success = $0 { false } else { true } }
                  continuation.resume(returning: lost.first ?? result)
                }
              }
            }
          }
        }
        let answer = try? await refused.futureResult.get()
        #expect(answer == .problem(.storeUnavailable, retryAfter: 1))
        return await tasks.reduce(into: []) { $0.append($1) }
      }
      #expect(neighbours == [.success(.bytes(Array("49".utf8)))])
      try await eventually("the link is left") {
        try await engine.link.status.lastProblem?.contains("is a replica") == true
      }
      while ContinuousClock.now - demoted < .seconds(3) {
        #expect(await engine.ask(.reserve("A", key: "k")) == .problem(.storeUnavailable, retryAfter: 1))
      }
      let asked = try connections(redis) - before
      #expect(asked <= most(in: ContinuousClock.now - demoted) + 2, "\(asked) connections")
      try redis.cli("REPLICAOF", "NO", "ONE")
      try await eventually("it is a master again") { await engine.ask(.reserve("A", key: "k")).status == 201 }
      #expect(try await engine.auditLink.integer("GET", "inventory:A") == 9)
    }

    @Test func `rights that are wanted and not given are warned of, once; the link serves all the same`() async throws {
      let redis = try await PrivateRedis()
      try redis.cli("ACL", "SETUSER", "shop", "on", ">s3cret", "~*", "+@all", "-role", "-client|list")
      let log = LogRecorder()
      let handle = try await LinkHandle("redis://shop:s3cret@127.0.0.1:\(redis.port)/0", logger: log.logger)
      try await handle.whenUp()
      try await handle.probe(checksRights: true)
      try await eventually("both are told") { try await handle.status.warnings.count == 2 }
      let warnings = try await handle.status.warnings
      #expect(warnings[0].contains("ROLE") && warnings[1].contains("CLIENT LIST"))
      try redis.cli("ACL", "SETUSER", "shop", "+role", "+client|list")
      try await eventually("nothing is left to tell") { try await handle.status.warnings.isEmpty }
      #expect(log.all.filter { $0.contains("CLIENT LIST") }.count == 1, "\(log.all)")
      let status = try await handle.status
      #expect(status.isUp && status.reconnects == 0)
    }
  }
}
