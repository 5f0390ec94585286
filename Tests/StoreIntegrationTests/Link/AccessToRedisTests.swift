import NIOCore
import Store
import TestSupport
import Testing

@testable import Node

extension AgainstRedis {
  /// How a link logs in to Redis, and how it connects.
  @Suite struct AccessToRedisTests {
    private func redis(with rule: String...) async throws -> PrivateRedis {
      let redis = try await PrivateRedis()
      let admin = try await LinkHandle(redis.url)
      try await admin.whenUp()
      _ = try await admin.send(rule).get()
      return redis
    }

    @Test func `a password is given`() async throws {
      let redis = try await redis(with: "CONFIG", "SET", "requirepass", "s3cret/:@")
      let handle = try await LinkHandle("redis://:s3cret%2F%3A%40@127.0.0.1:\(redis.port)/0")
      try await handle.whenUp()
      #expect(try await handle.reply("ACL", "WHOAMI").text == "default")
    }

    @Test func `an ACL user needs a password and only the rights that the scripts need`() async throws {
      let redis = try await redis(
        with: "ACL", "SETUSER", "holdfast", "on", ">s3cret", "~*", "+@all", "-@dangerous", "+info", "-@admin")
      let engine = try await Engine("redis://holdfast:s3cret@127.0.0.1:\(redis.port)/0")
      #expect(try await engine.link.reply("ACL", "WHOAMI") == .bytes(Array("holdfast".utf8)))
      _ = await engine.ask(Call(wish: .set("A", total: 1)))
      #expect(await engine.ask(.reserve("A")).status == 201)
      #expect(try await engine.wholeAudit().skus == 1)
    }

    @Test func `a user who may not load scripts is told so, and not that Redis forgets them`() async throws {
      let redis = try await redis(with: "ACL", "SETUSER", "holdfast", "on", ">s3cret", "~*", "+@all", "-script|load")
      let handle = try await LinkHandle("redis://holdfast:s3cret@127.0.0.1:\(redis.port)/0")
      try await handle.whenUp()
      let told: Result<IdentityRepository.Look, StoreFailure> = await withCheckedContinuation { continuation in
        handle.eventLoop.execute { [link = handle.link] in
          StoreSession(scripts: ScriptLibrary(tuning: .init()), link: link.value).identity
            .look(limit: .seconds(5)) { continuation.resume(returning: $0) }
        }
      }
      guard case .failure(let failure) = told else {
        Issue.record("\(told)")
        return
      }
      let words = try #require(StoreFinding.write(refused: failure)?.words)
      #expect(words.hasPrefix("Redis forbids its user what the node needs: NOPERM"), "\(words)")
      #expect(words.contains("script|load"), "\(words)")
    }

    @Test func `a link uses a database of its own (SELECT)`() async throws {
      let redis = try await PrivateRedis()
      let third = try await Engine("redis://127.0.0.1:\(redis.port)/3")
      let zeroth = try await LinkHandle(redis.url)
      try await zeroth.whenUp()
      _ = await third.ask(Call(wish: .set("A", total: 1)))
      #expect(try await zeroth.integer("DBSIZE") == 0)
      try await zeroth.reply("SELECT", "3")
      #expect(try await zeroth.integer("GET", "inventory:A") == 1)
    }

    @Test(arguments: ["wr0ng", "holdfast:wr0ng"])
    func `a wrong password: never up, and the log says why, but not with what`(credentials: String) async throws {
      let redis = try await redis(with: "CONFIG", "SET", "requirepass", "s3cret")
      let log = LogRecorder()
      let user = credentials.contains(":") ? credentials : ":" + credentials
      let handle = try await LinkHandle("redis://\(user)@127.0.0.1:\(redis.port)/0", logger: log.logger)
      try await eventually("the refusal is logged") { log.all.contains { $0.contains("WRONGPASS") } }
      #expect(try await !handle.status.isUp)
      #expect(try await handle.status.lastProblem?.contains("WRONGPASS") ?? false)
      #expect(await handle.send("PING") == .failure(.notSent(.offline)))
      #expect(!log.all.contains { $0.contains("wr0ng") })
    }

    @Test func `no password where one is needed: never up, and the log says why`() async throws {
      let redis = try await redis(with: "CONFIG", "SET", "requirepass", "s3cret")
      let log = LogRecorder()
      let handle = try await LinkHandle(redis.url, logger: log.logger)
      try await eventually("the refusal is logged") { log.all.contains { $0.contains("NOAUTH") } }
      #expect(try await !handle.status.isUp)
    }

    @Test func `a database that Redis does not have: never up, and the log says which`() async throws {
      let redis = try await PrivateRedis()
      let handle = try await LinkHandle("redis://127.0.0.1:\(redis.port)/99")
      try await eventually("it is told") {
        try await handle.status.lastProblem?.contains("has no database 99") == true
      }
    }

    @Test func `a port where nobody listens and a name that is nobody's are told in plain words`() async throws {
      let port = try FreePort.find()
      for (host, words) in [
        ("127.0.0.1", "127.0.0.1:\(port) refuses connections: nothing listens there"),
        ("nobody.invalid", "the name nobody.invalid has no address"),
      ] {
        let log = LogRecorder()
        let handle = try await LinkHandle("redis://\(host):\(port)/0", logger: log.logger)
        try await eventually("it is told") { try await handle.status.lastProblem?.hasPrefix(words) == true }
        let told = log.all.filter { $0.contains("Redis link is down") }
        #expect(told.contains { $0.contains(words) }, "\(told)")
        #expect(!told.contains { $0.contains("SingleConnectionFailure") || $0.contains("NIO") }, "\(told)")
      }
    }

    @Test func `more clients than Redis takes: the link says so, and is there once there is room`() async throws {
      let redis = try await PrivateRedis(options: ["--maxclients", "1"])
      let first = try await LinkHandle(redis.url)
      try await first.whenUp()
      let second = try await LinkHandle(redis.url)
      try await eventually("it is told") {
        try await second.status.lastProblem?.contains("as many clients as it takes") == true
      }
      try await first.stop()
      try await second.whenUp()
    }
  }
}
