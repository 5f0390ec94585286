import Common
import NIOCore
import Store

/// An answer, and whether it was given before.
struct Told<Value> {
  var value: Value
  var isReplay = false
}

/// The life of reservations: policy between what HTTP asks and what the store does.
final class ReservationService {
  typealias Completion<Value> = (Result<Value, Problem>) -> Void

  private let reservations: ShardedReservations
  private let releaser: HoldReleaser

  init(reservations: ShardedReservations, releaser: HoldReleaser) {
    self.reservations = reservations
    self.releaser = releaser
  }

  func reserve(_ request: ReserveRequest, _ context: CallContext, completion: @escaping Completion<Told<Reservation>>) {
    reserve(request, context.write(.reserve, canonical: request.canonical), completion)
  }

  private func reserve(
    _ request: ReserveRequest, _ write: Write,
    _ completion: @escaping Completion<Told<Reservation>>
  ) {
    reservations.reserve(
      request.lines, labels: request.labels, ttlSeconds: request.ttlSeconds ?? Limits.defaultTTLSeconds, write: write
    ) { [self] result in
      switch result {
      case .failure(let failure): completion(.failure(.store(failure, isWrite: true)))
      case .success(.held(let reservation, let isReplay)):
        completion(.success(Told(value: reservation, isReplay: isReplay)))
      case .success(.keyReused): completion(.failure(.keyReused))
      case .success(.unknown(let skus)): completion(.failure(.unknownSKUs(skus)))
      case .success(.short(let shortages, let now)): completion(.failure(.insufficientStock(shortages, now: now)))
      case .success(.due(let skus)):
        releaser.release(skus, arrival: write.arrival) { [self] outcome in
          if let problem = outcome.problem { return completion(.failure(problem)) }
          reserve(request, write, completion)
        }
      }
    }
  }

  func confirm(_ id: String, _ context: CallContext, completion: @escaping Completion<Told<Reservation>>) {
    checkOut(.confirm, id, context.write(.confirm, canonical: id), completion)
  }

  func cancel(_ id: String, _ context: CallContext, completion: @escaping Completion<Told<Reservation>>) {
    checkOut(.cancel, id, context.write(.cancel, canonical: id), completion)
  }

  func extend(
    _ id: String, ttlSeconds: Int, _ context: CallContext, completion: @escaping Completion<Told<Reservation>>
  ) {
    checkOut(.extend(ttlSeconds: ttlSeconds), id, context.write(.extend, canonical: "\(id)\n\(ttlSeconds)"), completion)
  }

  private func checkOut(
    _ step: ShardedReservations.CheckoutStep, _ text: String, _ write: Write,
    _ completion: @escaping Completion<Told<Reservation>>
  ) {
    // A text that no reservation can have as its id is an unknown one. Under a key Redis must be asked all the same, by
    // an id just made up: the key may have come with another request, and that is told first.
    guard let id = ReservationID(text) ?? write.key.map({ _ in ReservationID() }) else {
      return completion(.failure(.unknownReservation))
    }
    reservations.checkOut(step, id, write: write) { result in
      switch result {
      case .failure(let failure): completion(.failure(.store(failure, isWrite: true)))
      case .success(.done(let reservation, let isReplay)):
        completion(.success(Told(value: reservation, isReplay: isReplay)))
      case .success(.keyReused): completion(.failure(.keyReused))
      case .success(.gone): completion(.failure(.unknownReservation))
      case .success(.refused(let status)): completion(.failure(.final(status)))
      case .success(.holdLimit):
        completion(
          .failure(
            Problem(.holdLimitReached, "It may be held \(Limits.maxHoldSeconds) s from its creation, and is already.")))
      }
    }
  }

  func read(_ id: String, arrival: NIODeadline, completion: @escaping Completion<Reservation>) {
    guard let id = ReservationID(id) else { return completion(.failure(.unknownReservation)) }
    reservations.read(id, deadline: arrival + Budget.read) { result in
      switch result {
      case .failure(let failure): completion(.failure(.store(failure, isWrite: false)))
      case .success(nil): completion(.failure(.unknownReservation))
      case .success(let reservation?): completion(.success(reservation))
      }
    }
  }
}
