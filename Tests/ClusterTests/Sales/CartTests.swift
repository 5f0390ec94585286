import Foundation
import TestSupport
import Testing

extension HeavyTests {
  @Suite(.cluster(nodes: 3)) struct CartTests {
    private let cluster = TestCluster.current!

    private static func cart(of skus: [String]) -> [(sku: String, quantity: Int)] {
      skus.shuffled().prefix(.random(in: 2...4)).map { ($0, .random(in: 1...3)) }
    }

    @Test func `all items of a cart are held together or not at all, though carts overlap`() async throws {
      let skus = (1...8).map { "cart-\($0)" }
      for sku in skus { try await cluster.succeed(.setStock(sku, total: 80)) }
      let won = try await cluster.withInvariantsWatched { [cluster] in
        try await concurrently(0..<1200, width: 60) { buyer -> (key: String, items: [String: Int])? in
          let (key, cart) = ("cart-\(buyer)", Self.cart(of: skus))
          let answers = try await cluster.insist(.reserve(items: cart, reference: key), key: key)
          expectAgreement(answers, [201, 409])
          for refusal in answers where refusal.status == 409 {
            let short = refusal.objects("shortages")
            #expect(!short.isEmpty)
            #expect(Set(short.compactMap { $0["sku"] as? String }).isSubset(of: cart.map(\.sku)))
            #expect(short.allSatisfy { ($0["requested"] as? Int ?? 0) > ($0["available"] as? Int ?? .max) })
          }
          guard answers.contains(where: \.isSuccess) else { return nil }
          return (key, Dictionary(uniqueKeysWithValues: cart.map { ($0.sku, $0.quantity) }))
        }.compactMap(\.self)
      }
      // Some carts won and some lost. Otherwise the test would prove nothing.
      #expect((50..<1200).contains(won.count))
      let held = try await cluster.snapshot().reservations.values.filter { $0.reference != nil }
      #expect(
        Dictionary(uniqueKeysWithValues: won.map { ($0.key, $0.items) })
          == Dictionary(uniqueKeysWithValues: held.compactMap { held in held.reference.map { ($0, held.items) } }))
      try await cluster.expectInvariants()
    }
  }
}
