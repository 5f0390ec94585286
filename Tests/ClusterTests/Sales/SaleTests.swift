import Foundation
import TestSupport
import Testing

/// A sale of a hundred pieces to thousands of buyers. Each asks two or three nodes at the same moment.
private struct Sale {
  let cluster: TestCluster
  let sku: String
  let buyers: Int
  static let pieces = 100

  /// - Parameter midway: called when half of the buyers have come.
  func run(midway: @escaping @Sendable () -> Void = {}) async throws {
    try await cluster.succeed(.setStock(sku, total: Self.pieces))
    let winners = try await concurrently(0..<buyers, width: 150) { buyer in
      if buyer == buyers / 2 { midway() }
      return try await buy("\(sku)-\(buyer)")
    }.compactMap(\.self)
    #expect(winners.count == Self.pieces)
    #expect(Set(winners.map(\.id)).count == Self.pieces)

    let inventory = try await cluster.succeed(.inventory(sku))
    #expect(inventory.counters == [0, 0, Self.pieces])
    try await cluster.expectInvariants()
    let stored = try await cluster.snapshot().reservations.values.filter { $0.items[sku] != nil }
    #expect(Set(stored.compactMap(\.reference)) == Set(winners.compactMap { $0.text("reference") }))

    for winner in winners.shuffled().prefix(20) {
      let key = try #require(winner.text("reference"))
      let replay = try await cluster.send(.reserve(sku, reference: key).key(key))
      #expect(replay.isReplay && replay.status == 201 && replay.body == winner.body)
    }
  }

  /// The answer to a reserve that succeeded and was confirmed. Nil for a buyer who came too late.
  private func buy(_ key: String) async throws -> TestAnswer? {
    let answers = try await cluster.insist(.reserve(sku, reference: key), key: key)
    expectAgreement(answers, [201, 409])
    // No piece comes back in this sale, so all nodes give the same answer.
    #expect(Set(answers.filter(\.isFinal).map(\.status)).count == 1, "\(answers)")
    for refusal in answers where refusal.status == 409 {
      #expect(refusal.problem == "insufficient-stock")
      #expect(refusal.objects("shortages").map { $0["sku"] as? String } == [sku])
    }
    guard let won = answers.first(where: \.isSuccess) else { return nil }
    let confirmed = try await cluster.insist(.confirm(won.id), key: "confirm-\(key)")
    expectAgreement(confirmed, [200])
    #expect(confirmed.filter(\.isFinal).allSatisfy { $0.reservationStatus == "CONFIRMED" && $0.id == won.id })
    return won
  }
}

extension HeavyTests {
  @Suite(.cluster(nodes: 3)) struct SaleTests {
    @Test
    func `invariants 1 and 2: 100 pieces are sold exactly once, whichever nodes are asked at once`() async throws {
      try await Sale(cluster: .current, sku: "sale", buyers: 3000).run()
    }
  }

  @Suite(.cluster(nodes: 3)) struct KilledNodeTests {
    @Test func `invariants 1 and 2 outlast kill -9 of a node in the middle of a sale`() async throws {
      let cluster = TestCluster.current!
      let victim = cluster.nodes[1].process
      try await Sale(cluster: cluster, sku: "sale", buyers: 2000).run { victim.signal(SIGKILL) }
      #expect(!victim.isRunning)
    }
  }
}
