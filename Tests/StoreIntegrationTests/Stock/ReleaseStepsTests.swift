import NIOCore
import TestSupport
import Testing

@testable import Node
@testable import Store

extension AgainstRedis {
  /// Expired holds are released on use, in bounded steps, each hold exactly once.
  @Suite struct ReleaseStepsTests {
    /// How many item lines one call of the release script may put back.
    private static let linesPerStep = 80

    private func engine(on redis: PrivateRedis) async throws -> Engine {
      let engine = try await Engine(redis.url, scripts: TestClock.scripts())
      engine.link.post(TestClock.setting(TestClock.start))
      return engine
    }

    private func reserve(_ count: Int, _ lines: [Call.Line], on engine: Engine) async {
      await withTaskGroup(of: Void.self) { tasks in
        for _ in 0..<count {
          tasks.addTask {
            let answer = await engine.ask(.reserve(lines, ttlSeconds: 60), age: Engine.patience)
            #expect(answer.status == 201, "\(answer)")
          }
        }
      }
    }

    @Test func `1,000 expired holds are back for the request that finds them, after 13 steps`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await engine(on: redis)
      _ = await engine.ask(Call(wish: .set("A", total: 1000)))
      await reserve(1000, [Call.Line(sku: "A", quantity: 1)], on: engine)
      #expect(await engine.ask(.reserve("A")).status == 409)

      engine.link.post(TestClock.setting(TestClock.start + 60_000))
      let before = try await engine.link.callsOfScripts()
      let held = await engine.ask(.reserve("A", 1000), age: Engine.patience)
      #expect(held.status == 201)
      // The reserve is refused, holds are released, and the reserve succeeds.
      let steps = (1000 + Self.linesPerStep - 1) / Self.linesPerStep
      #expect(try await engine.link.callsOfScripts() - before == 1 + steps + 1)
      let expired = try await engine.idsOfEvents("expired")
      #expect(expired.count == 1000 && Set(expired).count == 1000)
      #expect(try await engine.wholeAudit().violations == [])
    }

    @Test func `a step is bounded by item lines, not by reservations`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await engine(on: redis)
      let skus = (10..<30).map { "S\($0)" }
      for sku in skus { _ = await engine.ask(Call(wish: .set(sku, total: 50))) }
      await reserve(50, skus.map { Call.Line(sku: $0, quantity: 1) }, on: engine)

      engine.link.post(TestClock.setting(TestClock.start + 60_000))
      let before = try await engine.link.callsOfScripts()
      let stock = await engine.ask(Call(wish: .readStock("S17")), age: Engine.patience)
      #expect(stock.number("available") == 50)
      // There are 50 reservations of 20 lines each. A step releases 4 of them.
      #expect(try await engine.link.callsOfScripts() - before == 1 + 13 + 1)
      for sku in skus { #expect(try await engine.link.integer("GET", "inventory:\(sku)") == 50) }
    }

    @Test func `released by several nodes at once, each hold is back exactly once`() async throws {
      let redis = try await PrivateRedis()
      var engines = [try await engine(on: redis)]
      for _ in 0..<3 { engines.append(try await engine(on: redis)) }
      _ = await engines[0].ask(Call(wish: .set("A", total: 600)))
      await reserve(600, [Call.Line(sku: "A", quantity: 1)], on: engines[0])
      // Awaited, because other links read the clock too.
      _ = try await engines[0].link.send(TestClock.setting(TestClock.start + 60_000)).get()
      let told = await withTaskGroup(of: Answer.self) { tasks in
        for engine in engines {
          for _ in 0..<5 { tasks.addTask { await engine.ask(Call(wish: .readStock("A")), age: Engine.patience) } }
        }
        return await tasks.reduce(into: []) { $0.append($1) }
      }
      #expect(told.allSatisfy { $0.number("available") == 600 && $0.number("reserved") == 0 })
      #expect(try await engines[0].idsOfEvents("expired").count == 600)
      #expect(try await engines[0].link.integer("GET", "inventory:A") == 600)
    }

    @Test
    func `out of time for the release: 'overloaded', nothing was done; what was released stays so`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await engine(on: redis)
      _ = await engine.ask(Call(wish: .set("A", total: 1500)))
      await reserve(1500, [Call.Line(sku: "A", quantity: 1)], on: engine)
      engine.link.post(TestClock.setting(TestClock.start + 60_000))

      // The request is old. At first there is no time for any step, then for a few.
      let overloaded = Answer.problem(.overloaded, retryAfter: 1)
      #expect(await engine.ask(.reserve("A", key: "k"), age: Budget.release) == overloaded)
      #expect(try await engine.link.integer("ZCARD", "holds:A") == 1500)
      var answer = overloaded
      var tries = 0
      while answer == overloaded, tries < 1000 {
        tries += 1
        // At first too little time on any machine, and then more until it is enough.
        let left = TimeAmount.microseconds(Int64(200 * tries))
        answer = await engine.ask(Call(wish: .set("A", total: 1400)), age: Budget.release - left)
      }
      #expect(tries > 1, "no try came to its end")
      #expect(answer.body == "{\"sku\":\"A\",\"total\":1400,\"available\":1400,\"reserved\":0,\"sold\":0}")
      #expect(try await engine.idsOfEvents("expired").count == 1500)
      #expect(try await engine.link.integer("EXISTS", "idem:reserve/-:k") == 0)
    }
  }
}
