/// The names of all keys in Redis. Scripts get them as constants from here (``ScriptLibrary``).
enum RedisKeys {
  /// `inventory:{sku}`: available pieces, an integer.
  static let inventory = "inventory:"
  /// `total:{sku}` and `sold:{sku}`: integers. Reserved is what remains: total − available − sold.
  static let total = "total:"
  static let sold = "sold:"
  /// `holds:{sku}`: sorted set of the ids of ACTIVE reservations by their deadlines.
  static let holds = "holds:"
  /// `sales:{sku}`: list of the ids of CONFIRMED reservations, each with its instant behind it, for the audit.
  static let sales = "sales:"
  /// `reservation:{id}`: see ``StoredReservation``.
  static let reservation = "reservation:"
  /// Sorted set of SKUs by a lower bound of their earliest deadline, for the sweep.
  static let due = "due"
  /// Sorted set of all SKUs, in byte order, for the list and the audit.
  static let skus = "skus"
  /// The outbox: a stream with one entry for each change.
  static let events = "events"
  /// Whose term it is (``LeaseRecord``); lapses by itself.
  static let lease = "lease"
  /// The greatest epoch there has been, an integer.
  static let leaseEpoch = "lease:epoch"
  /// A stream of one entry: the last lease that was given back, for those who wait for it.
  static let leaseReleases = "lease:releases"

  /// `idem:{operation}/{caller}:{key}`.
  static func idempotencyRecord(operation: String, caller: String, key: String) -> String {
    "idem:\(operation)/\(caller):\(key)"
  }
}
