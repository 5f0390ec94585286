import Foundation
import TestSupport
import Testing

/// The operator's table of the contract.
@Suite(.cluster(nodes: 2)) struct StockAdministrationTests {
  private let cluster = TestCluster.current!

  @Test func `PUT makes a SKU (201) or changes its total (200), and answers with the inventory`() async throws {
    let made = try await cluster.send(.setStock("set", total: 10))
    #expect(
      made.status == 201 && made.text("sku") == "set" && made.number("total") == 10 && made.counters == [10, 0, 0])
    let held = try await cluster.succeed(.reserve("set", 3))
    try await cluster.succeed(.confirm(try await cluster.succeed(.reserve("set", 2)).id))
    for total in [5, 20] {
      let changed = try await cluster.send(.setStock("set", total: total))
      #expect(changed.status == 200 && changed.number("total") == total && changed.counters == [total - 5, 3, 2])
      #expect(changed.text("nextReleaseAt") == held.text("expiresAt"))
    }
    let below = try await cluster.send(.setStock("set", total: 4))
    #expect(below.problem == "stock-in-use" && below.status == 409)
    #expect(below.number("reserved") == 3 && below.number("sold") == 2)
    #expect(try await cluster.send(.setStock("set-empty", total: 0)).status == 201)
    #expect(try await cluster.send(.reserve("set-empty")).problem == "insufficient-stock")
  }

  @Test func `adjust changes the total by a delta, between what is in use and a thousand million`() async throws {
    #expect(try await cluster.send(.adjustStock("adjust", by: 1)).problem == "unknown-sku")
    try await cluster.succeed(.setStock("adjust", total: 10))
    try await cluster.succeed(.reserve("adjust", 4))
    #expect(try await cluster.succeed(.adjustStock("adjust", by: 5, reason: "delivery")).counters == [11, 4, 0])
    #expect(try await cluster.succeed(.adjustStock("adjust", by: -11)).counters == [0, 4, 0])
    #expect(try await cluster.send(.adjustStock("adjust", by: -1)).problem == "stock-in-use")
    let most = try await cluster.succeed(.adjustStock("adjust", by: 1_000_000_000 - 4))
    #expect(most.number("total") == 1_000_000_000)
    let over = try await cluster.send(.adjustStock("adjust", by: 1))
    #expect(over.problem == "stock-limit-exceeded" && over.status == 409)
    #expect(try await cluster.send(.adjustStock("adjust", by: -1_000_000_000)).problem == "stock-in-use")
  }

  @Test
  func `DELETE is 204 without content, 409 while anything is reserved, 404 where there is nothing`() async throws {
    try await cluster.succeed(.setStock("delete", total: 10))
    let held = try await cluster.succeed(.reserve("delete"))
    let inUse = try await cluster.send(.deleteStock("delete"))
    #expect(inUse.problem == "stock-in-use" && inUse.number("reserved") == 1)
    try await cluster.succeed(.confirm(held.id))
    let deleted = try await cluster.send(.deleteStock("delete"))
    #expect(deleted.status == 204 && deleted.body.isEmpty && deleted.header("Content-Length") == nil)
    for call in [
      TestRequest.deleteStock("delete"), .inventory("delete"), .reserve("delete"), .adjustStock("delete", by: 1),
    ] {
      #expect(try await cluster.send(call).problem == "unknown-sku", "\(call.path)")
    }
  }

  @Test func `a SKU that is deleted and made again begins anew: nothing of the old one comes back`() async throws {
    let cluster = try await TestCluster(nodes: 1)
    try await cluster.succeed(.setStock("again", total: 10))
    let sold = try await cluster.succeed(.reserve("again", 2))
    try await cluster.succeed(.confirm(sold.id))
    let cancelled = try await cluster.succeed(.reserve("again", 3))
    try await cluster.succeed(.cancel(cancelled.id))
    // The same holds for a hold that has expired but is not released yet: deleting releases it.
    let lapsed = try await cluster.succeed(.reserve("again", 4, ttl: 1))
    try await eventually("it can be deleted") { try await cluster.send(.deleteStock("again")).status == 204 }
    #expect(try await cluster.send(.setStock("again", total: 7)).status == 201)
    for id in [sold.id, cancelled.id, lapsed.id] { _ = try await cluster.send(.cancel(id)) }
    #expect(try await cluster.send(.confirm(sold.id)).status == 200, "it is readable and final still")
    #expect(try await cluster.send(.inventory("again")).counters == [7, 0, 0])
    let audit = try await cluster.succeed(.audit())
    #expect(audit.number("skus") == 1 && audit.objects("violations").isEmpty, "\(audit)")
    cluster.nodes[0].process.kill()
  }

  @Test func `stock calls count expired holds as released`() async throws {
    for sku in ["due-set", "due-adjust"] { try await cluster.succeed(.setStock(sku, total: 3)) }
    try await cluster.succeed(.reserve(items: [("due-set", 3), ("due-adjust", 3)], ttl: 1))
    try await eventually("the total can be lowered") {
      try await cluster.send(.setStock("due-set", total: 0)).status == 200
    }
    #expect(try await cluster.send(.adjustStock("due-adjust", by: -3)).counters == [0, 0, 0])
  }

  @Test func `the audit finds a counter that was changed behind its back, and says what it should be`() async throws {
    let cluster = try await TestCluster(nodes: 1)
    for sku in ["fine", "wrong-reserved", "wrong-sold", "negative"] {
      try await cluster.succeed(.setStock(sku, total: 10))
    }
    for sku in ["fine", "wrong-reserved", "wrong-sold"] {
      try await cluster.succeed(.reserve(sku, 2))
      try await cluster.succeed(.confirm(try await cluster.succeed(.reserve(sku, 3)).id))
    }
    try await cluster.expectInvariants()
    try cluster.redis.cli("INCRBY", "inventory:wrong-reserved", "1")
    try cluster.redis.cli("INCRBY", "sold:wrong-sold", "1")
    try cluster.redis.cli("DECRBY", "inventory:wrong-sold", "1")
    try cluster.redis.cli("SET", "inventory:negative", "-1")
    let report = try await cluster.succeed(.audit())
    #expect(report.json["consistent"] as? Bool == false && report.number("skus") == 4)
    let told = report.objects("violations").map {
      "\($0["sku"] ?? "") \($0["rule"] ?? "") \($0["expected"] ?? "") \($0["found"] ?? "")"
    }
    #expect(
      Set(told) == [
        "wrong-reserved reserved-equals-active-holds 2 1", "wrong-sold sold-equals-confirmed 3 4",
        "negative counters-not-negative 0 -1", "negative reserved-equals-active-holds 0 11",
      ])
    cluster.nodes[0].process.kill()
  }
}
