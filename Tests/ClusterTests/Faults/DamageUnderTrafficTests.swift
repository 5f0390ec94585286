import Foundation
import TestSupport
import Testing

extension HeavyTests {
  /// The store's contents are untrusted input. Tested from outside, with real processes under real traffic.
  @Suite struct DamageUnderTrafficTests {
    private static let seedVariable = "HOLDFAST_TEST_SEED"
    private static let rounds = 36
    /// Keys that all SKUs share.
    private static let shared = [
      "skus", "due", "events", "lease", "lease:epoch", "lease:releases", "store", "store:mark",
    ]

    @Test
    func `whatever bytes stand in Redis, no node ends, answers keep the contract, no total is exceeded`() async throws {
      let given = ProcessInfo.processInfo.environment[Self.seedVariable].flatMap { UInt64($0) }
      let seed = given ?? .random(in: 1...1_000_000)
      let coordinator = try await CoordinatorUnderTest()
      let cluster = try await TestCluster(
        nodes: 2, settings: ["COORDINATOR_URL": coordinator.url, "CLUSTER_TOKEN": CoordinatorUnderTest.clusterToken])
      let shop = try await DamagedShop(on: cluster)
      let bootIDs = try await bootIDs(cluster)
      try await shop.open {
        var random = SeededRandom(seed)
        for round in 1...Self.rounds {
          let damages = try (0..<random.number(1...4)).map { _ in try damage(cluster.redis, shop.hurtIDs, &random) }
          shop.note("\(round): \(damages)")
          try await shop.flows(30)
          for node in cluster.nodes { try await expectAudit(node, damages, shop) }
          #expect(try await coordinator.send(TestRequest("GET", "/")).status == 200)
          try repair(cluster.redis)
          try await shop.stockAnew()
          try await shop.expectToServe()
        }
      }
      #expect(shop.faults == "", "again: HOLDFAST_TEST_SEED=\(seed) swift test --filter DamageUnderTrafficTests")
      try await expectWellAgain(cluster)
      for sku in DamagedShop.whole {
        let sold = try StoreSnapshot(of: cluster.redis).stock(sku)?.sold ?? -1
        let told = shop.sold(sku)
        #expect(told.contains(sold) && sold <= DamagedShop.total(of: sku), "\(sku): \(sold), told \(told)")
      }
      #expect(try await self.bootIDs(cluster) == bootIDs, "the processes are those that were started")
      let processes = cluster.nodes.map(\.process) + [coordinator.process]
      #expect(processes.allSatisfy { $0.isRunning })
      #expect(processes.flatMap { $0.log.split(separator: "\n") }.filter { !$0.hasPrefix("{") } == [])
    }

    private func bootIDs(_ cluster: TestCluster) async throws -> [String?] {
      try await concurrently(cluster.nodes) { try await $0.send(.health).text("bootId") }
    }

    // MARK: - Damage

    /// Damages a key of a hurt SKU, of one of its holds or callers, or a key that all SKUs share.
    private func damage(_ redis: PrivateRedis, _ ids: Set<String>, _ random: inout SeededRandom) throws -> KeyDamage {
      let keys = try redis.cli("KEYS", "*").split(separator: "\n").map(String.init).sorted()
      let records = keys.filter { key in
        key.hasPrefix("reservation:") && ids.contains(String(key.dropFirst("reservation:".count)))
          || key.hasPrefix("idem:") && key.contains(":hurt-")
      }
      let counters = ["inventory:", "total:", "sold:", "holds:", "sales:"].flatMap { name in
        DamagedShop.hurt.map { name + $0 }
      }
      let choice = random.oneIn(4) ? Self.shared : random.oneIn(3) && !records.isEmpty ? records : counters
      let damage = KeyDamage(of: random.pick(choice), &random)
      try redis.run(damage.commands)
      return damage
    }

    /// The audit must answer, unless the SKUs can't be listed.
    private func expectAudit(_ node: NodeUnderTest, _ damages: [KeyDamage], _ shop: DamagedShop) async throws {
      let audit = try await node.send(.audit())
      let isListed = !damages.contains { $0.key == "skus" }
      shop.expect(audit.status == 200 || !isListed && audit.problem == "stock-damaged", "\(audit)")
    }

    /// Repairs the store in one step, as in `docs/store-faults.md`: removes the keys of hurt SKUs and the shared keys.
    private func repair(_ redis: PrivateRedis) throws {
      let script = """
        for _, key in ipairs(redis.call('KEYS', '*')) do
          local isRecord = string.find(key, '^reservation:')
          local record = isRecord and redis.pcall('GET', key)
          local isWhole = type(record) == 'string' and string.find(record, '"whole-', 1, true)
          if string.find(key, ':hurt-', 1, true) or isRecord and not isWhole then redis.call('DEL', key) end
        end
        return redis.call('DEL', 'skus', 'due', 'events')
        """
      let answer = try redis.cli("EVAL", script, "0")
      try #require(Int(answer) != nil, "\(answer)")
    }

    // MARK: - The end

    private func expectWellAgain(_ cluster: TestCluster) async throws {
      for node in cluster.nodes {
        try await eventually("a node is ready, and knows of no damage") {
          let store = try await node.send(.health).json["store"] as? [String: Any]
          return await node.isReady && store?["damaged"] as? Int == 0
        }
        var audit = ""
        do {
          try await eventually("the audit finds nothing") {
            let answer = try await node.send(.audit())
            audit = answer.text
            return answer.json["consistent"] as? Bool == true
          }
        } catch {
          Issue.record("\(error): \(audit)")
        }
      }
      #expect(try StoreSnapshot(of: cluster.redis).violations == [])
    }
  }
}
