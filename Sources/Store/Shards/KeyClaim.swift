/// How an idempotency key is kept for one request where another request with the same key may be at home on another
/// shard. Pure, as ``CartReservation``.
///
/// A key has a shard of its own. A request whose home is another one claims the key there first. If it finds the claim
/// of another request, it asks that one's home: was it answered? Then the key is used. If not, home notes that this
/// claim is *void*, so that an attempt of it which is still on its way does nothing; then the claim is taken over. So a
/// key that was refused is free for another request, and two requests of one key are never both acknowledged.
///
/// A request that is at home on the key's own shard needs no claim: its script sees what stands under the key. It begins
/// here only if that is the claim of another one.
struct KeyClaim {
  /// What stands under a key at the key's own shard.
  struct Claim: Equatable {
    var fingerprint: Fingerprint
    /// Where its request is at home.
    var home: Shard
    /// Tells this claim from others of the same request.
    var nonce: UInt64
  }

  enum Action: Equatable {
    /// Put this claim where there is nothing; the answer is what stood there.
    case claim(Claim)
    /// The claim is the request's own, from an earlier attempt: let it live on.
    case prolong(Claim)
    /// Tell whether it was answered at its home; if not, make it void.
    case void(Claim)
    /// Put the second in the place of the first.
    case replace(Claim, with: Claim)
    case finish(Outcome)
  }

  enum Outcome: Equatable {
    /// Now the home may be asked, with this claim.
    case claimed(Claim)
    /// The key was used for another request.
    case used
    /// Others claim it too, again and again.
    case contended
    /// Nothing has happened that matters.
    case failed
  }

  enum Found: Equatable {
    case nothing
    case claim(Claim)
    /// A request that is at home where its key is was answered.
    case record
  }

  private enum State: Equatable {
    case claiming
    case prolonging(Claim)
    case voiding(Claim)
    case replacing
    case finished
  }

  private static let maxRounds = 3

  private var own: Claim
  private let keyShard: Shard
  private var state = State.claiming
  private var rounds = 1

  /// - Parameter keyShard: the key's own shard.
  init(_ own: Claim, keyShard: Shard) { (self.own, self.keyShard) = (own, keyShard) }

  func begin() -> [Action] { [.claim(own)] }

  /// What stood under the key; nil if that is not known.
  mutating func found(_ found: Found?) -> [Action] {
    guard state == .claiming else { return [] }
    switch found {
    case nil: return finish(.failed)
    case .nothing?: return finish(.claimed(own))
    case .record?: return finish(.used)
    case .claim(let claim)? where claim.fingerprint == own.fingerprint:
      state = .prolonging(claim)
      return [.prolong(claim)]
    // Its home is where its key is: there the claim alone decides.
    case .claim(let claim)? where claim.home == keyShard: return replace(claim)
    case .claim(let claim)?:
      state = .voiding(claim)
      return [.void(claim)]
    }
  }

  /// Whether the claim still stood there; nil if that is not known.
  mutating func prolonged(_ isThere: Bool?) -> [Action] {
    guard case .prolonging(let claim) = state else { return [] }
    guard let isThere else { return finish(.failed) }
    return isThere ? finish(.claimed(claim)) : again()
  }

  /// Whether the other request was answered; nil if that is not known.
  mutating func voided(wasAnswered: Bool?) -> [Action] {
    guard case .voiding(let claim) = state else { return [] }
    guard let wasAnswered else { return finish(.failed) }
    return wasAnswered ? finish(.used) : replace(claim)
  }

  /// Whether the other's claim still stood there; nil if that is not known.
  mutating func replaced(_ wasThere: Bool?) -> [Action] {
    guard state == .replacing else { return [] }
    guard let wasThere else { return finish(.failed) }
    return wasThere ? finish(.claimed(own)) : again()
  }

  /// Home says that this claim, by which it was asked, is void: another request is taking the key over.
  ///
  /// - Parameter nonce: for a claim that is not void.
  mutating func lost(_ claim: Claim, nonce: UInt64) -> [Action] {
    guard rounds < Self.maxRounds else { return finish(.contended) }
    rounds += 1
    own.nonce = nonce
    return replace(claim)
  }

  private mutating func replace(_ claim: Claim) -> [Action] {
    state = .replacing
    return [.replace(claim, with: own)]
  }

  private mutating func again() -> [Action] {
    guard rounds < Self.maxRounds else { return finish(.contended) }
    rounds += 1
    state = .claiming
    return begin()
  }

  private mutating func finish(_ outcome: Outcome) -> [Action] {
    state = .finished
    return [.finish(outcome)]
  }
}
