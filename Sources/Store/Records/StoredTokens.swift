import Common
import RedisClient

/// What stands in replies and records of the store: SKUs, damaged keys, numbers of pieces, instants.
extension ReplyTokens {
  mutating func skus() -> [SKU] {
    var skus: [SKU] = []
    while let sku = next() { skus.append(SKU(stored: sku)) }
    return skus
  }

  /// `(sku|- key)…`
  mutating func damages() -> [StoreDamage] {
    var damages: [StoreDamage] = []
    while let name = nextText(), let key = nextText() { damages.append(StoreDamage(sku: SKU(name), key: key)) }
    return damages
  }

  mutating func ids() -> [ReservationID] {
    var ids: [ReservationID] = []
    while let text = nextText() { if let id = ReservationID(text) { ids.append(id) } }
    return ids
  }

  /// `(@ id)…`: parts of carts that are due.
  mutating func dueParts() -> [ReservationID] {
    var ids: [ReservationID] = []
    while true {
      var ahead = self
      guard ahead.nextText() == "@", let text = ahead.nextText() else { return ids }
      self = ahead
      if let id = ReservationID(text) { ids.append(id) }
    }
  }

  /// `(sku available reserved next|-)…`, of lines that can't be held.
  mutating func shortages(of lines: [ReservationLine]) -> [Shortage] {
    var shortages: [Shortage] = []
    while let name = next() {
      let sku = SKU(stored: name)
      guard let available = nextCount(), let reserved = nextCount() else { break }
      shortages.append(
        Shortage(
          sku: sku, requested: lines.first { $0.sku == sku }?.quantity ?? 0, available: available, reserved: reserved,
          nextReleaseAt: nextInstant()))
    }
    return shortages
  }

  /// A number of pieces: none is negative, or greater than a SKU may have.
  mutating func nextCount() -> Int? { nextInteger().flatMap { (0...Limits.maxStockTotal).contains($0) ? $0 : nil } }

  /// `available total sold next|-`
  mutating func nextInventory(of sku: SKU) -> Inventory? {
    guard let available = nextCount(), let total = nextCount(), let sold = nextCount(), available + sold <= total,
      let release = nextText()
    else { return nil }
    let nextReleaseAt = Int(decimal: release.utf8).flatMap(Int64.init(instant:))
    guard release == "-" || nextReleaseAt != nil else { return nil }
    return Inventory(sku: sku, available: available, total: total, sold: sold, nextReleaseAt: nextReleaseAt)
  }

  /// An instant in epoch milliseconds; nil for `-`, and for what can be none.
  mutating func nextInstant() -> Int64? { nextInteger().flatMap(Int64.init(instant:)) }
}
