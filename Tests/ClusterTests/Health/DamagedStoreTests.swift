import Foundation
import TestSupport
import Testing

@Suite struct DamagedStoreTests {
  @Test
  func `damage is told to the caller, once in the log, and in health until repaired; all else sells`() async throws {
    let redis = try await PrivateRedis()
    let node = try await NodeUnderTest(redisURL: redis.url)
    try await node.waitUntilReady()
    for sku in ["broken", "whole"] { #expect(try await node.send(.setStock(sku, total: 10)).status == 201) }
    try redis.cli("SET", "inventory:broken", "-9223372036854775807")

    for _ in 0..<3 {
      let refused = try await node.sendOnce(.reserve("broken").key("k").with("X-Request-ID", "who-asks"))
      #expect(refused.status == 500 && refused.problem == "stock-damaged" && refused.text("sku") == "broken")
      #expect(try await node.sendOnce(.inventory("broken")).problem == "stock-damaged")
      #expect(try await node.send(.reserve("whole")).status == 201)
    }
    let list = try await node.send(.listStock())
    #expect(list.json["damaged"] as? [String] == ["broken"] && (list.json["items"] as? [Any])?.count == 1)
    #expect(try await node.send(.audit()).json["consistent"] as? Bool == false)

    func store() async throws -> [String: Any] {
      try await node.send(.health).json["store"] as? [String: Any] ?? [:]
    }
    try await eventually("health tells") { try await store()["damaged"] as? Int == 1 }
    #expect((try await store()["damage"] as? [String])?.first?.contains("inventory:broken") == true)
    #expect(await node.isReady, "other SKUs are sold here")
    func lines(_ message: String) -> [Substring] {
      node.log.split(separator: "\n").filter { $0.contains("\"message\":\"\(message)\"") && $0.contains("\"error\"") }
    }
    try await eventually("the log has it once, and why each request was refused") {
      lines("damaged in the store, and left as it is").count == 1
        && lines("the store refused a request").contains { $0.contains("who-asks") && $0.contains("inventory:broken") }
    }

    try redis.cli("SET", "inventory:broken", "10")
    try await eventually("repaired, it is told no longer, and sold") {
      try await store()["damaged"] as? Int == 0
    }
    #expect(try await node.send(.reserve("broken").key("k")).status == 201)
    #expect(try await node.send(.audit()).json["consistent"] as? Bool == true)
    #expect(node.process.isRunning)
  }

  @Test func `whatever stands in the lease, a node leads, sweeps and says what it found`() async throws {
    let redis = try await PrivateRedis()
    try redis.cli("SET", "lease", "not a lease")
    try redis.cli("SET", "lease:epoch", "99999999999999999999")
    let node = try await NodeUnderTest(redisURL: redis.url)
    try await node.waitUntilReady()
    try await eventually("it leads") {
      (try await node.send(.health).json["lease"] as? [String: Any])?["leader"] as? Bool == true
    }
    try await eventually("and says what it found") {
      node.log.contains("\"key\":\"lease\"") && node.log.contains("\"key\":\"lease:epoch\"")
    }
    #expect(try await node.send(.setStock("a", total: 1)).status == 201)
    #expect(try await node.send(.reserve("a", ttl: 1)).status == 201)
    try await eventually("what lapses is swept") { try redis.cli("EXISTS", "holds:a") == "0" }
  }
}
