import RedisClient

/// What stands behind the head of an idempotency record (``IdempotencyRecord``): all that the answer to a write is
/// rebuilt from, except what the same request brings again. Scripts write it, and nodes read it here.
///
/// Of a confirm, a cancel or an extend it is the reservation as it was then (``StoredReservation``). Of the deletion of
/// a SKU it is nothing.
enum RecordedAnswer {
  /// Of a reserve: `id created-at expires-at`.
  struct Hold: Equatable {
    var id: ReservationID
    /// Epoch milliseconds of Redis's clock, as is the other.
    var createdAt: Int64
    var expiresAt: Int64

    /// What the node gives to `reserve.lua`, which puts the two instants behind it.
    static func opening(_ id: ReservationID) -> String { id.text + " " }
  }

  /// Of a change of stock: `created|changed available total sold next|-`. `change_stock.lua` replies with the same.
  struct Stock: Equatable {
    var isNew: Bool
    var inventory: Inventory
  }
}

extension RecordedAnswer.Hold {
  /// Nil for what no script has written.
  init?(_ answer: ArraySlice<UInt8>) {
    var tokens = ReplyTokens(answer)
    guard let id = tokens.nextText().flatMap(ReservationID.init), let createdAt = tokens.nextInstant(),
      let expiresAt = tokens.nextInstant(), tokens.isEmpty, createdAt < expiresAt,
      Limits.isLife(from: createdAt, to: expiresAt)
    else { return nil }
    self.init(id: id, createdAt: createdAt, expiresAt: expiresAt)
  }
}

extension RecordedAnswer.Stock {
  /// Nil for what no script has written.
  init?(_ answer: ArraySlice<UInt8>, of sku: SKU) {
    var tokens = ReplyTokens(answer)
    guard let change = tokens.nextText(), ["created", "changed"].contains(change),
      let inventory = tokens.nextInventory(of: sku), tokens.isEmpty
    else { return nil }
    self.init(isNew: change == "created", inventory: inventory)
  }
}
