import NIOCore
import TestSupport
import Testing

@testable import Node

extension AgainstRedis {
  @Suite("A Redis that refuses commands")
  struct RefusingRedisTests {
    @Test("full (OOM): nothing new is held, what is held can be finished")
    func outOfMemory() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      _ = await engine.ask(Call(wish: .set("A", total: 10)))
      let stocked = await engine.ask(Call(wish: .set("C", total: 1), key: "s"))
      let first = await engine.ask(.reserve("A", 2, key: "k"))
      let sold = first.reservationID
      let returned = await engine.ask(.reserve("A", 3)).reservationID
      let lapsed = await engine.ask(.reserve("A", 4, ttlSeconds: 1)).reservationID
      try await engine.link.reply("CONFIG", "SET", "maxmemory", "1")

      let full = Answer.problem(.storeUnavailable, retryAfter: 1)
      #expect(await engine.ask(.reserve("A")) == full)
      #expect(await engine.ask(Call(wish: .set("B", total: 1))) == full)
      #expect(await engine.ask(.reserve("A", key: "new")) == full)
      // Before any watch has seen that it is full, too.
      let (replay, replayedStock) = (
        await engine.ask(.reserve("A", 2, key: "k")), await engine.ask(Call(wish: .set("C", total: 1), key: "s"))
      )
      #expect(replay.isReplay && replay.status == 201 && replay.body == first.body)
      #expect(replayedStock.isReplay && replayedStock.body == stocked.body)
      #expect(await engine.ask(.reserve("A", 1, key: "k")) == .problem(.idempotencyKeyReused))
      #expect(await engine.ask(Call(wish: .confirm(sold), key: "c")).member("status") == "CONFIRMED")
      #expect(await engine.ask(Call(wish: .confirm(sold), key: "c")).isReplay)
      #expect(await engine.ask(Call(wish: .cancel(returned), key: "c")).member("status") == "CANCELLED")
      try await eventually("the last hold lapses, and is released by a full Redis too") {
        await engine.ask(Call(wish: .readStock("A"))).number("available") == 8
      }
      #expect(await engine.ask(Call(wish: .readReservation(lapsed))).member("status") == "EXPIRED")

      try await engine.link.reply("CONFIG", "SET", "maxmemory", "0")
      #expect(await engine.ask(.reserve("A")).status == 201)
      #expect(try await engine.wholeAudit().violations == [])
    }

    @Test("nearly full, as the watch over the store sees it: replays are told, nothing new is begun")
    func nearlyFull() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      _ = await engine.ask(Call(wish: .set("A", total: 10)))
      let first = await engine.ask(.reserve("A", key: "k"))
      try await engine.link.eventLoop.submit { [parts = engine.parts] in
        parts.value.writer.storeIsNearlyFull = true
      }.get()
      let full = Answer.problem(.storeUnavailable, retryAfter: 1)
      #expect(await engine.ask(.reserve("A")) == full)
      #expect(await engine.ask(.reserve("A", key: "other")) == full)
      #expect(await engine.ask(.reserve("A", 2, key: "k")) == .problem(.idempotencyKeyReused))
      let replay = await engine.ask(.reserve("A", key: "k"))
      #expect(replay.isReplay && replay.body == first.body)
      #expect(await engine.ask(Call(wish: .adjust("A", delta: 1, reason: nil))) == full)
      #expect(await engine.ask(Call(wish: .extend(first.reservationID, ttlSeconds: 900))).status == 200)
      #expect(await engine.ask(Call(wish: .confirm(first.reservationID))).status == 200)
    }

    @Test("a replica (READONLY): writes are refused, and the link is made anew, for the master may be elsewhere")
    func readOnly() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      _ = await engine.ask(Call(wish: .set("A", total: 10)))
      // Of a master that does not exist: it keeps its data.
      try await engine.auditLink.reply("REPLICAOF", "127.0.0.1", "1")
      #expect(await engine.ask(.reserve("A", key: "k")) == .problem(.storeUnavailable, retryAfter: 1))
      try await eventually("the link is made anew") { try await engine.link.status.reconnects == 1 }
      try await engine.auditLink.reply("REPLICAOF", "NO", "ONE")
      try await eventually("it is a master again") { await engine.ask(.reserve("A", key: "k")).status == 201 }
      #expect(try await engine.auditLink.integer("GET", "inventory:A") == 9)
    }

    @Test("busy with a long script (BUSY): asked again until it is free, within the deadline")
    func busy() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      let hog = try await LinkHandle(redis.url)
      let bystander = try await LinkHandle(redis.url)
      try await hog.whenUp()
      try await bystander.whenUp()
      _ = await engine.ask(Call(wish: .set("A", total: 10)))
      try await hog.reply("CONFIG", "SET", "busy-reply-threshold", "10")
      async let hogging = hog.send(
        "EVAL",
        "local t = redis.call('TIME') local ends = t[1] * 1000000 + t[2] + 500000 "
          + "repeat t = redis.call('TIME') until t[1] * 1000000 + t[2] > ends return 'done'", "0")
      try await eventually("Redis says that it is busy", every: .milliseconds(5)) {
        if case .success(.error(let line)) = await bystander.send("GET", "x") { line.hasPrefix("BUSY") } else { false }
      }
      let answer = await engine.ask(.reserve("A"))
      #expect(answer.status == 201)
      #expect(await hogging == .success(.bytes(Array("done".utf8))))
      let errors = try await bystander.reply("INFO", "errorstats").text ?? ""
      let count = try #require(errors.firstMatch(of: /errorstat_BUSY:count=(\d+)/).flatMap { Int($0.1) })
      #expect(count >= 3, "the engine was never told BUSY")
      #expect(try await bystander.integer("GET", "inventory:A") == 9)
    }

    @Test("busy for longer than the deadline: told as unavailable in time, and done neither then nor later")
    func busyForTooLong() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      let hog = try await LinkHandle(redis.url)
      try await hog.whenUp()
      _ = await engine.ask(Call(wish: .set("A", total: 10)))
      try await hog.reply("CONFIG", "SET", "busy-reply-threshold", "10")
      async let hogging = hog.send("EVAL", "while true do end", "0", within: .seconds(30))
      try await eventually("Redis says that it is busy", every: .milliseconds(5)) {
        if case .success(.error(let line)) = await engine.auditLink.send("GET", "x") {
          line.hasPrefix("BUSY")
        } else {
          false
        }
      }
      let began = NIODeadline.now()
      let answer = await engine.ask(.reserve("A", key: "k"))
      // The last of many tries may just not have been answered.
      #expect(answer == .problem(.storeUnavailable, retryAfter: 1) || answer == .problem(.outcomeUnknown))
      #expect(NIODeadline.now() - began < Budget.answer)
      try await engine.auditLink.reply("SCRIPT", "KILL")
      #expect(try await hogging.get().text == nil)
      #expect(await engine.ask(Call(wish: .readStock("A"))).number("available") == 10)
    }
  }
}
