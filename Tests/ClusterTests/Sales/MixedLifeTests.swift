import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

extension HeavyTests {
  /// Shoppers reserve, extend, confirm, cancel or forget while operators change the stock.
  @Suite(.cluster(nodes: 3)) struct MixedLifeTests {
    private let cluster = TestCluster.current!
    private let skus = (1...5).map { "mixed-\($0)" }
    private static let initialTotal = 60

    private enum Plan: CaseIterable, Sendable {
      case confirm, cancel, extendThenConfirm, forget
    }

    /// The last answers to a shopper about a reservation.
    private struct Outcome: Sendable {
      var id: String
      var status: String
      /// The answer that made it final.
      var final: [UInt8]?
    }

    @Test
    func `invariants 1 and 2 at every instant of a mixed life: confirm, cancel, extend, expire, adjust`() async throws {
      for sku in skus { try await cluster.succeed(.setStock(sku, total: Self.initialTotal)) }
      let changes = NIOLockedValueBox<[String: Int]>([:])
      let outcomes = try await cluster.withInvariantsWatched {
        try await concurrently(0..<900, width: 45) { index -> Outcome? in
          guard index % 10 == 0 else { return try await shop("mixed-\(index)") }
          let (sku, delta) = (skus.randomElement()!, [-4, -2, -1, 1, 2, 4].randomElement()!)
          let answers = try await cluster.insist(.adjustStock(sku, by: delta), key: "adjust-\(index)")
          expectAgreement(answers, [200, 409])
          if answers.contains(where: \.isSuccess) { changes.withLockedValue { $0[sku, default: 0] += delta } }
          return nil
        }.compactMap(\.self)
      }
      for plan in ["CONFIRMED", "CANCELLED", "EXPIRED"] {
        #expect(outcomes.contains { $0.status == plan }, "nobody came to \(plan)")
      }
      try await expectFinal(outcomes)
      for sku in skus {
        let inventory = try await cluster.succeed(.inventory(sku))
        #expect(inventory.number("total") == Self.initialTotal + changes.withLockedValue { $0[sku] ?? 0 })
        #expect(inventory.number("reserved") == 0, "all that was not sold has come back: \(inventory)")
      }
      try await cluster.expectInvariants()
    }

    private func shop(_ key: String) async throws -> Outcome? {
      let plan = Plan.allCases.randomElement()!
      let cart = skus.shuffled().prefix(.random(in: 1...3)).map { (sku: $0, quantity: Int.random(in: 1...3)) }
      let ttl = plan == .forget ? 1 : [1, 60].randomElement()!
      let answers = try await cluster.insist(.reserve(items: cart, ttl: ttl, reference: key), key: key)
      expectAgreement(answers, [201, 409])
      guard let held = answers.first(where: \.isSuccess) else { return nil }
      switch plan {
      case .confirm: return try await end(held, by: .confirm(held.id), "confirm-\(key)", [200, 410])
      case .cancel: return try await end(held, by: .cancel(held.id), "cancel-\(key)", [200])
      case .forget: return Outcome(id: held.id, status: "EXPIRED")
      case .extendThenConfirm:
        let extended = try await cluster.insist(.extend(held.id, ttl: 30), key: "extend-\(key)")
        expectAgreement(extended, [200, 410])
        return try await end(held, by: .confirm(held.id), "confirm-\(key)", [200, 410])
      }
    }

    private func end(
      _ held: TestAnswer, by request: TestRequest, _ key: String, _ allowed: Set<Int>
    ) async throws -> Outcome {
      let answers = try await cluster.insist(request, key: key)
      expectAgreement(answers, allowed)
      guard let done = answers.first(where: \.isSuccess) else { return Outcome(id: held.id, status: "EXPIRED") }
      return Outcome(id: held.id, status: done.reservationStatus ?? "", final: done.body)
    }

    /// Checks that every node shows each reservation in the final state that its shopper was told, word for word.
    private func expectFinal(_ outcomes: [Outcome]) async throws {
      _ = try await concurrently(outcomes, width: 30) { outcome in
        try await eventually("\(outcome.id) is final") {
          let told = try await cluster.send(.reservation(outcome.id))
          return told.isSuccess && told.reservationStatus != "ACTIVE"
        }
        for node in cluster.nodes {
          let told = try await node.send(.reservation(outcome.id))
          #expect(told.reservationStatus == outcome.status)
          if let final = outcome.final { #expect(told.body == final) }
        }
      }
    }
  }
}
