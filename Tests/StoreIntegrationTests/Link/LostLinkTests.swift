import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Store

extension AgainstRedis {
  /// A lost link comes back, and every command gets a result.
  @Suite struct LostLinkTests {
    @Test
    func `CLIENT KILL: what was sent is unknown, what is asked for meanwhile waits for the next link`() async throws {
      let redis = try await PrivateRedis()
      let handle = try await LinkHandle(redis.url)
      let killer = try await LinkHandle(redis.url)
      try await handle.whenUp()
      try await killer.whenUp()
      let blocked = handle.eventLoop.makePromise(of: Result<RedisReply, RedisFailure>.self)
      let queued = handle.eventLoop.makePromise(of: Result<RedisReply, RedisFailure>.self)
      handle.eventLoop.execute { [link = handle.link] in
        link.value.send(.command("BLPOP", "nothing", "0"), deadline: .now() + .seconds(10)) { result in
          // Sent in the same turn in which the link was lost.
          link.value.send(.command("ECHO", "survivor"), deadline: .now() + .seconds(10)) { queued.succeed($0) }
          blocked.succeed(result)
        }
      }
      try await eventually("Redis has the blocked command") {
        try await killer.reply("INFO", "clients").text?.contains("blocked_clients:1") ?? false
      }
      try await killer.reply("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
      #expect(try await blocked.futureResult.get() == .failure(.unknown(.linkLost)))
      #expect(try await queued.futureResult.get() == .success(.bytes(Array("survivor".utf8))))
      // There is one more reconnect if silence ended the connection before it was killed.
      #expect(try await handle.status.reconnects >= 1)
    }

    @Test
    func `Redis killed: after a grace commands fail at once; it is used again within 2 s of serving`() async throws {
      let redis = try await PrivateRedis(options: ["--appendfsync", "always"])
      let engine = try await Engine(redis.url)
      _ = await engine.ask(Call(wish: .set("A", total: 10)))
      let first = await engine.ask(.reserve("A", key: "k"))
      redis.kill()
      try await eventually("the link is refused") { await engine.link.send("PING") == .failure(.notSent(.offline)) }
      let refused = await engine.ask(.reserve("A"))
      #expect(refused == .problem(.storeUnavailable, retryAfter: 1))

      try redis.startAgain()
      try await eventually("Redis serves", every: .milliseconds(5)) { redis.serves }
      let served = ContinuousClock.now
      try await eventually("the engine answers") { await engine.ask(Call(wish: .readStock("A"))).isSuccess }
      #expect(ContinuousClock.now - served < .seconds(2) + ControlTimer.shared.allowance(since: served))
      let replay = await engine.ask(.reserve("A", key: "k"))
      #expect(replay.isReplay && replay.body == first.body)
    }

    @Test func `a Redis that is still loading is asked again until it has loaded`() async throws {
      // Redis loads slowly (half a minute by default), but says so quickly.
      let redis = try await PrivateRedis(options: [
        "--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024", "--aof-use-rdb-preamble", "yes",
      ])
      let scripts = ScriptLibrary(tuning: .init())
      let filler = try await LinkHandle(redis.url)
      try await filler.whenUp()
      try await filler.reply(
        "EVAL", "for i = 1, 6000 do redis.call('SET', 'filler:' .. i, string.rep('x', 64)) end", "0")
      try await filler.reply("BGREWRITEAOF")
      try await eventually("the file is written") {
        let persistence = try await filler.reply("INFO", "persistence").text ?? ""
        return persistence.contains("aof_rewrite_in_progress:0") && persistence.contains("aof_rewrite_scheduled:0")
      }
      try await filler.stop()
      try redis.startAgain()

      // This link loads no scripts, so it can connect while Redis still loads its data.
      let handle = try await LinkHandle(redis.url)
      let isLoading = RedisReply.error("LOADING Redis is loading the dataset in memory")
      try await eventually("Redis answers") { await handle.send("GET", "filler:1") == .success(isLoading) }
      let status = try await handle.status
      #expect(!status.isUp && status.isRefused, "who says no more than that does not serve")
      #expect(status.lastProblem?.contains("is still loading its data") == true)
      let told = handle.eventLoop.makePromise(of: Result<ReadReservationVerdict, StoreFailure>.self)
      handle.eventLoop.execute { [link = handle.link] in
        let caller = StoreCaller(link: link.value)
        caller.read(scripts.readReservation, RedisArguments("unknown"), deadline: .now() + .seconds(120)) {
          told.succeed($0.map(\.verdict))
        }
      }
      try await eventually("it was told to come again, and came") {
        let errors = try redis.cli("INFO", "errorstats")
        return errors.firstMatch(of: /errorstat_LOADING:count=(\d+)/).flatMap { Int($0.1) } ?? 0 >= 3
      }
      try redis.cli("CONFIG", "SET", "key-load-delay", "0")
      #expect(try await told.futureResult.get() == .success(.gone))
      #expect(try await handle.status.isUp)
      #expect(try await handle.status.reconnects == 0)
    }

    @Test func `SCRIPT FLUSH: each script is loaded again on its next call`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      func forgetful(_ call: Call) async throws -> Answer {
        try await engine.link.reply("SCRIPT", "FLUSH", "SYNC")
        return await engine.ask(call)
      }
      #expect(try await forgetful(Call(wish: .set("A", total: 10))).status == 201)
      let held = try await forgetful(.reserve("A", key: "k"))
      #expect(held.status == 201)
      #expect(try await forgetful(.reserve("A", key: "k")).isReplay)
      let id = held.reservationID
      for wish in [
        Call.Wish.readReservation(id), .extend(id, ttlSeconds: 900), .confirm(id), .readStock("A"),
        .list(after: nil, limit: 5), .audit,
      ] {
        #expect(try await forgetful(Call(wish: wish)).status == 200, "\(wish)")
      }
      #expect(try await forgetful(Call(wish: .cancel(id))) == .problem(.reservationConfirmed))
      #expect(try await forgetful(Call(wish: .delete("A"))).status == 204)
    }

    @Test func `replies that come byte by byte are read as ever`() async throws {
      let redis = try await PrivateRedis()
      let proxy = try await ChaosProxy(to: redis.port)
      let direct = try await Engine(redis.url)
      let sliced = try await Engine("redis://127.0.0.1:\(proxy.port)/0")
      for sku in ["A", "B", "C"] { _ = await direct.ask(Call(wish: .set(sku, total: 100))) }
      try await proxy.set(.toClient, .init(slices: true))
      let wish = Call.Wish.list(after: nil, limit: 3)
      #expect(await sliced.ask(Call(wish: wish), age: Engine.patience) == direct.ask(Call(wish: wish)))
      // Several calls are in the pipeline at once.
      let ids = await withTaskGroup(of: String.self) { tasks in
        for sku in ["A", "B", "C"] {
          tasks.addTask { await sliced.ask(.reserve(sku), age: Engine.patience).reservationID }
        }
        return await tasks.reduce(into: []) { $0.append($1) }
      }
      for id in ids {
        let wish = Call.Wish.readReservation(id)
        #expect(await sliced.ask(Call(wish: wish), age: Engine.patience) == direct.ask(Call(wish: wish)))
      }
    }

    @Test func `a link ends anywhere in a reply: keyed writes and reads are repeated, to one effect`() async throws {
      let redis = try await PrivateRedis()
      let proxy = try await ChaosProxy(to: redis.port)
      let direct = try await LinkHandle(redis.url)
      try await direct.whenUp()
      let engine = try await Engine("redis://127.0.0.1:\(proxy.port)/0")
      _ = await engine.ask(Call(wish: .set("A", total: 1000)))
      // The cuts cover `$30` and the line after it.
      let cuts = Array(0..<37)
      // If the machine stands still longer than commands wait for a link, the caller has to repeat the call.
      var askedAgain = 0
      func ask(_ call: Call) async throws -> Answer {
        let answer = await engine.ask(call, age: Engine.patience)
        guard answer.status == 503 else { return answer }
        askedAgain += 1
        try await bothLinksAreBack(engine)
        return await engine.ask(call, age: Engine.patience)
      }
      for cut in cuts {
        // The handshake of the next connection must pass.
        try await proxy.set(.toClient, .init(cutAfter: cut))
        try await proxy.setForLater(.toClient)
        let answer = try await ask(.reserve("A", key: "k\(cut)"))
        #expect(answer.status == 201, "cut after \(cut) bytes: \(answer)")
        try await bothLinksAreBack(engine)
        try await proxy.set(.toClient, .init(cutAfter: cut))
        try await proxy.setForLater(.toClient)
        let stock = try await ask(Call(wish: .readStock("A")))
        #expect(stock.number("reserved") == cut + 1)
        try await bothLinksAreBack(engine)
      }
      #expect(askedAgain < cuts.count, "of \(2 * cuts.count) calls, nearly all are repeated by themselves")
      #expect(try await direct.integer("GET", "inventory:A") == 1000 - cuts.count)
      #expect(try await direct.integer("ZCARD", "holds:A") == cuts.count)
      #expect(try await engine.link.status.reconnects >= cuts.count)
    }

    private func bothLinksAreBack(_ engine: Engine) async throws {
      try await eventually("both links are back") {
        let (shop, audit) = (try await engine.link.status, try await engine.auditLink.status)
        return shop.isUp && audit.isUp
      }
    }
  }
}

extension ByteBuffer {
  static func command(_ words: String...) -> ByteBuffer {
    var command = ByteBuffer()
    command.writeRedisCommand(words)
    return command
  }
}
