import NIOCore
import TestSupport
import Testing

extension AgainstRedis {
  /// Only Redis's clock decides deadlines.
  @Suite struct RedisTimeTests {
    @Test
    func `a reservation's instants are those of Redis's TIME, its deadline as long after as asked for`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      _ = await engine.ask(Call(wish: .set("A", total: 1000)))
      for ttlSeconds in [1, 60, 3599, 3600] {
        let before = try await engine.link.time()
        let answer = await engine.ask(.reserve("A", ttlSeconds: ttlSeconds))
        let after = try await engine.link.time()
        let createdAt = try #require(answer.member("createdAt"))
        #expect(before <= createdAt && createdAt <= after)
        let deadline = try await engine.link.reply("ZSCORE", "holds:A", answer.reservationID).text.flatMap { Int64($0) }
        let created = try #require(deadline) - Int64(ttlSeconds) * 1000
        #expect(answer.member("createdAt") == instant(created))
        #expect(answer.member("expiresAt") == instant(created + Int64(ttlSeconds) * 1000))
      }
    }

    @Test func `from its deadline on, not before, a hold is told as expired and sold to nobody`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      _ = await engine.ask(Call(wish: .set("A", total: 1000)))
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for number in 0..<12 {
          tasks.addTask {
            // The deadlines are spread over some milliseconds.
            let held = await engine.ask(.reserve("A", ttlSeconds: 1, key: "k\(number)"), age: Engine.patience)
            try await follow(held.reservationID, on: engine, until: try #require(held.member("expiresAt")))
          }
        }
        try await tasks.waitForAll()
      }
      // Nothing was swept, but reading the stock counts all of them as released.
      let stock = await engine.ask(Call(wish: .readStock("A")))
      let sold = try #require(stock.number("sold"))
      #expect(
        stock.body == "{\"sku\":\"A\",\"total\":1000,\"available\":\(1000 - sold),\"reserved\":0,\"sold\":\(sold)}")
    }

    /// Reads a hold again and again until it has expired. If there are several, the last one tries to buy.
    private func follow(_ id: String, on engine: Engine, until deadline: String) async throws {
      while true {
        let before = try await engine.link.time()
        let seen = await engine.ask(Call(wish: .readReservation(id)), age: Engine.patience)
        let after = try await engine.link.time()
        switch seen.member("status") {
        case "ACTIVE": #expect(before < deadline, "told as alive after its deadline")
        case "EXPIRED": #expect(after >= deadline, "told as expired before its deadline")
        default: Issue.record("told as \(seen)")
        }
        guard seen.member("status") == "ACTIVE" else { break }
      }
      let bought = await engine.ask(Call(wish: .confirm(id)), age: Engine.patience)
      #expect(bought == .problem(.reservationExpired))
    }

    private func instant(_ epochMilliseconds: Int64) -> String {
      String(Model(now: 0).instant(epochMilliseconds).dropFirst().dropLast())
    }
  }
}
