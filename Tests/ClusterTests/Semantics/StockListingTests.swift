import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

@Suite(.cluster(nodes: 2)) struct StockListingTests {
  private let cluster = TestCluster.current!

  /// Reads all pages of the list.
  private func walk(limit: Int) async throws -> [[String: Any]] {
    var items: [[String: Any]] = []
    var cursor: String?
    repeat {
      let page = try await cluster.succeed(.listStock(limit: limit, cursor: cursor))
      #expect(page.objects("items").count <= limit)
      items += page.objects("items")
      try #require(items.count < 5000, "the walk goes round in circles")
      cursor = page.text("nextCursor")
    } while cursor != nil
    return items
  }

  @Test
  func `a SKU that exists throughout is listed exactly once, in byte order, though others come and go`() async throws {
    // Digits, capitals and small letters, so that byte order differs from dictionary order.
    let staying = Set((0..<120).map { ["0", "B", "a", "a-", "a.", "a_", "z"][$0 % 7] + "\($0)" })
    _ = try await concurrently(staying, width: 20) { try await cluster.succeed(.setStock($0, total: 3)) }
    let isOver = NIOLockedValueBox(false)
    let changes = NIOLockedValueBox(0)
    async let churn: [Void] = concurrently(0..<4) { worker in
      while !isOver.withLockedValue({ $0 }) {
        let sku = ["A", "a", "m", "z"][worker] + "\(Int.random(in: 0..<120))-gone"
        try await cluster.succeed(.setStock(sku, total: 1))
        try await cluster.succeed(.deleteStock(sku))
        changes.withLockedValue { $0 += 2 }
      }
    }
    do {
      defer { isOver.withLockedValue { $0 = true } }
      var limits = [1, 7, 50, 51, 119, 1000]
      // Continues until enough SKUs have come and gone meanwhile.
      while let limit = limits.first {
        limits.removeFirst()
        if limits.isEmpty, changes.withLockedValue({ $0 }) <= 20 { limits = [7] }
        let names = try await walk(limit: limit).compactMap { $0["sku"] as? String }
        #expect(names.filter(staying.contains).sorted() == staying.sorted(), "limit \(limit)")
        #expect(
          zip(names, names.dropFirst()).allSatisfy { $0.utf8.lexicographicallyPrecedes($1.utf8) }, "limit \(limit)")
      }
    }
    _ = try await churn
    let items = try await walk(limit: 100)
    #expect(items.count == staying.count, "what is gone is not listed")
    #expect(items.allSatisfy { [$0["total"], $0["available"], $0["reserved"], $0["sold"]] as? [Int] == [3, 3, 0, 0] })
  }

  @Test func `limit is 1 to 1000, 100 by default; a cursor is one of ours`() async throws {
    let cluster = try await TestCluster(nodes: 1)
    #expect(try await cluster.succeed(.listStock()).objects("items").isEmpty)
    #expect(try await cluster.succeed(.listStock()).json["nextCursor"] == nil)
    _ = try await concurrently(0..<101, width: 20) { try await cluster.succeed(.setStock("p\($0)", total: 1)) }
    let first = try await cluster.succeed(.listStock())
    #expect(first.objects("items").count == 100)
    let cursor = try #require(first.text("nextCursor"))
    let rest = try await cluster.succeed(.listStock(limit: 1000, cursor: cursor))
    #expect(rest.objects("items").count == 1 && rest.json["nextCursor"] == nil)
    #expect(try await cluster.succeed(.listStock(limit: 101)).json["nextCursor"] == nil)
    for query in ["limit=0", "limit=1001", "limit=-1", "limit=", "limit=x", "limit=1.5", "limit=99999999999999999999"] {
      let answer = try await cluster.send(TestRequest("GET", "/inventory?\(query)").asAdmin)
      #expect(answer.problem == "invalid-request", "\(query)")
      #expect(answer.objects("errors").first?["pointer"] as? String == "query/limit")
    }
    for path in ["/inventory", "/audit"] {
      for cursor in ["-", "a%20b", "%ff", "a/b", String(repeating: "c", count: 65)] {
        let answer = try await cluster.send(TestRequest("GET", "\(path)?cursor=\(cursor)").asAdmin)
        #expect(answer.objects("errors").first?["pointer"] as? String == "query/cursor", "\(path) \(cursor): \(answer)")
      }
    }
    cluster.nodes[0].process.kill()
  }

  @Test func `expired holds are released before they are listed`() async throws {
    let cluster = try await TestCluster(nodes: 1)
    for sku in ["x", "y", "z"] { try await cluster.succeed(.setStock(sku, total: 2)) }
    try await cluster.succeed(.reserve(items: [("x", 1), ("y", 2)], ttl: 1))
    let kept = try await cluster.succeed(.reserve("z", ttl: 600))
    try await eventually("the list shows them as available") {
      try await cluster.succeed(.listStock()).objects("items").map { $0["available"] as? Int } == [2, 2, 1]
    }
    let items = try await cluster.succeed(.listStock()).objects("items")
    #expect(items.map { $0["nextReleaseAt"] as? String } == [nil, nil, kept.text("expiresAt")])
    cluster.nodes[0].process.kill()
  }
}
