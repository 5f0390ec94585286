@testable import Store

/// How nodes reserve in the simulation: they drive the machines of ``Store`` over the simulated network, as repositories do
/// over links.
extension CartWorld {
  enum Answer {
    case held(Int)
    case refused
    case used
    /// Surely nothing has happened.
    case failed
    case unknown
    /// It is in another state.
    case impossible
  }

  struct Request {
    let number: Int
    let fingerprint: Fingerprint
    /// By shard.
    let lines: [Int: [String: Int]]
    let ttl: Int
    var home: Int { lines.keys.min()! }
    var parts: Set<Int> { Set(lines.keys).subtracting([home]) }
  }

  static let effect = 1400
  private static let lastEffect = 1750

  // MARK: - Reserve

  func reserve(_ request: Request, key: Int?, at node: Int, answer: @escaping (Answer) -> Void) {
    let attempt = Attempt(
      request: request, id: idFor(request, key), key: key, node: node, began: now, answer: answer)
    guard let key, keyShard(key) != request.home else { return hold(attempt, nil) }
    claim(attempt, attempt.makeClaim(keyShard: keyShard(key), nonce: newNonce()))
  }

  private func keyShard(_ key: Int) -> Int { key % servers.count }

  private func idFor(_ request: Request, _ key: Int?) -> Int {
    let id = newID(home: request.home)
    record.requests[id] = (key, request.number)
    record.lines[id] = request.lines
    return id
  }

  /// One try of one request at one node.
  private final class Attempt {
    let request: Request
    var id: Int
    let key: Int?
    let node: Int
    let began: Int
    let answer: (Answer) -> Void
    var claims: KeyClaim?
    var cart: CartReservation?
    /// What home has found under the key.
    var inTheWay: ModelShard.KeyedAnswer?

    init(request: Request, id: Int, key: Int?, node: Int, began: Int, answer: @escaping (Answer) -> Void) {
      (self.request, self.id, self.key, self.node) = (request, id, key, node)
      (self.began, self.answer) = (began, answer)
    }

    func makeClaim(keyShard shard: Int, nonce: UInt64) -> KeyClaim {
      KeyClaim(
        KeyClaim.Claim(fingerprint: request.fingerprint, home: Shard(number: request.home), nonce: nonce),
        keyShard: Shard(number: shard))
    }

    func modelKey(_ claim: KeyClaim.Claim?) -> ModelShard.Key? {
      key.map { ModelShard.Key(key: $0, fingerprint: request.fingerprint, nonce: claim?.nonce) }
    }
  }

  private func rest(_ attempt: Attempt, until bound: Int = CartWorld.effect) -> Int {
    max(0, attempt.began + bound - now)
  }

  private func claim(_ attempt: Attempt, _ machine: KeyClaim) {
    attempt.claims = machine
    perform(attempt, machine.begin())
  }

  private func perform(_ attempt: Attempt, _ actions: [KeyClaim.Action]) {
    guard let key = attempt.key else { return }
    let (shard, node) = (keyShard(key), attempt.node)
    for action in actions {
      switch action {
      case .claim(let claim, let old):
        call(from: node, shard: shard, within: rest(attempt)) { shard, _ in
          shard.claim(key, claim, replacing: old)
        } answer: { [unowned self] reply in
          perform(attempt, attempt.claims!.found(reply.value))
        }
      case .void(let claim):
        call(from: node, shard: claim.home.number, within: rest(attempt)) { [mistake] shard, _ in
          shard.void(key, claim, mistake: mistake)
        } answer: { [unowned self] reply in
          perform(attempt, attempt.claims!.voided(wasAnswered: reply.value))
        }
      case .finish(.claimed(let claim)): hold(attempt, claim)
      case .finish(.used):
        record.used.append((key, attempt.request.number))
        attempt.answer(.used)
      case .finish(.contended):
        record.tally.contended += 1
        attempt.answer(.failed)
      case .finish(.failed): attempt.answer(.failed)
      }
    }
  }

  /// Holds all lines, now that the key is claimed.
  private func hold(_ attempt: Attempt, _ claim: KeyClaim.Claim?) {
    let request = attempt.request
    guard !request.parts.isEmpty else { return commit(attempt, claim) { [unowned self] in finish(attempt, claim, $0) } }
    // What was put back under the last one is not held again.
    if attempt.cart != nil { attempt.id = idFor(request, attempt.key) }
    let cart = CartReservation(
      parts: request.parts.sorted().map { Shard(number: $0) }, isKeyed: attempt.key != nil)
    attempt.cart = cart
    record.tally.carts += 1
    perform(attempt, claim, cart.begin())
    if mistake == .commitsEarly { commit(attempt, claim) { _ in } }
  }

  private func perform(_ attempt: Attempt, _ claim: KeyClaim.Claim?, _ actions: [CartReservation.Action]) {
    let (id, request, node) = (attempt.id, attempt.request, attempt.node)
    for action in actions {
      switch action {
      case .hold(let shard):
        call(from: node, shard: shard.number, within: rest(attempt), doubled: true) { model, now in
          model.hold(id, request.lines[shard.number]!, now: now)
        } answer: { [unowned self] reply in
          let answer: CartReservation.PartAnswer =
            switch reply {
            case .done(let answer): answer
            case .late: .failed
            case .lost: .unknown
            }
          perform(attempt, claim, attempt.cart!.part(shard, answer))
        }
      case .drop(let shard):
        call(from: node, shard: shard.number, within: 1000, doubled: true) { model, now in
          model.drop(id, now: now)
        } answer: { _ in
        }
      case .judge:
        call(from: node, shard: request.home, within: rest(attempt)) { model, now -> ModelShard.KeyedAnswer in
          model.prior(attempt.modelKey(claim)) ?? model.shortage(request.lines[request.home]!, now: now).map {
            .refused($0)
          } ?? .impossible
        } answer: { [unowned self] reply in
          let answer: CartReservation.HomeAnswer =
            switch reply.value {
            case .refused(let why)?: .refused(why)
            case .impossible?: .held(until: 0)
            case nil: .unknown
            case let other?: keyed(attempt, claim, other)
            }
          perform(attempt, claim, attempt.cart!.home(answer))
        }
      case .commit:
        commit(attempt, claim) { [unowned self] answer in
          if mistake == .dropsWhatMayBeHeld, answer == .unknown {
            return perform(attempt, claim, attempt.cart!.home(.failed))
          }
          perform(attempt, claim, attempt.cart!.home(answer))
        }
      case .finish(let outcome):
        finish(attempt, claim, CartReservation.HomeAnswer(outcome))
      }
    }
  }

  /// What stands under the key, and is in the way, tells the answer.
  private func keyed(
    _ attempt: Attempt, _ claim: KeyClaim.Claim?, _ answer: ModelShard.KeyedAnswer
  ) -> CartReservation.HomeAnswer {
    // An attempt whose answer was lost has made it.
    if case .prior(let id) = answer, id == attempt.id, mistake != .takesItselfForAnother { return .held(until: 0) }
    attempt.inTheWay = answer
    return .prior
  }

  /// Writes the reservation at home as ``KeyedWriter`` does: a keyed one is repeated once, and no refusal is told while
  /// an attempt may still succeed behind it.
  private func commit(
    _ attempt: Attempt, _ claim: KeyClaim.Claim?, answer: @escaping (CartReservation.HomeAnswer) -> Void
  ) {
    let request = attempt.request
    func send(
      _ within: Int, _ then: @escaping (Reply<ModelShard.KeyedAnswer>) -> Void
    ) {
      call(from: attempt.node, shard: request.home, within: within) { [mistake] model, now in
        model.commit(
          attempt.id, request.lines[request.home]!, parts: request.parts, ttl: request.ttl,
          key: attempt.modelKey(claim), now: now, mistake: mistake)
      } answer: {
        then($0)
      }
    }
    let settled = attempt.began + Self.effect
    func told(_ reply: ModelShard.KeyedAnswer) -> CartReservation.HomeAnswer {
      switch reply {
      case .done(let record):
        if case .active(let deadline) = record.status { .held(until: Int64(deadline)) } else { .failed }
      case .refused(let why): .refused(why)
      // It never came to be, nor will.
      case .impossible: .failed
      default: keyed(attempt, claim, reply)
      }
    }
    func isRefusal(_ answer: CartReservation.HomeAnswer) -> Bool {
      switch answer {
      case .refused, .failed: true
      default: false
      }
    }
    func lastWord() {
      later(max(0, settled + 5 - now), at: attempt.node) { [unowned self] in
        send(rest(attempt, until: Self.lastEffect)) { [unowned self] reply in
          guard let value = reply.value else {
            if case .late = reply { return answer(.unknown) }
            return later(max(0, attempt.began + Self.lastEffect + 5 - now), at: attempt.node) { answer(.unknown) }
          }
          answer(told(value))
        }
      }
    }
    send(rest(attempt)) { [unowned self] first in
      switch first {
      case .done(let reply): answer(told(reply))
      case .late: answer(.failed)
      case .lost where attempt.key == nil:
        later(max(0, settled + 5 - now), at: attempt.node) { answer(.unknown) }
      case .lost:
        send(rest(attempt)) { second in
          guard let reply = second.value else { return lastWord() }
          let result = told(reply)
          isRefusal(result) ? lastWord() : answer(result)
        }
      }
    }
  }

  private func finish(_ attempt: Attempt, _ claim: KeyClaim.Claim?, _ outcome: CartReservation.HomeAnswer) {
    let request = attempt.request
    switch outcome {
    case .held:
      attempt.answer(.held(attempt.id))
      follow(attempt.id, .held(milliseconds: Int64(request.ttl)), from: attempt.node)
    case .prior:
      switch attempt.inTheWay {
      case .prior(let id)?: attempt.answer(.held(id))
      case .used?:
        record.used.append((attempt.key!, attempt.request.number))
        attempt.answer(.used)
      case .void?:
        perform(attempt, attempt.claims!.lost(claim!, nonce: newNonce()))
      case .claimedBy(let other)?:
        // Home is where the key is.
        if attempt.claims == nil {
          attempt.claims = attempt.makeClaim(keyShard: keyShard(attempt.key!), nonce: newNonce())
        }
        perform(attempt, attempt.claims!.met(other))
      default: attempt.answer(.failed)
      }
    case .refused:
      record.tally.refused += 1
      attempt.answer(.refused)
    case .failed: attempt.answer(.failed)
    case .unknown:
      record.tally.unknown += 1
      attempt.answer(.unknown)
    }
  }
}

extension CartWorld.Reply {
  var value: Answer? { if case .done(let answer) = self { answer } else { nil } }
}

extension CartReservation.HomeAnswer {
  init(_ outcome: CartReservation.Outcome) {
    switch outcome {
    case .held(let instant): self = .held(until: instant)
    case .prior: self = .prior
    case .refused(let why): self = .refused(why)
    case .failed: self = .failed
    case .unknown: self = .unknown
    }
  }
}
