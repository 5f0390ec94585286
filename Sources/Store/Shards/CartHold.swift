/// One attempt to hold a cart of several shards. Acts for ``CartReservation``.
final class CartHold {
  typealias Outcome = ReservationRepository.ReserveOutcome
  typealias Completion = (Result<Outcome, StoreFailure>) -> Void
  typealias Part = (shard: Shard, lines: [ReservationLine])

  private let store: ShardedStore
  private let id: ReservationID
  private let home: Part
  private let parts: [Part]
  private let labels: Labels
  private let ttlSeconds: Int
  private let write: Write
  private let completion: Completion
  private var machine: CartReservation
  /// What home has answered last, and why a shard could not do its part.
  private var answer: Result<ReservationRepository.CommitOutcome, StoreFailure>?
  private var failure: StoreFailure?
  private var now: Int64 = 0

  /// - Parameter cart: its lines by shard, the home first.
  init(
    _ store: ShardedStore, _ cart: [Part], labels: Labels, ttlSeconds: Int, write: Write,
    completion: @escaping Completion
  ) {
    (self.store, self.labels, self.ttlSeconds, self.write) = (store, labels, ttlSeconds, write)
    (home, parts, self.completion) = (cart[0], Array(cart.dropFirst()), completion)
    id = store[home.shard].reservations.newID()
    machine = CartReservation(parts: parts.map(\.shard), isKeyed: write.key != nil)
  }

  func begin() { perform(machine.begin()) }

  private func lines(of shard: Shard) -> [ReservationLine] { parts.first { $0.shard == shard }?.lines ?? [] }

  private func perform(_ actions: [CartReservation.Action]) {
    for action in actions {
      switch action {
      case .hold(let shard):
        store[shard].parts.hold(lines(of: shard), of: id, home: home.shard, arrival: write.arrival) { [self] result in
          perform(machine.part(shard, told(result)))
        }
      case .drop(let shard):
        // If that is lost, the part asks its home when it is due.
        store[shard].parts.settle(id, .void, lines: [], home: home.shard) { _ in }
      case .judge: askHome(ttlSeconds: nil)
      case .commit: askHome(ttlSeconds: ttlSeconds)
      case .finish(let outcome): finish(outcome)
      }
    }
  }

  private func told(_ result: Result<PartRepository.HoldOutcome, StoreFailure>) -> CartReservation.PartAnswer {
    switch result {
    case .success(.held): return .held
    case .success(.refused(let why)): return .refused(why)
    case .success(.void): return .failed
    case .failure(let reason):
      if case .redis(.unknown) = reason { return .unknown }
      failure = failure ?? reason
      return .failed
    }
  }

  private func askHome(ttlSeconds: Int?) {
    store[home.shard].reservations.commit(
      id, home.lines, elsewhere: parts.flatMap(\.lines).sorted { $0.sku < $1.sku }, labels: labels,
      ttlSeconds: ttlSeconds, write: write
    ) { [self] result in
      answer = result
      perform(machine.home(told(result)))
    }
  }

  private func told(
    _ result: Result<ReservationRepository.CommitOutcome, StoreFailure>
  ) -> CartReservation.HomeAnswer {
    switch result {
    case .success(.answered(.held(let reservation, let isReplay))):
      !isReplay || reservation.id == id ? .held(until: reservation.expiresAt) : .prior
    case .success(.answered(.keyReused)), .failure(.contended): .prior
    case .success(.answered(.unknown(let skus))): .refused(CartRefusal(unknown: skus))
    case .success(.answered(.due(let skus))): .refused(CartRefusal(due: skus))
    case .success(.answered(.short(let shortages, let now))): seen(now, .refused(CartRefusal(shortages: shortages)))
    case .success(.free(let now)): seen(now, .held(until: 0))
    case .success(.void): .failed
    case .failure(.redis(.unknown)): .unknown
    case .failure: .failed
    }
  }

  private func seen(_ now: Int64, _ answer: CartReservation.HomeAnswer) -> CartReservation.HomeAnswer {
    self.now = now
    return answer
  }

  private func finish(_ outcome: CartReservation.Outcome) {
    switch outcome {
    case .refused(let why):
      completion(
        .success(
          !why.unknown.isEmpty
            ? .unknown(why.unknown) : !why.due.isEmpty ? .due(why.due) : .short(why.shortages, now: now)))
    case .failed:
      // Home has not written it, nor will it. Where home said why, that is the reason.
      if case .failure(let reason)? = answer, failure == nil { failure = reason }
      // It was only a look that had no answer.
      if case .redis(.unknown)? = failure { failure = nil }
      completion(.failure(failure ?? .redis(.notSent(.late))))
    case .held, .prior, .unknown:
      switch answer {
      case .success(.answered(.held(let cart, _)))? where outcome != .prior:
        store.follow(cart, .held(milliseconds: cart.expiresAt - cart.createdAt))
        completion(.success(.held(cart, isReplay: false)))
      case .success(.answered(let outcome))?: completion(.success(outcome))
      case .failure(let failure)?: completion(.failure(failure))
      case .success(.void), .success(.free), nil: preconditionFailure("home was asked, and has decided")
      }
    }
  }
}
