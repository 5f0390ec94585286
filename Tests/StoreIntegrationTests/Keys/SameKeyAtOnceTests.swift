import NIOCore
import TestSupport
import Testing

@testable import Node

extension AgainstRedis {
  /// Invariant 2: an idempotency key takes effect at most once.
  @Suite struct SameKeyAtOnceTests {
    private static let nodes = 4
    private static let callsPerNode = 5
    private static let keys = 150
    private static let pieces = 100
    @Test
    func `many shoppers ask several nodes several times at once, each with one key: one effect a key`() async throws {
      let redis = try await PrivateRedis()
      var engines: [Engine] = []
      for _ in 0..<Self.nodes { engines.append(try await Engine(redis.url)) }
      _ = await engines[0].ask(Call(wish: .set("A", total: Self.pieces)))

      let answers = await withTaskGroup(of: (key: Int, answer: Answer).self) { tasks in
        for key in (0..<Self.keys).shuffled() {
          for engine in engines {
            for _ in 0..<Self.callsPerNode {
              tasks.addTask { (key, await engine.ask(.reserve("A", key: "k\(key)"), age: Engine.patience)) }
            }
          }
        }
        return await tasks.reduce(into: [Int: [Answer]]()) { $0[$1.key, default: []].append($1.answer) }
      }

      let successes = answers.values.filter { $0.contains { $0.isSuccess } }
      #expect(successes.count == Self.pieces)
      for told in successes {
        // One effect, reported to all: a key that has reserved is never refused, even if the SKU is sold out.
        #expect(told.filter { !$0.isReplay }.count == 1, "\(told.map(\.status))")
        #expect(Set(told.map(\.body)).count == 1 && told.allSatisfy { $0.status == 201 })
      }
      let ids = Set(successes.compactMap { $0.first?.reservationID })
      #expect(ids.count == Self.pieces)
      #expect(try await engines[0].link.integer("ZCARD", "holds:A") == Self.pieces)
      #expect(try await engines[0].link.integer("GET", "inventory:A") == 0)
      #expect(try await engines[0].link.integer("XLEN", "events") == Self.pieces + 1)
    }

    @Test func `a reservation confirmed, cancelled and extended at once reaches one final state, once`() async throws {
      let redis = try await PrivateRedis()
      var engines: [Engine] = []
      for _ in 0..<Self.nodes { engines.append(try await Engine(redis.url)) }
      _ = await engines[0].ask(Call(wish: .set("A", total: 1000)))
      for round in 0..<25 {
        let id = await engines[0].ask(.reserve("A", 3)).reservationID
        let answers = await withTaskGroup(of: Answer.self) { tasks in
          for (number, engine) in engines.enumerated() {
            let key = number % 2 == 0 ? "\(round)" : nil
            for wish in [Call.Wish.confirm(id), .cancel(id), .extend(id, ttlSeconds: 600)].shuffled() {
              tasks.addTask { await engine.ask(Call(wish: wish, key: key), age: Engine.patience) }
            }
          }
          return await tasks.reduce(into: []) { $0.append($1) }
        }
        let finals = Set(answers.filter { $0.isSuccess && $0.member("status") != "ACTIVE" }.map(\.body))
        #expect(finals.count == 1, "\(answers)")
        let stored = await engines[0].ask(Call(wish: .readReservation(id)))
        #expect(finals == [stored.body])
      }
      let report = try await engines[0].wholeAudit()
      #expect(report.violations == [] && report.unverified == [])
    }
  }
}
