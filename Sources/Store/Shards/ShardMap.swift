import RedisClient

/// One of the shards of a store, by its number from 0 on.
package struct Shard: Hashable, Comparable, Sendable {
  package let number: Int

  package static func < (left: Shard, right: Shard) -> Bool { left.number < right.number }
}

/// How a store is cut into shards, and which of them is home to what. It never changes for a store.
///
/// The keys of a shard have its tag in common, and so one hash slot. Slots are spread over the masters of a Cluster in
/// ranges: so tags lie evenly over all slots.
package struct ShardMap: Equatable, Sendable {
  /// A reservation id tells its home in two characters.
  package static let maxCount = 1 << ReservationID.homeBits

  /// What a Cluster gets where nobody says otherwise: enough to spread over many masters.
  package static let clusterCount = 64

  package let count: Int
  /// Of all SKUs that are alike before the first one of it, which is a character of SKUs. Nil: each SKU is by itself.
  package let separator: UInt8?
  /// What stands in braces in the names of a shard's keys. Empty for a store of one shard, whose names have none.
  package let tags: [String]

  package init(count: Int = 1, separator: UInt8? = nil) {
    precondition((1...Self.maxCount).contains(count), "an id has no room for the number of such a shard")
    self.count = count
    self.separator = separator
    tags = count == 1 ? [] : Self.tags(count)
  }

  package var shards: [Shard] { (0..<count).map { Shard(number: $0) } }

  /// Where a SKU is kept: all of it.
  package func home(of sku: SKU) -> Shard {
    guard count > 1 else { return Shard(number: 0) }
    let name = sku.text.utf8
    let end = separator.flatMap { name.firstIndex(of: $0) } ?? name.endIndex
    return shard(of: name[..<end])
  }

  /// The lines of a cart by where they are kept, each shard's in their order. The first one, which has the first line, is
  /// the home of the cart.
  func parts(of lines: [ReservationLine]) -> [(shard: Shard, lines: [ReservationLine])] {
    var parts: [(shard: Shard, lines: [ReservationLine])] = []
    for line in lines {
      let shard = home(of: line.sku)
      if let index = parts.firstIndex(where: { $0.shard == shard }) {
        parts[index].lines.append(line)
      } else {
        parts.append((shard, [line]))
      }
    }
    return parts
  }

  /// Where a reservation is decided. Nil for an id that no reservation of this store can have.
  package func home(of id: ReservationID) -> Shard? {
    count == 1 ? Shard(number: 0) : id.homeNumber < count ? Shard(number: id.homeNumber) : nil
  }

  /// Where the use of an idempotency key is decided, whatever it is used for.
  package func home(of key: IdempotencyKey) -> Shard {
    count == 1 ? Shard(number: 0) : shard(of: key.scoped.utf8)
  }

  private func shard(of bytes: some Sequence<UInt8>) -> Shard {
    Shard(number: Int(Self.hash(bytes) % UInt64(count)))
  }

  /// FNV-1a of 64 bits (Fowler, Noll, Vo), mixed once more (the end of MurmurHash3): its low bits alone depend on few
  /// bits of each byte.
  private static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    hash = (hash ^ hash >> 33) &* 0xff51_afd7_ed55_8ccd
    hash = (hash ^ hash >> 33) &* 0xc4ce_b9fe_1a85_ec53
    return hash ^ hash >> 33
  }

  /// For each shard the least number whose slot lies in its equal part of all slots.
  private static func tags(_ count: Int) -> [String] {
    var tags = [String?](repeating: nil, count: count)
    var missing = count
    var number = 0
    while missing > 0 {
      let tag = String(number)
      let part = HashSlot.of(tag.utf8) * count / HashSlot.count
      if tags[part] == nil {
        tags[part] = tag
        missing -= 1
      }
      number += 1
    }
    return tags.compactMap { $0 }
  }
}
