import NIOCore

/// Reservations of all shards. What one shard does alone goes to its ``ReservationRepository``; a cart of several is held
/// together here.
package struct ShardedReservations {
  package typealias Completion<Outcome> = (Result<Outcome, StoreFailure>) -> Void
  package typealias ReserveOutcome = ReservationRepository.ReserveOutcome
  package typealias CheckoutOutcome = ReservationRepository.CheckoutOutcome
  package typealias CheckoutStep = ReservationRepository.CheckoutStep

  private let store: ShardedStore

  init(_ store: ShardedStore) { self.store = store }

  /// Holds `lines` under a new id, all or nothing.
  package func reserve(
    _ lines: [ReservationLine], labels: Labels, ttlSeconds: Int, write: Write,
    completion: @escaping Completion<ReserveOutcome>
  ) {
    guard store.map.count > 1 else {
      return store.shards[0].reservations.reserve(
        lines, labels: labels, ttlSeconds: ttlSeconds, write: write, completion: completion)
    }
    let cart = store.map.parts(of: lines)
    let home = cart[0].shard
    store.keyed(write, at: home, used: .keyReused, completion) { [store] write, completion in
      if cart.count == 1 || write.onlyReplays != nil {
        store[home].reservations.reserve(
          lines, labels: labels, ttlSeconds: ttlSeconds, write: write, completion: completion)
      } else {
        CartHold(store, cart, labels: labels, ttlSeconds: ttlSeconds, write: write, completion: completion).begin()
      }
    }
  }

  /// Confirms, cancels or extends a reservation.
  package func checkOut(
    _ step: CheckoutStep, _ id: ReservationID, write: Write, completion: @escaping Completion<CheckoutOutcome>
  ) {
    guard store.map.count > 1 else {
      return store.shards[0].reservations.checkOut(step, id, write: write, completion: completion)
    }
    // An id that no reservation has is unknown everywhere; what its key was used for, the key's own shard knows.
    let home = store.map.home(of: id) ?? write.key.map { store.map.home(of: $0) } ?? Shard(number: 0)
    let followed: Completion<CheckoutOutcome> = { [store] result in
      if case .success(.done(let cart, isReplay: false)) = result { store.followStep(of: cart) }
      completion(result)
    }
    store.keyed(write, at: home, used: .keyReused, followed) { [store] write, completion in
      store[home].reservations.checkOut(step, id, write: write, completion: completion)
    }
  }

  /// The reservation, or nil if there is none of that id.
  package func read(_ id: ReservationID, deadline: NIODeadline, completion: @escaping Completion<Reservation?>) {
    guard let home = store.map.home(of: id) else { return completion(.success(nil)) }
    store[home].reservations.read(id, deadline: deadline, completion: completion)
  }
}

extension ShardedStore {
  /// The parts of a cart follow what was just done to it.
  fileprivate func followStep(of cart: Reservation) {
    switch (cart.status, cart.endedAt) {
    case (.confirmed, let instant?): follow(cart, .confirmed(at: instant))
    case (.cancelled, let instant?): follow(cart, .ended(at: instant))
    case (.active, _): follow(cart)
    // One that was found expired is home's to release.
    default: break
    }
  }
}
