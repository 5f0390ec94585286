import NIOCore
import TestSupport
import Testing

@testable import Node
@testable import Store

extension AgainstRedis {
  @Suite struct RefusingRedisTests {
    @Test func `full (OOM): nothing new is held; what is held can be finished`() async throws {
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
      // This also holds before the watch has noticed that Redis is full.
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

    @Test func `nearly full, as the store's watch sees it: replays are told, nothing new is begun`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      _ = await engine.ask(Call(wish: .set("A", total: 10)))
      let first = await engine.ask(.reserve("A", key: "k"))
      try await engine.link.eventLoop.submit { [parts = engine.parts] in
        parts.value.writer.fullness.isNearlyFull = true
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

    @Test func `busy with a long script (BUSY): asked again until it is free, within the deadline`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      let hog = try await LinkHandle(redis.url)
      _ = await engine.ask(Call(wish: .set("A", total: 10)))
      try redis.cli("CONFIG", "SET", "busy-reply-threshold", "10")
      var sold = 0
      // The time between two calls of the engine depends on the machine.
      var pause = Duration.milliseconds(100)
      try await untilShown("the engine is told BUSY, and asks again") {
        pause *= 2
        try await hog.whenUp()
        try redis.cli("CONFIG", "RESETSTAT")
        async let hogging = hog.send("EVAL", "while true do end", "0")
        var looks = 0
        try await eventually("Redis says that it is busy", every: .milliseconds(5)) {
          let isBusy = try redis.cli("GET", "x").contains("BUSY")
          looks += isBusy ? 1 : 0
          return isBusy
        }
        async let answer = engine.ask(.reserve("A"), age: Engine.patience)
        try await Task.sleep(for: pause)
        try redis.cli("SCRIPT", "KILL")
        #expect(await answer.status == 201)
        sold += 1
        _ = await hogging
        let errors = try redis.cli("INFO", "errorstats")
        let count = errors.firstMatch(of: /errorstat_BUSY:count=(\d+)/).flatMap { Int($0.1) } ?? 0
        return count >= looks + 2
      }
      #expect(try redis.cli("GET", "inventory:A") == "\(10 - sold)")
    }

    @Test
    func `busy for longer than the deadline: told as unavailable in time, done neither then nor later`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      let hog = try await LinkHandle(redis.url)
      try await hog.whenUp()
      _ = await engine.ask(Call(wish: .set("A", total: 10)))
      try await hog.whenUp()
      try redis.cli("CONFIG", "SET", "busy-reply-threshold", "10")
      async let hogging = hog.send("EVAL", "while true do end", "0", within: .seconds(120))
      try await eventually("Redis says that it is busy", every: .milliseconds(5)) {
        try redis.cli("GET", "x").contains("BUSY")
      }
      let began = ContinuousClock.now
      let answer = await engine.ask(.reserve("A", key: "k"))
      // The last of many tries may still be unanswered.
      #expect(answer == .problem(.storeUnavailable, retryAfter: 1) || answer == .problem(.outcomeUnknown))
      let took = ContinuousClock.now - began
      #expect(took < Duration(Budget.answer) + ControlTimer.shared.allowance(since: began))
      try redis.cli("SCRIPT", "KILL")
      // The script was killed, or its link gave it up before.
      _ = await hogging
      try await eventually("it is free again") { await engine.ask(Call(wish: .readStock("A"))).isSuccess }
      #expect(await engine.ask(Call(wish: .readStock("A"))).number("available") == 10)
    }

    @Test
    func `while the link is up, an endless script or a user without rights is told until it is over`() async throws {
      let redis = try await PrivateRedis()
      let (admin, hog) = (try await LinkHandle(redis.url), try await LinkHandle(redis.url))
      try await admin.whenUp()
      try await hog.whenUp()
      try await admin.reply("CONFIG", "SET", "busy-reply-threshold", "10")
      try await admin.reply("ACL", "SETUSER", "shop", "on", ">s3cret", "~*", "+@all")
      let handle = try await LinkHandle("redis://shop:s3cret@127.0.0.1:\(redis.port)/0")
      try await handle.whenUp()
      try await handle.probe()

      async let hogging = hog.send("EVAL", "while true do end", "0", within: .seconds(60))
      try await eventually("it is told to be busy") {
        let status = try await handle.status
        return status.isRefused && !status.isUp && status.lastProblem?.contains("is busy with a long script") == true
      }
      let before = try await handle.status.downFor
      try await eventually("from the beginning") { try await handle.status.downFor ?? .zero > before ?? .zero }
      // While it is busy Redis takes no other command.
      try await eventually("the script is ended") {
        try redis.cli("SCRIPT", "KILL") == "OK"
      }
      #expect(try await hogging.get().text == nil)
      try await handle.whenUp()

      try await admin.reply("ACL", "SETUSER", "shop", "-@all")
      try await eventually("it is told to have no rights") {
        let status = try await handle.status
        return status.isRefused && status.lastProblem?.contains("lacks a right") == true
      }
      #expect(try await handle.status.lastProblem?.contains("NOPERM") == true)
      try await admin.reply("ACL", "SETUSER", "shop", "+@all")
      try await handle.whenUp()
      #expect(try await handle.status.lastProblem == nil)
    }
  }
}
