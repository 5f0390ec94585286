import RedisClient
import TestSupport
import Testing

@testable import Store

@Suite struct ShardMapTests {
  @Test(arguments: [("123456789", 0x31C3), ("", 0), ("foo", 12_182), ("{user1000}.following", 3443)])
  func `slots are those that Redis documents`(key: String, slot: Int) {
    #expect(HashSlot.of(key.utf8) == slot % HashSlot.count)
  }

  @Test(arguments: [("{a}b", "a"), ("x{a}b{c}", "a"), ("{}a", "{}a"), ("{a", "{a"), ("a}b{c}", "c"), ("{{a}}", "{a")])
  func `only what stands in the first braces counts, if that is anything`(key: String, hashed: String) {
    // Within braces, the text itself is what counts.
    let whole = hashed.hasPrefix("{") && hashed == key ? HashSlot.of(key.utf8) : HashSlot.of("{\(hashed)}".utf8)
    #expect(HashSlot.of(key.utf8) == whole)
  }

  @Test(arguments: [2, 3, 8, 64, 1000, ShardMap.maxCount])
  func `each shard's tag lies in its own equal part of all slots`(count: Int) {
    let map = ShardMap(count: count)
    #expect(map.tags.count == count)
    for (number, tag) in map.tags.enumerated() {
      #expect(HashSlot.of("shop:{\(tag)}due".utf8) * count / HashSlot.count == number)
    }
  }

  @Test func `homes never change: what is stored would not be found again`() throws {
    let map = ShardMap(count: 64)
    let homes = try ["A", "TEE-RED-S", "TEE-RED-M", "x.y_z-1"].map { map.home(of: try #require(SKU($0))).number }
    #expect(homes == Self.knownHomes)
    #expect(map.tags.prefix(4) == Self.knownTags)
    let key = IdempotencyKey(operation: "reserve", caller: "-", text: "k-1")
    #expect(map.home(of: key).number == Self.knownHomeOfKey)
  }

  private static let knownHomes = [61, 50, 19, 26]
  private static let knownTags: ArraySlice = ["10", "18", "113", "342"]
  private static let knownHomeOfKey = 25

  @Test func `SKUs that differ in one digit are spread over all shards`() throws {
    let map = ShardMap(count: 8)
    var counts = [Int](repeating: 0, count: 8)
    for number in 0..<8000 { counts[map.home(of: try #require(SKU("sku-\(number)"))).number] += 1 }
    #expect(counts.allSatisfy { (850...1150).contains($0) })
  }

  @Test func `a cart is parted by shard, its home first, each part in the order of SKUs`() throws {
    let map = ShardMap(count: 3)
    var random = SeededRandom(3)
    for _ in 0..<200 {
      let names = Set((0..<random.number(1...20)).map { _ in "s\(random.number(0...99))" }).sorted()
      let lines = try names.map { ReservationLine(sku: try #require(SKU($0)), quantity: random.number(1...9)) }
      let parts = map.parts(of: lines)
      #expect(parts.first?.shard == map.home(of: lines[0].sku))
      #expect(Set(parts.map(\.shard)).count == parts.count)
      for part in parts { #expect(part.lines == lines.filter { map.home(of: $0.sku) == part.shard }) }
      #expect(parts.flatMap(\.lines).sorted { $0.sku < $1.sku } == lines)
    }
  }

  @Test func `SKUs that are alike before the separator are kept together`() throws {
    let map = ShardMap(count: 64, separator: UInt8(ascii: "."))
    let homes = try (0..<100).map { map.home(of: try #require(SKU("sale.\($0)"))) }
    #expect(Set(homes).count == 1)
    let others = try (0..<100).map { map.home(of: try #require(SKU("sale\($0)"))) }
    #expect(Set(others).count > 30)
  }

  @Test func `an id tells its home, and keeps 116 random bits`() throws {
    let map = ShardMap(count: ShardMap.maxCount)
    var random = SeededRandom(1)
    var tails: Set<Substring> = []
    for shard in map.shards {
      let id = ReservationID(random: &random, home: shard)
      #expect(map.home(of: id) == shard)
      #expect(ReservationID(id.text) == id)
      tails.insert(id.text.dropFirst(2))
    }
    #expect(tails.count == map.count)
    #expect(tails.contains { $0.first.map { $0 > "g" } ?? false }, "the bit behind the home is random, too")
  }

  @Test func `an id of another store has no home; with one shard, each id is at home`() throws {
    var random = SeededRandom(2)
    let id = ReservationID(random: &random, home: Shard(number: 8))
    #expect(ShardMap(count: 8).home(of: id) == nil)
    #expect(ShardMap(count: 9).home(of: id) == Shard(number: 8))
    #expect(ShardMap().home(of: id) == Shard(number: 0))
  }
}
