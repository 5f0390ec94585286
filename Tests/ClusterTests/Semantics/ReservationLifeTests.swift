import Foundation
import TestSupport
import Testing

/// The shop's table of the contract: the answer of each call in each state.
@Suite(.cluster(nodes: 2)) struct ReservationLifeTests {
  private let cluster = TestCluster.current!

  private func hold(_ sku: String, _ quantity: Int = 1, ttl: Int? = nil) async throws -> TestAnswer {
    try await cluster.succeed(.reserve(sku, quantity, ttl: ttl))
  }

  /// An instant of the answer in the contract's format, as milliseconds.
  private func instant(_ answer: TestAnswer, _ member: String) throws -> Int {
    let text = try #require(answer.text(member), "\(answer)")
    try #require(text.utf8.count == 24 && text.hasSuffix("Z"), "RFC 3339 with milliseconds: \(text)")
    let date = try Date(
      text, strategy: .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted)
    )
    return Int((date.timeIntervalSince1970 * 1000).rounded())
  }

  private func waitUntilExpired(_ held: TestAnswer) async throws {
    try await eventually("it has expired") {
      try await cluster.send(.reservation(held.id)).reservationStatus == "EXPIRED"
    }
  }

  @Test func `reserve: 201, Location, ACTIVE, items merged and sorted, a deadline to the millisecond`() async throws {
    for sku in ["life-b", "life-a"] { try await cluster.succeed(.setStock(sku, total: 10)) }
    let held = try await cluster.send(
      .reserve(items: [("life-b", 1), ("life-a", 2), ("life-b", 3)], ttl: 77, reference: "order-7"))
    #expect(held.status == 201 && held.header("Content-Type") == "application/json")
    #expect(held.header("Location") == "/reservations/\(held.id)")
    #expect(
      (22...64).contains(held.id.count) && held.id.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" })
    #expect(held.reservationStatus == "ACTIVE" && held.text("reference") == "order-7" && held.json["customerId"] == nil)
    #expect(held.objects("items").map { $0["sku"] as? String } == ["life-a", "life-b"])
    #expect(held.objects("items").map { $0["quantity"] as? Int } == [2, 4])
    #expect(try instant(held, "expiresAt") - instant(held, "createdAt") == 77_000)
    #expect(["confirmedAt", "cancelledAt", "expiredAt"].allSatisfy { held.json[$0] == nil })
    for node in cluster.nodes { #expect(try await node.send(.reservation(held.id)).body == held.body) }
    var inventory = try await cluster.succeed(.inventory("life-b"))
    // Another shard learns the deadline of its part a moment after the cart is held, and counts it from then.
    if TestCluster.hasShards {
      try await eventually("the part is held as long as its cart") {
        inventory = try await cluster.succeed(.inventory("life-b"))
        return try (0...60_000).contains(instant(inventory, "nextReleaseAt") - instant(held, "expiresAt"))
      }
    } else {
      #expect(inventory.text("nextReleaseAt") == held.text("expiresAt"))
    }
    #expect(inventory.counters == [6, 4, 0] && inventory.number("total") == 10)
    let byDefault = try await hold("life-a")
    #expect(try instant(byDefault, "expiresAt") - instant(byDefault, "createdAt") == 300_000)
  }

  @Test
  func `reserve: 409 names every short SKU and when some may come back; 404 names the unknown ones`() async throws {
    for (sku, total) in [("few", 3), ("fewer", 2), ("many", 100)] {
      try await cluster.succeed(.setStock(sku, total: total))
    }
    let nothingHeld = try await cluster.send(.reserve("few", 4))
    #expect(nothingHeld.problem == "insufficient-stock" && nothingHeld.header("Retry-After") == nil)
    let held = try await hold("few", 2, ttl: 50)
    let short = try await cluster.send(.reserve(items: [("many", 1), ("fewer", 3), ("few", 2)]))
    #expect(short.status == 409 && short.problem == "insufficient-stock")
    let shortages = short.objects("shortages")
    #expect(shortages.map { $0["sku"] as? String } == ["few", "fewer"])
    #expect(
      shortages.map { [$0["requested"], $0["available"], $0["reserved"]] as? [Int] } == [[2, 1, 2], [3, 2, 0]])
    #expect(shortages.map { $0["nextReleaseAt"] as? String } == [held.text("expiresAt"), nil])
    #expect((1...50).contains(short.header("Retry-After").flatMap { Int($0) } ?? 0))
    #expect(try await cluster.send(.inventory("many")).number("reserved") == 0, "all or nothing")

    let unknown = try await cluster.send(.reserve(items: [("nobody", 1), ("few", 100), ("ghost", 1), ("many", 1)]))
    #expect(unknown.problem == "unknown-sku" && unknown.json["skus"] as? [String] == ["ghost", "nobody"])
    #expect(try await cluster.send(.inventory("ghost")).problem == "unknown-sku")
    // Lines are summed first: each of the two lines would fit, but their sum does not.
    #expect(try await cluster.send(.reserve(items: [("fewer", 1), ("fewer", 2)])).problem == "insufficient-stock")
  }

  @Test func `confirm: 200 and CONFIRMED, again the same body; it can't be cancelled or extended then`() async throws {
    try await cluster.succeed(.setStock("confirm", total: 5))
    let held = try await hold("confirm", 2)
    let confirmed = try await cluster.succeed(.confirm(held.id))
    #expect(
      confirmed.status == 200 && confirmed.reservationStatus == "CONFIRMED" && confirmed.header("Location") == nil)
    #expect(try instant(confirmed, "confirmedAt") >= instant(held, "createdAt"))
    for node in cluster.nodes {
      let again = try await node.send(.confirm(held.id))
      #expect(again.status == 200 && again.body == confirmed.body && !again.isReplay)
      #expect(try await node.send(.reservation(held.id)).body == confirmed.body)
      #expect(try await node.send(.cancel(held.id)).problem == "reservation-confirmed")
      #expect(try await node.send(.extend(held.id, ttl: 1)).problem == "reservation-confirmed")
    }
    #expect(try await cluster.send(.inventory("confirm")).counters == [3, 0, 2])
  }

  @Test func `cancel: 200 and CANCELLED, again the same body; it can't be confirmed or extended then`() async throws {
    try await cluster.succeed(.setStock("cancel", total: 5))
    let held = try await hold("cancel", 2)
    let cancelled = try await cluster.succeed(.cancel(held.id))
    #expect(cancelled.reservationStatus == "CANCELLED" && cancelled.text("cancelledAt") != nil)
    for node in cluster.nodes {
      let again = try await node.send(.cancel(held.id))
      #expect(again.status == 200 && again.body == cancelled.body)
      #expect(try await node.send(.confirm(held.id)).problem == "reservation-cancelled")
      #expect(try await node.send(.extend(held.id, ttl: 1)).problem == "reservation-cancelled")
    }
    let inventory = try await cluster.send(.inventory("cancel"))
    #expect(inventory.counters == [5, 0, 0] && inventory.json["nextReleaseAt"] == nil)
  }

  @Test func `from its deadline on a hold is EXPIRED to every call, swept or not; its stock is back`() async throws {
    try await cluster.succeed(.setStock("expire", total: 2))
    let held = try await hold("expire", 2, ttl: 1)
    // No sweep and no read of the SKU in between: the reserve itself releases expired holds.
    try await eventually("its stock can be had again") {
      let next = try await cluster.send(.reserve("expire", 2, ttl: 600))
      return try next.status == 201 && instant(next, "createdAt") >= instant(held, "expiresAt")
    }
    for node in cluster.nodes {
      let told = try await node.send(.reservation(held.id))
      #expect(told.reservationStatus == "EXPIRED" && told.text("expiredAt") == held.text("expiresAt"))
      #expect(try await node.send(.confirm(held.id)).problem == "reservation-expired")
      #expect(try await node.send(.confirm(held.id)).status == 410)
      #expect(try await node.send(.extend(held.id, ttl: 60)).problem == "reservation-expired")
      let cancelled = try await node.send(.cancel(held.id))
      #expect(cancelled.status == 200 && cancelled.body == told.body)
    }
    #expect(try await cluster.send(.inventory("expire")).counters == [0, 2, 0], "given back once")
  }

  @Test func `an expired hold that nobody has released reads the same before and after its release`() async throws {
    try await cluster.succeed(.setStock("unswept", total: 2))
    let held = try await hold("unswept", 1, ttl: 1)
    try await waitUntilExpired(held)
    let before = try await cluster.succeed(.reservation(held.id))
    #expect(try await cluster.send(.inventory("unswept")).counters == [2, 0, 0])
    #expect(try await cluster.succeed(.reservation(held.id)).body == before.body)
    #expect(
      try await cluster.succeed(.listStock(limit: 1000)).objects("items").contains {
        $0["sku"] as? String == "unswept" && $0["available"] as? Int == 2
      })
  }

  @Test func `extend: later is later, up to an hour; not later is unchanged; at the limit 409`() async throws {
    try await cluster.succeed(.setStock("extend", total: 5))
    let began = ContinuousClock.now
    let held = try await hold("extend", 1, ttl: 100)
    let unchanged = try await cluster.succeed(.extend(held.id, ttl: 50))
    #expect(unchanged.status == 200 && unchanged.body == held.body)
    let later = try await cluster.succeed(.extend(held.id, ttl: 200))
    let gained = try instant(later, "expiresAt") - instant(held, "createdAt")
    let elapsed = Int((ContinuousClock.now - began) / .milliseconds(1)) + 1
    #expect((200_000...200_000 + elapsed).contains(gained) && later.text("createdAt") == held.text("createdAt"))
    #expect(try await cluster.send(.inventory("extend")).text("nextReleaseAt") == later.text("expiresAt"))
    let most = try await cluster.succeed(.extend(held.id, ttl: 3600))
    #expect(try instant(most, "expiresAt") == instant(held, "createdAt") + 3_600_000)
    #expect(try await cluster.send(.extend(held.id, ttl: 3600)).problem == "hold-limit-reached")
    #expect(try await cluster.succeed(.extend(held.id, ttl: 10)).body == most.body)
    #expect(try await cluster.succeed(.reservation(held.id)).body == most.body)
  }

  @Test func `an extended hold outlives its first deadline`() async throws {
    try await cluster.succeed(.setStock("outlive", total: 1))
    let (kept, lapsing) = (try await hold("outlive", 1, ttl: 8), "lapsing")
    try await cluster.succeed(.extend(kept.id, ttl: 100))
    try await cluster.succeed(.setStock(lapsing, total: 1))
    try await waitUntilExpired(try await hold(lapsing, 1, ttl: 8))
    // This hold was made later with the same TTL, so the first deadline of the other one has passed too.
    #expect(try await cluster.send(.inventory("outlive")).counters == [0, 1, 0])
    #expect(try await cluster.send(.confirm(kept.id)).reservationStatus == "CONFIRMED")
  }

  @Test func `an id that nobody was given is 404 to every call, well-formed or not`() async throws {
    for id in ["AAAAAAAAAAAAAAAAAAAAAA", "x", "", String(repeating: "a", count: 500), "ä b", "../../etc", "null"] {
      for call in [TestRequest.confirm(id), .cancel(id), .extend(id, ttl: 60)] {
        let answer = try await cluster.send(call)
        #expect(answer.problem == "unknown-reservation" && answer.status == 404, "\(id): \(answer)")
      }
    }
    for id in ["AAAAAAAAAAAAAAAAAAAAAA", "x", "%C3%A4", "%ff", "a%2Fb"] {
      #expect(try await cluster.send(.reservation(id)).problem == "unknown-reservation")
    }
    #expect(try await cluster.send(.inventory("never-stocked")).problem == "unknown-sku")
  }
}

/// Limits that an operator may set below those of the contract.
@Suite(.cluster(nodes: 1, settings: ["MAX_QUANTITY": "5", "MAX_TTL_SECONDS": "60"])) struct CapsTests {
  @Test
  func `an operator's caps on quantity and ttlSeconds are 400 above them, also when lines are summed`() async throws {
    let cluster = TestCluster.current!
    try await cluster.succeed(.setStock("caps", total: 100))
    #expect(try await cluster.send(.reserve("caps", 5, ttl: 60)).status == 201)
    for call in [
      TestRequest.reserve("caps", 6), .reserve("caps", 1, ttl: 61), .reserve(items: [("caps", 3), ("caps", 3)]),
      .extend("any", ttl: 61),
    ] {
      #expect(try await cluster.send(call).problem == "invalid-request", "\(call.path)")
    }
  }
}
