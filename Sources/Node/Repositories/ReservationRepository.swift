import Common
import NIOCore

/// Reservations in the store: which script does what, and what its reply means.
///
/// Lives on the event loop of its link; completions are called there.
final class ReservationRepository {
  private let scripts: ScriptLibrary
  private let runner: ScriptRunner
  private let writer: KeyedWriter
  private var random = RandomPool()

  init(scripts: ScriptLibrary, runner: ScriptRunner, writer: KeyedWriter) {
    self.scripts = scripts
    self.runner = runner
    self.writer = writer
  }

  /// A write with its key, if it has one.
  struct Write {
    var key: IdempotencyKey?
    var fingerprint: Fingerprint?
    var arrival: NIODeadline
  }

  enum ReserveOutcome: Equatable {
    case held(Reservation, isReplay: Bool)
    case keyReused
    case unknown([SKU])
    case short([Shortage], now: Int64)
    case due([SKU])
  }

  /// Holds `lines` under a new id, all or nothing.
  func reserve(
    _ lines: [ReservationLine], labels: ByteBuffer, ttlSeconds: Int, write: Write,
    completion: @escaping (Result<ReserveOutcome, RedisFailure>) -> Void
  ) {
    let id = ReservationID(random: &random)
    var arguments = RedisArguments()
    arguments.append(id.text)
    arguments.append(ttlSeconds)
    arguments.append(StoredReservation.tail(lines: lines, labels: labels).readableBytesView)
    arguments.append(write.key?.recordName ?? "")
    // The rest of the answer comes with the request again.
    arguments.append(write.fingerprint.map { IdempotencyRecord.head($0) + id.text + " " } ?? "")
    for line in lines {
      arguments.append(line.sku.text)
      arguments.append(line.quantity)
    }
    let fresh = Reservation(
      id: id, status: .active, lines: lines, labels: labels, createdAt: 0, expiresAt: 0, endedAt: nil)
    run(scripts.reserve, arguments, write, completion) { reply in
      var words = reply.rest
      switch reply.verdict {
      case .ok: return words.nextInteger().map { .held(fresh.held(from: reply.time, to: Int64($0)), isReplay: false) }
      case .prior: return Self.replayed(reply, fresh, write)
      case .unknownSKU: return .unknown(words.skus())
      case .due: return .due(words.skus())
      case .short: return .short(words.shortages(of: lines), now: reply.time)
      default: return nil
      }
    }
  }

  enum CheckoutOutcome: Equatable {
    case done(Reservation, isReplay: Bool)
    case keyReused
    case gone
    /// It is in a state that does not allow what was asked.
    case refused(Reservation.Status)
    case holdLimit
  }

  enum CheckoutStep {
    case confirm
    case cancel
    case extend(ttlSeconds: Int)
  }

  /// Confirms, cancels or extends a reservation.
  func checkOut(
    _ step: CheckoutStep, _ id: ReservationID, write: Write,
    completion: @escaping (Result<CheckoutOutcome, RedisFailure>) -> Void
  ) {
    var arguments = RedisArguments()
    arguments.append(id.text)
    arguments.append(write.key?.recordName ?? "")
    arguments.append(write.fingerprint.map(IdempotencyRecord.head) ?? "")
    let script: Script
    switch step {
    case .confirm: script = scripts.confirm
    case .cancel: script = scripts.cancel
    case .extend(let ttlSeconds):
      script = scripts.extend
      arguments.append(ttlSeconds)
    }
    run(script, arguments, write, completion) { reply in
      switch reply.verdict {
      case .ok:
        return (try? StoredReservation.read(reply.rest.remainder, id: id, now: reply.time))
          .map { .done($0, isReplay: false) }
      case .prior:
        guard let fingerprint = write.fingerprint,
          let answer = IdempotencyRecord.answer(in: reply.rest.remainder, for: fingerprint)
        else { return .keyReused }
        // As of the beginning of time: a replay tells what was so then.
        return (try? StoredReservation.read(answer, id: id, now: 0)).map { .done($0, isReplay: true) }
      case .gone: return .gone
      case .expired: return .refused(.expired)
      case .cancelled: return .refused(.cancelled)
      case .confirmed: return .refused(.confirmed)
      case .holdLimit: return .holdLimit
      default: return nil
      }
    }
  }

  /// The reservation, or nil if there is none of that id.
  func read(
    _ id: ReservationID, deadline: NIODeadline, completion: @escaping (Result<Reservation?, RedisFailure>) -> Void
  ) {
    runner.read(scripts.readReservation, RedisArguments(id.text), deadline: deadline) { result in
      completion(
        result.decoded { reply in
          switch reply.verdict {
          case .gone: .some(nil)
          case .ok: try? StoredReservation.read(reply.rest.remainder, id: id, now: reply.time)
          default: nil
          }
        })
    }
  }

  private func run<Outcome>(
    _ script: Script, _ arguments: RedisArguments, _ write: Write,
    _ completion: @escaping (Result<Outcome, RedisFailure>) -> Void, decode: @escaping (ScriptReply) -> Outcome?
  ) {
    writer.run(script, arguments, record: write.key?.recordName, arrival: write.arrival) { result in
      completion(result.decoded(decode))
    }
  }

  private static func replayed(_ reply: ScriptReply, _ fresh: Reservation, _ write: Write) -> ReserveOutcome? {
    guard let fingerprint = write.fingerprint,
      let answer = IdempotencyRecord.answer(in: reply.rest.remainder, for: fingerprint)
    else { return .keyReused }
    var words = Words(answer)
    guard let id = words.nextText().flatMap(ReservationID.init), let createdAt = words.nextInteger(),
      let expiresAt = words.nextInteger()
    else { return nil }
    var first = fresh.held(from: Int64(createdAt), to: Int64(expiresAt))
    first.id = id
    return .held(first, isReplay: true)
  }
}

extension Result where Success == ScriptReply, Failure == RedisFailure {
  /// What the reply means; one that means nothing is a defect, told as such.
  func decoded<Outcome>(_ decode: (ScriptReply) -> Outcome?) -> Result<Outcome, RedisFailure> {
    flatMap { reply in
      guard let outcome = decode(reply) else {
        return .failure(.rejected(.other("a reply that can't be read: \(reply.verdict.rawValue)")))
      }
      return .success(outcome)
    }
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

extension Words {
  mutating func skus() -> [SKU] {
    var skus: [SKU] = []
    while let sku = next() { skus.append(SKU(stored: sku)) }
    return skus
  }

  /// An instant in epoch milliseconds, or `-` for none.
  mutating func nextInstant() -> Int64? { nextInteger().map(Int64.init) }

  fileprivate mutating func shortages(of lines: [ReservationLine]) -> [Shortage] {
    var shortages: [Shortage] = []
    while let name = next() {
      let sku = SKU(stored: name)
      guard let available = nextInteger(), let reserved = nextInteger() else { break }
      shortages.append(
        Shortage(
          sku: sku, requested: lines.first { $0.sku == sku }?.quantity ?? 0, available: available, reserved: reserved,
          nextReleaseAt: nextInstant()))
    }
    return shortages
  }
}
