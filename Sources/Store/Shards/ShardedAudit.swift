import NIOCore

/// The audit of all shards: each SKU is counted at its own, and the search for others goes round them.
///
/// Counts go one at a time, also those of different shards: they share a link, and so its `WATCH`.
package struct ShardedAudit {
  package typealias Outcome = AuditRepository.Outcome
  package typealias Search = AuditRepository.Search

  package static let patience = AuditRepository.patience
  /// Redis's own cursors are far smaller: they count the buckets of a table.
  private static let cursorBits: UInt64 = 52

  private let store: ShardedStore

  init(_ store: ShardedStore) { self.store = store }

  /// Counts a SKU. No step begins at `end` or later; the answer comes within twice ``patience`` after it.
  package func count(_ sku: SKU, until end: NIODeadline) async throws(StoreFailure) -> Outcome {
    try await store[store.map.home(of: sku)].audit.count(sku, until: end)
  }

  /// Goes through some of all keys of the store, from `cursor` on; it begins at 0. The high bits of a cursor tell the
  /// shard.
  package func findUnlisted(from cursor: UInt64, deadline: NIODeadline) async throws(StoreFailure) -> Search {
    let number = Int(cursor >> Self.cursorBits)
    // A cursor that nobody was told ends the search.
    guard number < store.map.count else { return Search(next: 0, unreadable: 0, lapsing: 0, skus: []) }
    let place = cursor & (1 << Self.cursorBits - 1)
    var found = try await store.shards[number].audit.findUnlisted(from: place, deadline: deadline)
    if found.next != 0 {
      found.next |= UInt64(number) << Self.cursorBits
    } else if number + 1 < store.map.count {
      found.next = UInt64(number + 1) << Self.cursorBits
    }
    return found
  }
}
