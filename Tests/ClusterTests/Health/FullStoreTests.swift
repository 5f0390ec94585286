import Foundation
import TestSupport
import Testing

@Suite struct FullStoreTests {
  /// Nearly full: the node itself refuses new reservations. Over full: Redis refuses ordinary scripts.
  @Test(
    arguments: [
      0.95, 1.05,
    ])
  func `a full store takes nothing new, repeats what was answered, and lets what is held be finished`(
    share: Double
  ) async throws {
    let redis = try await PrivateRedis(options: ["--maxmemory", "12mb"])
    let node = try await NodeUnderTest(redisURL: redis.url)
    try await node.waitUntilReady()
    #expect(try await node.send(.setStock("full", total: 10)).status == 201)
    let held = try await concurrently(0..<4) { try await node.send(.reserve("full").key("held-\($0)")) }
    try #require(held.allSatisfy { $0.status == 201 })

    try redis.fill(to: share)
    // This also holds before the node has noticed it.
    let atOnce = try await node.send(.reserve("full").key("held-3"))
    #expect(atOnce.status == 201 && atOnce.isReplay && atOnce.body == held[3].body)
    try await eventually("new reserves are refused") {
      let answer = try await node.send(.reserve("full"))
      // At first Redis refuses if it is over full. The node refuses once it has noticed.
      return answer.status != 201 && answer.problem == "store-unavailable"
    }
    for write in [TestRequest.reserve("full").key("new"), .setStock("new", total: 1), .adjustStock("full", by: 1)] {
      let refused = try await node.send(write)
      #expect(refused.problem == "store-unavailable" && refused.header("Retry-After") != nil, "\(refused)")
    }
    try await eventually("the node says so") {
      let health = try await node.send(.health)
      return health.text("state") == "degraded" && (health.json["reasons"] as? [String])?.isEmpty == false
    }
    #expect(await node.isReady, "what is held can be finished here")
    let warnings = try await node.send(.ready).json["warnings"] as? [String]
    #expect(warnings?.contains("the store is nearly full: nothing new is taken") == true)

    let replay = try await node.send(.reserve("full").key("held-0"))
    #expect(replay.status == 201 && replay.isReplay && replay.body == held[0].body)
    #expect(try await node.send(.reserve("full", 2).key("held-0")).problem == "idempotency-key-reused")
    #expect(try await node.send(.reservation(held[1].id)).reservationStatus == "ACTIVE")
    #expect(try await node.send(.confirm(held[1].id).key("confirm")).reservationStatus == "CONFIRMED")
    #expect(try await node.send(.cancel(held[2].id).key("cancel")).reservationStatus == "CANCELLED")
    let counters = try await node.send(.inventory("full")).counters
    #expect(counters[2] == 1)

    try redis.cli("DEL", "filler")
    try await eventually("there is room again") { try await node.send(.reserve("full")).status == 201 }
    #expect(try StoreSnapshot(of: redis).violations == [])
  }
}
