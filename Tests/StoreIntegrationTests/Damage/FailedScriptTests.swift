import TestSupport
import Testing

@testable import Node
@testable import Store

extension AgainstRedis {
  /// Scripts that fail after a write.
  @Suite struct FailedScriptTests {
    /// Scripts with an unforeseen fault: after its writes, each runs a command that Redis refuses.
    private static let scripts = ScriptLibrary(tuning: .init()).edited { name, source in
      let end = source.range(of: "return 'OK ' .. now")
      guard ["reserve", "confirm", "change_stock"].contains(name), let end else { return source }
      return source.replacingCharacters(
        in: end, with: "redis.call('LPUSH', INVENTORY .. 'A', 'x')\nreturn 'OK ' .. now")
    }

    @Test func `a failed script is never told to have done nothing; the key tells, once it can be read`() async throws {
      let redis = try await PrivateRedis()
      let whole = try await Engine(redis.url)
      _ = await whole.ask(Call(wish: .set("A", total: 10)))
      let held = await whole.ask(.reserve("A")).reservationID
      let failing = try await Engine(redis.url, scripts: Self.scripts)
      #expect(await failing.ask(.reserve("A", key: "k")) == .problem(.outcomeUnknown))
      #expect(await failing.ask(Call(wish: .confirm(held), key: "k")) == .problem(.outcomeUnknown))
      #expect(await failing.ask(Call(wish: .adjust("A", delta: 5, reason: nil))) == .problem(.outcomeUnknown))
      // The call took effect, and a retry gets its answer.
      #expect(await whole.ask(.reserve("A", key: "k")).isReplay)
      #expect(await whole.ask(Call(wish: .confirm(held), key: "k")).isReplay)
      #expect(await whole.ask(Call(wish: .readStock("A"))).number("total") == 15)
      #expect(try await whole.wholeAudit().violations == [])
    }
  }
}

extension AgainstRedis {
  /// A right that is withdrawn while nodes sell.
  @Suite struct WithdrawnRightsTests {
    @Test(arguments: ["decrby", "zadd", "set", "incrby", "zrem", "rpush"])
    func `no key is told to have succeeded that did not, and nothing is sold twice`(_ command: String) async throws {
      let redis = try await PrivateRedis()
      let owner = try await Engine(redis.url)
      try await owner.link.reply("ACL", "SETUSER", "shop", "on", ">secret", "~*", "+@all")
      let address = redis.url.dropFirst("redis://".count)
      let engine = try await Engine("redis://shop:secret@\(address)")
      _ = await owner.ask(Call(wish: .set("A", total: 3)))
      let held = await owner.ask(.reserve("A")).reservationID
      try await owner.link.reply("ACL", "SETUSER", "shop", "-\(command)")
      var told: Set<String> = []
      for number in 0..<6 {
        for _ in 0..<2 {
          let answer = await engine.ask(.reserve("A", key: "k\(number)"))
          if answer.isSuccess { told.insert(answer.reservationID) }
        }
        let confirmed = await engine.ask(Call(wish: .confirm(held), key: "c\(number)"))
        #expect(confirmed.isSuccess || confirmed.status >= 500, "\(confirmed)")
      }
      try await owner.link.reply("ACL", "SETUSER", "shop", "+@all")
      #expect(told.count <= 2, "one of three is held already")
      for id in told { #expect(await owner.ask(Call(wish: .readReservation(id))).isSuccess) }
      #expect(try await owner.link.integer("GET", "sold:A") ?? 0 <= 1)
    }
  }
}
