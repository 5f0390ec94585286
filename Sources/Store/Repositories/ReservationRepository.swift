import Common
import NIOCore
import RedisClient

/// Reservations in the store: which script does what, and what its reply means.
///
/// Lives on the event loop of its link; completions are called there.
package final class ReservationRepository {
  package typealias Completion<Outcome> = (Result<Outcome, StoreFailure>) -> Void

  private let scripts: ScriptLibrary
  private let caller: StoreCaller
  private let writer: KeyedWriter
  private var random = RandomPool()

  init(scripts: ScriptLibrary, caller: StoreCaller, writer: KeyedWriter) {
    self.scripts = scripts
    self.caller = caller
    self.writer = writer
  }

  package enum ReserveOutcome: Equatable {
    case held(Reservation, isReplay: Bool)
    /// The key was used for another request.
    case keyReused
    case unknown([SKU])
    /// `now` is Redis's clock, in epoch milliseconds.
    case short([Shortage], now: Int64)
    /// Holds of these have expired, and must be released first.
    case due([SKU])
  }

  /// What the home of a cart of several shards has answered.
  enum CommitOutcome: Equatable {
    case answered(ReserveOutcome)
    /// The cart was made impossible before it could be held.
    case void
    /// It was only asked, and nothing is in its way.
    case free(now: Int64)
  }

  /// An id that no reservation has had, of this home.
  func newID() -> ReservationID {
    scripts.shards.count == 1 ? ReservationID(random: &random) : ReservationID(random: &random, home: scripts.shard)
  }

  /// Holds `lines` under a new id, all or nothing. It takes effect once for a key. A failure that is
  /// ``RedisFailure/unknown(_:)`` may have taken effect; no other has.
  package func reserve(
    _ lines: [ReservationLine], labels: Labels, ttlSeconds: Int, write: Write,
    completion: @escaping Completion<ReserveOutcome>
  ) {
    assert((1...Limits.maxTTLSeconds).contains(ttlSeconds), "a hold of another length would be taken for damage")
    let id = newID()
    run(scripts.reserve, arguments(id, lines, [], labels, ttlSeconds, write), write, completion) {
      [self] reply throws(StoreDamage) in try decode(reply, id, lines, lines, labels, write)
    }
  }

  /// Holds what this shard has of a cart, and writes it with what is held `elsewhere` already.
  ///
  /// - Parameter ttlSeconds: nil: only look whether anything is in its way.
  func commit(
    _ id: ReservationID, _ lines: [ReservationLine], elsewhere: [ReservationLine], labels: Labels, ttlSeconds: Int?,
    write: Write, completion: @escaping Completion<CommitOutcome>
  ) {
    let all = (lines + elsewhere).sorted { $0.sku < $1.sku }
    run(scripts.commit, arguments(id, lines, elsewhere, labels, ttlSeconds ?? 0, write), write, completion) {
      [self] reply throws(StoreDamage) in
      switch reply.verdict {
      case .void: .void
      case .free: .free(now: reply.time)
      default: try decode(reply, id, lines, all, labels, write).map { .answered($0) }
      }
    }
  }

  private func arguments(
    _ id: ReservationID, _ lines: [ReservationLine], _ elsewhere: [ReservationLine], _ labels: Labels,
    _ ttlSeconds: Int, _ write: Write
  ) -> RedisArguments {
    assert(lines.allSatisfy { (1...Limits.maxQuantity).contains($0.quantity) }, "a hold of more would be damage")
    var arguments = RedisArguments()
    arguments.append(id.text)
    arguments.append(ttlSeconds)
    arguments.append(StoredReservation.tail(lines: lines, elsewhere: elsewhere, labels: labels))
    arguments.append(scripts.keys.record(of: write) ?? "")
    // The rest of the answer comes with the request again.
    arguments.append(write.key == nil ? "" : write.recordHead + RecordedAnswer.Hold.opening(id))
    arguments.append(lines)
    return arguments
  }

  /// - Parameter all: the lines of the reservation, of which `lines` were judged here.
  private func decode(
    _ reply: StoreReply<ReserveVerdict>, _ id: ReservationID, _ lines: [ReservationLine], _ all: [ReservationLine],
    _ labels: Labels, _ write: Write
  ) throws(StoreDamage) -> ReserveOutcome? {
    let fresh = Reservation(
      id: id, status: .active, lines: all, labels: labels, createdAt: 0, expiresAt: 0, endedAt: nil)
    var tokens = reply.rest
    switch reply.verdict {
    case .ok: return tokens.nextInstant().map { .held(fresh.held(from: reply.time, to: $0), isReplay: false) }
    case .prior: return try replayed(reply, fresh, write)
    case .unknownSKU: return .unknown(tokens.skus())
    case .due: return .due(tokens.skus())
    case .short: return .short(tokens.shortages(of: lines), now: reply.time)
    // Only a cart of several shards is answered so.
    case .void, .free: return nil
    }
  }

  package enum CheckoutOutcome: Equatable {
    case done(Reservation, isReplay: Bool)
    case keyReused
    case gone
    /// It is in a state that does not allow what was asked.
    case refused(Reservation.Status)
    case holdLimit
  }

  package enum CheckoutStep {
    case confirm
    case cancel
    case extend(ttlSeconds: Int)

    /// Whether it can have been answered with a reservation in this state.
    fileprivate func leads(to status: Reservation.Status) -> Bool {
      switch self {
      case .confirm: status == .confirmed
      case .cancel: status == .cancelled || status == .expired
      case .extend: status == .active
      }
    }
  }

  /// Confirms, cancels or extends a reservation. Effect and failures are as of a reserve.
  package func checkOut(
    _ step: CheckoutStep, _ id: ReservationID, write: Write, completion: @escaping Completion<CheckoutOutcome>
  ) {
    var arguments = RedisArguments()
    arguments.append(id.text)
    arguments.append(scripts.keys.record(of: write) ?? "")
    arguments.append(write.recordHead)
    switch step {
    case .confirm:
      run(scripts.confirm, arguments, write, completion) { [self] reply throws(StoreDamage) in
        switch reply.verdict {
        case .ok: return done(reply, id)
        case .prior: return try replayed(reply, step, id, write)
        case .gone: return .gone
        case .expired: return .refused(.expired)
        case .cancelled: return .refused(.cancelled)
        }
      }
    case .cancel:
      run(scripts.cancel, arguments, write, completion) { [self] reply throws(StoreDamage) in
        switch reply.verdict {
        case .ok: return done(reply, id)
        case .prior: return try replayed(reply, step, id, write)
        case .gone: return .gone
        case .confirmed: return .refused(.confirmed)
        }
      }
    case .extend(let ttlSeconds):
      arguments.append(ttlSeconds)
      run(scripts.extend, arguments, write, completion) { [self] reply throws(StoreDamage) in
        switch reply.verdict {
        case .ok: return done(reply, id)
        case .prior: return try replayed(reply, step, id, write)
        case .gone: return .gone
        case .expired: return .refused(.expired)
        case .cancelled: return .refused(.cancelled)
        case .confirmed: return .refused(.confirmed)
        case .holdLimit: return .holdLimit
        }
      }
    }
  }

  /// Reads a reservation; nil if there is none of that id. It has no effect, and fails if Redis does not answer before
  /// `deadline`.
  package func read(_ id: ReservationID, deadline: NIODeadline, completion: @escaping Completion<Reservation?>) {
    caller.read(scripts.readReservation, RedisArguments(id.text), deadline: deadline, completion: completion) {
      [self] reply throws(StoreDamage) -> Reservation?? in
      switch reply.verdict {
      case .gone: return .some(nil)
      case .ok:
        // Told by its key: what stands in it may be a customer's.
        guard let reservation = try? StoredReservation.read(reply.rest.remainder, id: id, now: reply.time) else {
          throw StoreDamage(key: scripts.keys.reservation + id.text)
        }
        return reservation
      }
    }
  }

  /// Tells why nothing was done about a write; or that its outcome is unknown, while an earlier attempt may still succeed.
  func tellUnlessInDoubt<Outcome>(_ write: Write, _ failure: StoreFailure, _ completion: @escaping Completion<Outcome>)
  {
    writer.tellUnlessInDoubt(scripts.keys.record(of: write), arrival: write.arrival, failure, completion)
  }

  /// The name of a key's record here.
  func name(of key: IdempotencyKey) -> String { scripts.keys.record(of: key) }

  private func run<Verdict: KeyedVerdict, Outcome>(
    _ script: StoreScript<Verdict>, _ arguments: RedisArguments, _ write: Write,
    _ completion: @escaping Completion<Outcome>,
    decode: @escaping (StoreReply<Verdict>) throws(StoreDamage) -> Outcome?
  ) {
    writer.run(
      script, arguments, record: scripts.keys.record(of: write), arrival: write.arrival,
      onlyReplays: write.onlyReplays, completion: completion, decode: decode)
  }

  private func replayed(
    _ reply: StoreReply<ReserveVerdict>, _ fresh: Reservation, _ write: Write
  ) throws(StoreDamage) -> ReserveOutcome {
    guard let answer = try scripts.keys.prior(reply, write) else { return .keyReused }
    guard let recorded = RecordedAnswer.Hold(answer), reply.isCredible(recorded.createdAt) else {
      throw scripts.keys.damagedRecord(of: write)
    }
    var first = fresh.held(from: recorded.createdAt, to: recorded.expiresAt)
    first.id = recorded.id
    return .held(first, isReplay: true)
  }

  /// Nil: the script that has just judged the record gave one that can't be read. That is a defect, told as such.
  private func done(_ reply: StoreReply<some KeyedVerdict>, _ id: ReservationID) -> CheckoutOutcome? {
    (try? StoredReservation.read(reply.rest.remainder, id: id, now: reply.time)).map { .done($0, isReplay: false) }
  }

  private func replayed(
    _ reply: StoreReply<some KeyedVerdict>, _ step: CheckoutStep, _ id: ReservationID, _ write: Write
  ) throws(StoreDamage) -> CheckoutOutcome {
    guard let answer = try scripts.keys.prior(reply, write) else { return .keyReused }
    // As of the beginning of time: a replay tells what was so then.
    guard let reservation = try? StoredReservation.read(answer, id: id, now: 0), step.leads(to: reservation.status),
      reply.isCredible(reservation.createdAt), reservation.endedAt.map(reply.isCredible) ?? true
    else { throw scripts.keys.damagedRecord(of: write) }
    return .done(reservation, isReplay: true)
  }
}

extension Reservation {
  fileprivate func held(from createdAt: Int64, to expiresAt: Int64) -> Reservation {
    var held = self
    held.createdAt = createdAt
    held.expiresAt = expiresAt
    return held
  }
}
