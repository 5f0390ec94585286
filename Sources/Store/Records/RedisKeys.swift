/// The names of all keys in Redis. Scripts get them as constants from here (``ScriptLibrary``).
package struct RedisKeys: Equatable, Sendable {
  /// Stands before every name: the shop's prefix, so that several shops, or other programs, can share a database, and
  /// behind it the tag of the shard in braces, where the store has several. May be empty.
  package let prefix: String
  /// `idem:`; stored, since each keyed write needs it.
  private let idempotency: String
  /// What stands before all of them.
  package var idempotencyRecords: String { idempotency }

  /// - Parameter tag: of the shard (``ShardMap``); nil for a store that has no more than one.
  package init(prefix: String = "", tag: String? = nil) {
    let prefix = prefix + (tag.map { "{\($0)}" } ?? "")
    self.prefix = prefix
    idempotency = prefix + "idem:"
  }

  /// `inventory:{sku}`: available pieces, an integer.
  package var inventory: String { prefix + "inventory:" }
  /// `total:{sku}` and `sold:{sku}`: integers. Reserved is what remains: total − available − sold.
  package var total: String { prefix + "total:" }
  package var sold: String { prefix + "sold:" }
  /// `holds:{sku}`: sorted set of the ids of ACTIVE reservations by their deadlines.
  package var holds: String { prefix + "holds:" }
  /// `sales:{sku}`: list of the ids of CONFIRMED reservations, each with its instant behind it, for the audit.
  package var sales: String { prefix + "sales:" }
  /// `reservation:{id}`: see ``StoredReservation``.
  package var reservation: String { prefix + "reservation:" }
  /// Sorted set of SKUs by a lower bound of their earliest deadline, for the sweep.
  package var due: String { prefix + "due" }
  /// Sorted set of all SKUs, in byte order, for the list and the audit.
  package var skus: String { prefix + "skus" }
  /// The outbox: a stream with one entry for each change.
  package var events: String { prefix + "events" }
  /// Sorted set of the ids of carts by the instant of their end, until their parts have followed.
  package var unsettled: String { prefix + "unsettled" }
  /// `void:{id}`: this reservation of several shards will never come to be.
  package var void: String { prefix + "void:" }
  /// The greatest epoch that has swept this shard, where there are several.
  package var fence: String { prefix + "fence" }
  /// Whose term it is (``LeaseRecord``); lapses by itself.
  package var lease: String { prefix + "lease" }
  /// The greatest epoch there has been, an integer.
  package var leaseEpoch: String { prefix + "lease:epoch" }
  /// A stream of one entry: the last lease that was given back, for those who wait for it.
  package var leaseReleases: String { prefix + "lease:releases" }
  /// The identity of the store: 128 random bits in hexadecimal digits, set once.
  package var store: String { prefix + "store" }
  /// A hash of the last mark of each process that has left one (``StoreEvidence``).
  package var storeMark: String { prefix + "store:mark" }

  /// What stands before the names of keys that there are many of.
  package var families: [String] { [inventory, total, sold, holds, sales, reservation, idempotency] }

  /// Never there: no reservation has this id. Deleting it is a write without effect, by which links are tried.
  package var vacant: String { prefix + "reservation:vacant" }

  /// `idem:{operation}/{caller}:{key}`.
  package func record(of key: IdempotencyKey) -> String { idempotency + key.scoped }
}
