import Foundation
import TestSupport
import Testing

/// `Idempotency-Key` over HTTP, for every call that accepts one, at several nodes.
@Suite(.cluster(nodes: 3)) struct IdempotencyTests {
  private let cluster = TestCluster.current!

  /// A call and another call of the same kind with different content.
  private struct Pair {
    var name: String
    var call: TestRequest
    var other: TestRequest
  }

  private func pairs() async throws -> [Pair] {
    for sku in ["idem", "idem-set", "idem-adjust", "idem-a", "idem-b"] {
      try await cluster.succeed(.setStock(sku, total: 100))
    }
    var holds: [String] = []
    for _ in 0..<6 { holds.append(try await cluster.succeed(.reserve("idem")).id) }
    return [
      Pair(name: "reserve", call: .reserve("idem", 2), other: .reserve("idem", 3)),
      Pair(
        name: "cart", call: .reserve(items: [("idem-b", 1), ("idem-a", 2)]), other: .reserve(items: [("idem-a", 2)])),
      Pair(name: "confirm", call: .confirm(holds[0]), other: .confirm(holds[1])),
      Pair(name: "cancel", call: .cancel(holds[2]), other: .cancel(holds[3])),
      Pair(name: "extend", call: .extend(holds[4], ttl: 3000), other: .extend(holds[4], ttl: 3001)),
      Pair(name: "set", call: .setStock("idem-new", total: 7), other: .setStock("idem-new", total: 8)),
      Pair(name: "change", call: .setStock("idem-set", total: 7), other: .setStock("idem-other", total: 7)),
      Pair(
        name: "adjust", call: .adjustStock("idem-adjust", by: 5), other: .adjustStock("idem-adjust", by: 5, reason: "r")
      ),
      Pair(name: "delete", call: .deleteStock("idem-new"), other: .deleteStock("idem-set")),
    ]
  }

  @Test func `every call is replayed at every node byte for byte; another request with its key is 422`() async throws {
    for pair in try await pairs() {
      let key = "every-\(pair.name)"
      let first = try await cluster.succeed(pair.call.key(key))
      #expect(!first.isReplay && first.header("Idempotent-Replayed") == nil, "\(pair.name)")
      for node in cluster.nodes {
        let again = try await node.send(pair.call.key(key))
        #expect(again.status == first.status && again.body == first.body, "\(pair.name): \(again)")
        #expect(again.isReplay)
        #expect(again.header("Location") == first.header("Location"))
        let other = try await node.send(pair.other.key(key))
        #expect(other.problem == "idempotency-key-reused" && other.status == 422, "\(pair.name): \(other)")
      }
    }
    #expect(try await cluster.send(.inventory("idem-adjust")).number("total") == 105, "adjusted once")
    #expect(try await cluster.send(.inventory("idem-new")).problem == "unknown-sku", "deleted")
    #expect(try await cluster.send(.inventory("idem-a")).number("reserved") == 2)
  }

  @Test func `a key is scoped to its operation: the same one serves each call once`() async throws {
    let sku = "scope"
    try await cluster.succeed(.setStock(sku, total: 5).key("one-key"))
    let held = try await cluster.succeed(.reserve(sku).key("one-key"))
    for call in [
      TestRequest.extend(held.id, ttl: 400), .confirm(held.id), .adjustStock(sku, by: 1), .deleteStock(sku),
    ] {
      let answer = try await cluster.succeed(call.key("one-key"))
      #expect(!answer.isReplay, "\(call.path)")
    }
    let second = try await cluster.succeed(.setStock(sku, total: 5))
    #expect(second.status == 201)
    let cancelled = try await cluster.send(.cancel(try await cluster.succeed(.reserve(sku)).id).key("one-key"))
    #expect(cancelled.reservationStatus == "CANCELLED" && !cancelled.isReplay)
  }

  @Test func `order, white space, split lines, short form and unknown members make no other request`() async throws {
    for sku in ["print-a", "print-b"] { try await cluster.succeed(.setStock(sku, total: 100)) }
    func post(_ json: String) -> TestRequest { TestRequest("POST", "/inventory/reserve", json: json) }
    let first = try await cluster.succeed(
      post(#"{"items":[{"sku":"print-a","quantity":3},{"sku":"print-b","quantity":1}],"reference":"r"}"#).key("print"))
    for same in [
      #"{"reference":"r","items":[{"quantity":1,"sku":"print-b"},{"sku":"print-a","quantity":3}]}"#,
      #" { "items" : [ {"sku":"print-a","quantity":1},{"sku":"print-b","quantity":1},{"sku":"print-a","quantity":2} ] , "reference":"\u0072"}"#,
      #"{"items":[{"sku":"print-a","quantity":3,"x":1},{"sku":"print-b","quantity":1}],"reference":"r","y":{}}"#,
    ] {
      let again = try await cluster.send(post(same).key("print"))
      #expect(again.isReplay && again.body == first.body, "\(same): \(again)")
    }
    for other in [
      #"{"items":[{"sku":"print-a","quantity":3},{"sku":"print-b","quantity":1}]}"#,
      #"{"items":[{"sku":"print-a","quantity":3},{"sku":"print-b","quantity":1}],"reference":"R"}"#,
      #"{"items":[{"sku":"print-a","quantity":3},{"sku":"print-b","quantity":1}],"customerId":"r"}"#,
      #"{"items":[{"sku":"print-a","quantity":3},{"sku":"print-b","quantity":1}],"reference":"r","ttlSeconds":300}"#,
      #"{"items":[{"sku":"print-a","quantity":1},{"sku":"print-b","quantity":3}],"reference":"r"}"#,
    ] {
      #expect(try await cluster.send(post(other).key("print")).problem == "idempotency-key-reused", "\(other)")
    }
    let short = try await cluster.succeed(.reserve("print-a", 5).key("short"))
    let long = try await cluster.succeed(.reserve(items: [("print-a", 2), ("print-a", 3)]).key("short"))
    #expect(long.isReplay && long.body == short.body)
  }

  @Test func `a replay repeats what was answered then, whatever has become of the reservation since`() async throws {
    try await cluster.succeed(.setStock("life", total: 10))
    func expectReplay(_ call: TestRequest, _ first: TestAnswer, _ when: Comment) async throws {
      for node in cluster.nodes {
        let again = try await node.send(call)
        #expect(again.isReplay && again.status == first.status && again.body == first.body, when)
      }
    }
    let reserve = TestRequest.reserve("life", ttl: 60).key("life")
    let held = try await cluster.succeed(reserve)
    let extend = TestRequest.extend(held.id, ttl: 600).key("life")
    let extended = try await cluster.succeed(extend)
    #expect(extended.text("expiresAt") != held.text("expiresAt"))
    try await expectReplay(reserve, held, "after an extension")
    let confirm = TestRequest.confirm(held.id).key("life")
    let confirmed = try await cluster.succeed(confirm)
    try await expectReplay(reserve, held, "after a confirmation")
    try await expectReplay(extend, extended, "after a confirmation")
    try await expectReplay(confirm, confirmed, "after a confirmation")

    let short = TestRequest.reserve("life", ttl: 1).key("short-life")
    let lapsed = try await cluster.succeed(short)
    try await eventually("it has expired") {
      try await cluster.send(.reservation(lapsed.id)).reservationStatus == "EXPIRED"
    }
    try await expectReplay(short, lapsed, "after its deadline, unswept")
    #expect(try await cluster.succeed(.inventory("life")).counters == [9, 0, 1])
    try await expectReplay(short, lapsed, "after its release")
    let cancel = TestRequest.cancel(lapsed.id).key("life")
    let late = try await cluster.succeed(cancel)
    #expect(late.reservationStatus == "EXPIRED")
    try await expectReplay(cancel, late, "a cancel that came too late")
  }

  @Test func `refusals are not recorded: a retry with the same key runs again`() async throws {
    let reserve = TestRequest.reserve("refused", 2).key("refused")
    #expect(try await cluster.send(reserve).problem == "unknown-sku")
    try await cluster.succeed(.setStock("refused", total: 1))
    #expect(try await cluster.send(reserve).problem == "insufficient-stock")
    #expect(try await cluster.send(.adjustStock("refused", by: -2).key("down")).problem == "stock-in-use")
    try await cluster.succeed(.adjustStock("refused", by: 2))
    try await cluster.succeed(.adjustStock("refused", by: -1))
    let held = try await cluster.succeed(reserve)
    #expect(!held.isReplay)
    #expect(try await cluster.send(.deleteStock("refused").key("gone")).problem == "stock-in-use")
    try await cluster.succeed(.cancel(held.id))
    #expect(try await cluster.send(.confirm(held.id).key("late")).problem == "reservation-cancelled")
    #expect(try await cluster.send(.adjustStock("refused", by: -2).key("down")).counters == [0, 0, 0])
    #expect(try await cluster.send(.deleteStock("refused").key("gone")).status == 204)
  }

  @Test func `invariant 2: the same key at all nodes at the same moment takes effect once`() async throws {
    try await cluster.succeed(.setStock("moment", total: 1_000_000))
    for round in 0..<25 {
      let call = TestRequest.reserve("moment").key("moment-\(round)")
      let answers = try await concurrently(0..<9) { [nodes = cluster.nodes] in try await nodes[$0 % 3].send(call) }
      #expect(answers.allSatisfy { $0.status == 201 } && Set(answers.map(\.body)).count == 1)
      #expect(answers.filter { !$0.isReplay }.count == 1)
    }
    #expect(try await cluster.send(.inventory("moment")).number("reserved") == 25)
  }
}
