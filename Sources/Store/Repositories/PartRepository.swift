import NIOCore
import RedisClient

/// Parts of carts on this shard, and what it knows, as their home, of the carts of others: which script does what, and
/// what its reply means.
///
/// Lives on the event loop of its link; completions are called there. Every success is told when the replicas that are
/// awaited have it.
final class PartRepository {
  typealias Completion<Outcome> = (Result<Outcome, StoreFailure>) -> Void

  /// A part of which nothing more is heard asks its home after so long. Nothing but speed depends on it.
  private static let provisionalMilliseconds = 5000
  /// Steps that nobody waits for have no effect, and no answer, after this.
  static let limit = TimeAmount.milliseconds(400)

  private let scripts: ScriptLibrary
  private let caller: StoreCaller

  init(scripts: ScriptLibrary, caller: StoreCaller) { (self.scripts, self.caller) = (scripts, caller) }

  enum HoldOutcome: Equatable {
    case held
    case refused(CartRefusal)
    /// It has ended before.
    case void
  }

  /// Holds these lines of a cart for a moment.
  func hold(
    _ lines: [ReservationLine], of id: ReservationID, home: Shard, arrival: NIODeadline,
    completion: @escaping Completion<HoldOutcome>
  ) {
    var arguments = RedisArguments(id.text)
    arguments.append(Self.provisionalMilliseconds)
    arguments.append(StoredReservation.partTail(lines: lines, home: home))
    arguments.append(lines)
    let call = StoreCall(
      script: scripts.holdPart, arguments: arguments, effectBefore: arrival + Budget.effect,
      deadline: arrival + Budget.reply)
    run(call, completion) { reply in
      var tokens = reply.rest
      switch reply.verdict {
      case .ok: return .held
      case .void: return .void
      case .unknownSKU: return .refused(CartRefusal(unknown: tokens.skus()))
      case .due: return .refused(CartRefusal(due: tokens.skus()))
      case .short: return .refused(CartRefusal(shortages: tokens.shortages(of: lines)))
      }
    }
  }

  /// Brings a part to where its home stands.
  ///
  /// - Parameter lines: what the part is of, for one that is lost; empty if that is not known.
  func settle(
    _ id: ReservationID, _ standing: PartSettlement.Standing, lines: [ReservationLine], home: Shard,
    completion: @escaping Completion<Void>
  ) {
    var arguments = RedisArguments(id.text)
    switch standing {
    case .held(let milliseconds):
      arguments.append("HELD")
      arguments.append(Int(milliseconds))
    case .confirmed(let instant):
      arguments.append("CONFIRMED")
      arguments.append(Int(instant))
    case .ended(let instant):
      arguments.append("EXPIRED")
      arguments.append(Int(instant))
    case .void:
      arguments.append("VOID")
      arguments.append("")
    }
    if !lines.isEmpty {
      arguments.append(StoredReservation.partTail(lines: lines, home: home))
      arguments.append(lines)
    }
    run(briefly(scripts.settle, arguments), completion) { [self] reply in
      switch reply.verdict {
      case .ok: break
      // A lost server's, and no waiting would mend it. The audit tells what is missing.
      case .conflict: caller.alarm.damaged([StoreDamage(key: scripts.keys.reservation + id.text)])
      }
      return ()
    }
  }

  struct Home: Equatable {
    var standing: PartSettlement.Standing
    /// All of the cart; empty if there is none.
    var lines: [ReservationLine]
  }

  /// Where a cart of this home stands. One that never came to be never will, and one that is overdue expires.
  func standing(_ id: ReservationID, completion: @escaping Completion<Home>) {
    run(briefly(scripts.standing, RedisArguments(id.text)), completion) { [self] reply throws(StoreDamage) in
      switch reply.verdict {
      case .void: return Home(standing: .void, lines: [])
      case .ok:
        guard let cart = try? StoredReservation.read(reply.rest.remainder, id: id, now: reply.time),
          let standing = PartSettlement.Standing(cart, now: reply.time)
        else { throw StoreDamage(key: scripts.keys.reservation + id.text) }
        return Home(standing: standing, lines: cart.lines)
      }
    }
  }

  /// All parts have followed to this end.
  func acknowledge(
    _ id: ReservationID, _ end: PartSettlement.Standing, completion: @escaping Completion<Bool>
  ) {
    var arguments = RedisArguments(id.text)
    switch end {
    case .held: preconditionFailure("only an end is remembered until it is acknowledged")
    case .confirmed: arguments.append("sold")
    case .ended: arguments.append("back")
    case .void: arguments.append("void")
    }
    caller.run(briefly(scripts.acknowledge, arguments), completion: completion) { reply in
      switch reply.verdict {
      case .ok: true
      case .moved: false
      }
    }
  }

  /// Carts that ended at this home longer than `age` ago, and whose parts may not have followed.
  func unsettled(age: TimeAmount, limit: Int, completion: @escaping Completion<[ReservationID]>) {
    var arguments = RedisArguments()
    arguments.append(Int(age.nanoseconds / 1_000_000))
    arguments.append(limit)
    caller.read(scripts.unsettled, arguments, deadline: caller.now + Self.limit, completion: completion) { reply in
      switch reply.verdict {
      case .ok:
        var tokens = reply.rest
        return tokens.ids()
      }
    }
  }

  private func briefly<Verdict>(_ script: StoreScript<Verdict>, _ arguments: RedisArguments) -> StoreCall<Verdict> {
    let end = caller.now + Self.limit
    return StoreCall(script: script, arguments: arguments, effectBefore: end, deadline: end)
  }

  private func run<Verdict: ReliedUponVerdict, Outcome>(
    _ call: StoreCall<Verdict>, _ completion: @escaping Completion<Outcome>,
    decode: @escaping (StoreReply<Verdict>) throws(StoreDamage) -> Outcome?
  ) {
    caller.runAwaitingReplicas(call) { [caller] result in
      completion(caller.decoded(result, from: call.script, decode))
    }
  }
}

extension PartSettlement.Standing {
  /// Where a cart stands by its record at home; nil for a record that says nothing.
  init?(_ cart: Reservation, now: Int64) {
    switch (cart.status, cart.endedAt) {
    case (.active, _): self = .held(milliseconds: max(0, cart.expiresAt - now))
    case (.confirmed, let instant?): self = .confirmed(at: instant)
    case (.cancelled, let instant?), (.expired, let instant?): self = .ended(at: instant)
    default: return nil
    }
  }
}

extension RedisArguments {
  /// `sku quantity sku quantity…`
  mutating func append(_ lines: [ReservationLine]) {
    for line in lines {
      append(line.sku.text)
      append(line.quantity)
    }
  }
}
