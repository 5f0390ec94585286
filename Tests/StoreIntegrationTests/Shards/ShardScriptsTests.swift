import RedisClient
import TestSupport
import Testing

@testable import Node
@testable import Store

extension AgainstRedis {
  /// The scripts on the shards of a store, on Redis in cluster mode: it refuses a script that leaves its slot.
  @Suite struct ShardScriptsTests {
    private static let shards = ShardMap(count: 4)
    private static let library = ScriptLibrary(tuning: .init(keyPrefix: "shop:"), shards: shards)

    private static func clusterNode() async throws -> PrivateRedis {
      try await PrivateRedis(options: ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"])
    }

    /// A node with all slots.
    private static func cluster() async throws -> PrivateRedis {
      let redis = try await clusterNode()
      try redis.cli("CLUSTER", "ADDSLOTSRANGE", "0", "\(HashSlot.count - 1)")
      try await whenItServes(redis)
      return redis
    }

    private static func whenItServes(_ redis: PrivateRedis) async throws {
      try await eventually("the cluster serves") { try redis.cli("CLUSTER", "INFO").contains("cluster_state:ok") }
    }

    /// The first SKUs of a shard, by names that begin so.
    private static func skus(_ name: String, of shard: Shard, _ count: Int = 1) -> [String] {
      Array((0...).lazy.map { "\(name)\($0)" }.filter { shards.home(of: SKU(stored: $0.utf8)) == shard }.prefix(count))
    }

    @Test func `each shard is a whole small store in a slot of its own`() async throws {
      let redis = try await Self.cluster()
      let engine = try await Engine(redis.url, scripts: Self.library)
      for shard in Self.shards.shards {
        let (number, pair) = (shard.number, Self.skus("A", of: shard, 2))
        let (one, two) = (pair[0], pair[1])
        #expect(await engine.ask(Call(wish: .set(one, total: 10 + number), key: one)).status == 201)
        #expect(await engine.ask(Call(wish: .set(two, total: 5))).status == 201)
        let held = await engine.ask(
          .reserve([.init(sku: one, quantity: number + 1), .init(sku: two, quantity: 1)], key: one))
        #expect(held.status == 201 && !held.isReplay)
        #expect(Self.shards.home(of: try #require(ReservationID(held.reservationID))) == shard)
        let sold = await engine.ask(.reserve(one, key: two)).reservationID
        #expect(await engine.ask(Call(wish: .confirm(sold), key: one)).status == 200)
        #expect(await engine.ask(Call(wish: .extend(held.reservationID, ttlSeconds: 900))).status == 200)
        #expect(await engine.ask(Call(wish: .cancel(held.reservationID), key: one)).status == 200)
        #expect(await engine.ask(Call(wish: .cancel(held.reservationID), key: one)).isReplay)
        let stock = await engine.ask(Call(wish: .readStock(one)))
        #expect(stock.number("total") == 10 + number && stock.number("sold") == 1 && stock.number("reserved") == 0)
        #expect(await engine.ask(Call(wish: .delete(two))).status == 204)
      }
      #expect(await engine.ask(Call(wish: .list(after: nil, limit: 10))).body.contains("\"total\":13"))
      #expect(await engine.ask(Call(wish: .sweep)).status == 200)
      #expect(try await engine.wholeAudit().violations == [])
      let keys = try redis.cli("KEYS", "*").split(separator: "\n").map(String.init)
      for (number, tag) in Self.shards.tags.enumerated() {
        let own = keys.filter { $0.hasPrefix("shop:{\(tag)}") }
        #expect(own.count >= 8)
        for key in own {
          let slot = HashSlot.of(key.utf8)
          #expect(slot * Self.shards.count / HashSlot.count == number)
          #expect(try redis.cli("CLUSTER", "KEYSLOT", key) == "\(slot)")
        }
      }
      #expect(keys.allSatisfy { $0.hasPrefix("shop:{") }, "\(keys)")
    }

    @Test func `while its slot moves a shard does nothing, by halves or otherwise; then it goes on`() async throws {
      let redis = try await Self.cluster()
      let other = try await Self.clusterNode()
      try redis.cli("CLUSTER", "MEET", "127.0.0.1", "\(other.port)")
      let (from, to) = (try redis.cli("CLUSTER", "MYID"), try other.cli("CLUSTER", "MYID"))
      try await eventually("they know each other") { try redis.cli("CLUSTER", "NODES").contains(to) }
      try await Self.whenItServes(other)
      let shard = Self.shards.shards[1]
      let scripts = Self.library.at(shard)
      let engine = try await Engine(redis.url, scripts: Self.library)
      let sku = Self.skus("A", of: shard)[0]
      #expect(await engine.ask(Call(wish: .set(sku, total: 10))).status == 201)
      let held = await engine.ask(.reserve(sku, 2, key: "k"))
      let slot = "\(HashSlot.of(scripts.keys.prefix.utf8))"
      let before = try await engine.link.reply("GET", scripts.keys.inventory + sku)

      func begin() throws {
        try other.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", from)
        try redis.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", to)
      }
      func expectNothing() async throws {
        for call in [Call.reserve(sku), Call(wish: .confirm(held.reservationID)), Call(wish: .readStock(sku))] {
          let answer = await engine.ask(call)
          #expect(answer.status == 503 && answer.retryAfter != nil, "\(call): \(answer)")
        }
        #expect(try await engine.link.reply("GET", scripts.keys.inventory + sku) == before)
      }

      // All keys are here still: that makes no difference.
      try begin()
      try await expectNothing()
      // What waits is done as soon as the slot is to stay.
      async let waiting = engine.ask(.reserve(sku, 3), age: Engine.patience)
      try other.cli("CLUSTER", "SETSLOT", slot, "STABLE")
      try redis.cli("CLUSTER", "SETSLOT", slot, "STABLE")
      #expect(await waiting.status == 201)
      #expect(await engine.ask(Call(wish: .cancel(await waiting.reservationID))).status == 200)
      #expect(try await engine.wholeAudit().violations == [])

      // A key that nobody declares has gone, and one after which it would have been written is still here.
      try begin()
      try redis.cli("MIGRATE", "127.0.0.1", "\(other.port)", scripts.keys.sold + sku, "0", "5000")
      try await expectNothing()
    }
  }
}
