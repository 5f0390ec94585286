import NIOCore
import TestSupport
import Testing

@testable import Node
@testable import Store

extension AgainstRedis {
  /// Carts of several shards, and keys of requests that are at home elsewhere, step by step on a real Redis.
  @Suite struct CartTests {
    private static let shards = ShardMap(count: 4)

    /// A store of four shards with ten pieces of one SKU on each.
    private struct Shop {
      let engine: Engine
      /// By shard.
      let skus: [String]

      init(_ redis: PrivateRedis) async throws {
        engine = try await Engine(redis.url, scripts: TestClock.scripts(shards: shards))
        skus = shards.shards.map { shard in
          (0...).lazy.map { "A\($0)" }.first { shards.home(of: SKU(stored: $0.utf8)) == shard } ?? ""
        }
        try await setClock(0)
        for sku in skus { _ = await engine.ask(Call(wish: .set(sku, total: 10))) }
      }

      /// - Parameter milliseconds: since the start of the test's clock.
      func setClock(_ milliseconds: Int64) async throws {
        _ = try await engine.link.send(TestClock.setting(TestClock.start + milliseconds)).get()
      }

      /// Available, reserved and sold pieces of a shard's SKU.
      func stock(_ shard: Int) async -> [Int] {
        let stock = await engine.ask(Call(wish: .readStock(skus[shard])))
        return ["available", "reserved", "sold"].map { stock.number($0) ?? -1 }
      }

      /// A reservation of one piece of each of these shards' SKUs.
      func cart(_ numbers: Int..., key: String? = nil) -> Call {
        .reserve(numbers.map { Call.Line(sku: skus[$0], quantity: 1) }, key: key)
      }

      func onStore<Outcome: Sendable>(
        _ act: @escaping @Sendable (ShardedStore, @escaping (Outcome) -> Void) -> Void
      ) async -> Outcome {
        await withCheckedContinuation { continuation in
          engine.link.eventLoop.execute { [parts = engine.parts] in
            act(parts.value.store) { continuation.resume(returning: $0) }
          }
        }
      }
    }

    private static func lines(_ sku: String, _ quantity: Int = 1) -> [ReservationLine] {
      [ReservationLine(sku: SKU(stored: sku.utf8), quantity: quantity)]
    }

    @Test func `a cart of three shards is held, held longer, and sold everywhere`() async throws {
      let redis = try await PrivateRedis()
      let shop = try await Shop(redis)
      let held = await shop.engine.ask(shop.cart(0, 1, 2))
      try await shop.engine.whenSettled()
      #expect(held.status == 201)
      for shard in 0..<3 { #expect(await shop.stock(shard) == [9, 1, 0]) }
      // Longer than parts are held without a word from home.
      try await shop.setClock(200_000)
      #expect(await shop.engine.ask(Call(wish: .extend(held.reservationID, ttlSeconds: 600))).status == 200)
      try await shop.engine.whenSettled()
      try await shop.setClock(700_000)
      #expect(await shop.engine.ask(Call(wish: .sweep)).body == "0 released")
      #expect(await shop.engine.ask(Call(wish: .confirm(held.reservationID))).status == 200)
      try await shop.engine.whenSettled()
      for shard in 0..<3 { #expect(await shop.stock(shard) == [9, 0, 1]) }
      #expect(await shop.stock(3) == [10, 0, 0])
      #expect(try await shop.engine.wholeAudit().violations == [])
    }

    @Test func `a cart that lacks one piece of one shard holds nothing on the others`() async throws {
      let redis = try await PrivateRedis()
      let shop = try await Shop(redis)
      #expect(await shop.engine.ask(.reserve(shop.skus[2], 10)).status == 201)
      for _ in 0..<3 {
        let answer = await shop.engine.ask(shop.cart(0, 1, 2, 3))
        #expect(answer.status == 409 && answer.body.contains(shop.skus[2]))
        try await shop.engine.whenSettled()
      }
      for shard in [0, 1, 3] { #expect(await shop.stock(shard) == [10, 0, 0]) }
    }

    /// Its node died before home was asked.
    @Test func `a part without a cart is put back when it is due, and its cart can't come to be any more`() async throws
    {
      let redis = try await PrivateRedis()
      let shop = try await Shop(redis)
      let (home, part) = (Shard(number: 0), Shard(number: 1))
      var random = SystemRandomNumberGenerator()
      let id = ReservationID(random: &random, home: home)
      let lines = Self.lines(shop.skus[1])
      let isHeld = await shop.onStore { store, done in
        store[part].parts.hold(lines, of: id, home: home, arrival: .now()) { done((try? $0.get()) == .held) }
      }
      #expect(isHeld)
      #expect(await shop.stock(1) == [9, 1, 0])
      try await shop.setClock(5000)
      // Read on the way of a request, with no leader at all.
      #expect(await shop.stock(1) == [10, 0, 0])
      let own = Self.lines(shop.skus[0])
      let late = await shop.onStore { store, done in
        store[home].reservations.commit(
          id, own, elsewhere: lines, labels: Labels(), ttlSeconds: 60,
          write: Write(key: nil, fingerprint: nil, arrival: .now())
        ) { done((try? $0.get()) == .void) }
      }
      #expect(late)
      #expect(await shop.stock(0) == [10, 0, 0])
    }

    /// Its node died after home had decided.
    @Test(arguments: [true, false])
    func `what its node did not bring to the parts of a cart, the sweep does`(isSold: Bool) async throws {
      let redis = try await PrivateRedis()
      let shop = try await Shop(redis)
      let held = await shop.engine.ask(shop.cart(0, 1))
      try await shop.engine.whenSettled()
      let id = try #require(ReservationID(held.reservationID))
      let isDone = await shop.onStore { store, done in
        let step: ReservationRepository.CheckoutStep = isSold ? .confirm : .cancel
        guard let home = store.map.home(of: id) else { return done(false) }
        store[home].reservations.checkOut(step, id, write: Write(key: nil, fingerprint: nil, arrival: .now())) {
          if case .success(.done) = $0 { done(true) } else { done(false) }
        }
      }
      #expect(isDone)
      let home = try #require(Self.shards.home(of: id))
      let other = home.number == 0 ? 1 : 0
      #expect(await shop.stock(other) == [9, 1, 0])
      try await shop.setClock(1500)
      await shop.onStore { store, done in store.sweep.settle(home) { _ in done(()) } }
      #expect(await shop.stock(other) == (isSold ? [9, 0, 1] : [10, 0, 0]))
      let unsettled = try await shop.engine.link.reply("ZCARD", "{\(Self.shards.tags[home.number])}unsettled")
      #expect(unsettled.number == 0)
    }

    @Test func `a cart that expires goes back everywhere, whoever looks first`() async throws {
      let redis = try await PrivateRedis()
      let shop = try await Shop(redis)
      #expect(await shop.engine.ask(shop.cart(0, 1, 2)).status == 201)
      try await shop.engine.whenSettled()
      try await shop.setClock(300_000)
      // One of the parts may be home.
      #expect(await shop.stock(1) == [10, 0, 0])
      #expect(await shop.stock(2) == [10, 0, 0])
      #expect(await shop.stock(0) == [10, 0, 0])
      #expect(try await shop.engine.wholeAudit().violations == [])
    }

    @Test func `an older term sweeps no shard that a younger one has swept`() async throws {
      let redis = try await PrivateRedis()
      let shop = try await Shop(redis)
      let token = String(repeating: "a", count: 32)
      func sweep(_ shard: Int, epoch: Int64) async -> String {
        await shop.onStore { store, done in
          store.sweep.sweep(Shard(number: shard), token: token, epoch: epoch) { done("\($0)") }
        }
      }
      let (older, younger) = (1_700_000_000_001 as Int64, 1_700_000_000_002 as Int64)
      for shard in 0..<4 { #expect(await sweep(shard, epoch: older).contains("done")) }
      #expect(await sweep(2, epoch: younger).contains("done"))
      #expect(await sweep(2, epoch: older).contains("fenced"))
      #expect(await sweep(3, epoch: older).contains("done"))
      #expect(await sweep(2, epoch: younger).contains("done"))
    }

    @Test func `a key whose request was refused is free for a request that is at home elsewhere`() async throws {
      let redis = try await PrivateRedis()
      let shop = try await Shop(redis)
      for number in 0..<20 {
        let key = "k\(number)"
        #expect(await shop.engine.ask(.reserve(shop.skus[number % 4], 11, key: key)).status == 409)
        let second = Call.reserve(shop.skus[(number + 1) % 4], 1, key: key)
        let held = await shop.engine.ask(second)
        #expect(held.status == 201)
        let again = await shop.engine.ask(second)
        #expect(again.isReplay && again.body == held.body)
        #expect(
          await shop.engine.ask(.reserve(shop.skus[(number + 2) % 4], 1, key: key)) == .problem(.idempotencyKeyReused))
        #expect(await shop.engine.ask(Call(wish: .cancel(held.reservationID))).status == 200)
      }
    }

    @Test func `a store that takes no writes repeats what was answered, whichever shards that was of`() async throws {
      let redis = try await PrivateRedis()
      let shop = try await Shop(redis)
      var told: [(Call, Answer)] = []
      for number in 0..<8 {
        let call = shop.cart(number % 4, (number + 1) % 4, key: "k\(number)")
        told.append((call, await shop.engine.ask(call)))
      }
      try await shop.engine.whenSettled()
      try redis.cli("CONFIG", "SET", "maxmemory", "1")
      for (call, answer) in told {
        let again = await shop.engine.ask(call)
        #expect(again.isReplay && again.body == answer.body, "\(call): \(again)")
        let other = await shop.engine.ask(Call(wish: call.wish, key: call.key.map { $0 + " again" }))
        #expect(other.status == 503 && other.retryAfter != nil, "\(other)")
      }
    }

    /// Requests under one key at two nodes at once, each at home elsewhere.
    @Test func `of two requests under one key one is served at most, wherever they are at home`() async throws {
      let redis = try await PrivateRedis()
      let shop = try await Shop(redis)
      let other = try await Engine(redis.url, scripts: TestClock.scripts(shards: Self.shards))
      var served = 0
      for number in 0..<60 {
        let key = "at once \(number)"
        async let first = shop.engine.ask(shop.cart(number % 4, key: key), age: Engine.patience)
        async let second = other.ask(shop.cart((number + 1) % 4, (number + 2) % 4, key: key), age: Engine.patience)
        let answers = [await first, await second]
        let made = answers.filter { $0.status == 201 }
        served += made.count
        #expect(made.count <= 1, "\(answers)")
        for answer in answers where answer.status != 201 {
          #expect(answer.status == 503 || answer == .problem(.idempotencyKeyReused), "\(answer)")
        }
        for answer in made {
          #expect(await shop.engine.ask(Call(wish: .cancel(answer.reservationID))).status == 200)
        }
        try await shop.engine.whenSettled()
        try await other.whenSettled()
      }
      #expect(served > 10, "they do not only stand in each other's way")
      try await shop.setClock(10_000)
      #expect(await shop.engine.ask(Call(wish: .sweep)).status == 200)
      for shard in 0..<4 { #expect(await shop.stock(shard) == [10, 0, 0]) }
      #expect(try await shop.engine.wholeAudit().violations == [])
    }
  }
}
