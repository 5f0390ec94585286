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
  enum Action: Equatable {
    /// Put this claim where there is nothing, or where the second one still stands.
    case claim(Claim, replacing: Claim?)
    /// Tell whether it was answered at its home; if not, make it void.
    case void(Claim)
    case finish(Outcome)
  }

  enum Outcome: Equatable {
    /// Now the home may be asked, with this claim.
    case claimed(Claim)
    /// The key was used for another request.
    case used
    /// Others claim it too, again and again.
    case contended
    /// It is not known what stands there. Nothing has happened that matters.
    case failed
  }

  /// What came of a claim.
  enum Found: Equatable {
    /// The request has this one now: its own, or that of an earlier attempt.
    case claimed(Claim)
    case anothers(Claim)
    /// A request that is at home where its key is was answered.
    case record
  }

  private enum State: Equatable {
    case claiming
    case voiding(Claim)
    case finished
  }

  private static let maxRounds = 4

  private var own: Claim
  private let keyShard: Shard
  private var state = State.claiming
  private var rounds = 1

  /// - Parameter keyShard: the key's own shard.
  init(_ own: Claim, keyShard: Shard) { (self.own, self.keyShard) = (own, keyShard) }

  func begin() -> [Action] { [.claim(own, replacing: nil)] }

  /// - Parameter found: nil if it is not known.
  mutating func found(_ found: Found?) -> [Action] {
    guard state == .claiming else { return [] }
    switch found {
    case nil: return finish(.failed)
    case .claimed(let claim)?: return finish(.claimed(claim))
    case .record?: return finish(.used)
    // Its home is where its key is: there the claim alone decides.
    case .anothers(let claim)? where claim.home == keyShard: return again(claim)
    case .anothers(let claim)?:
      state = .voiding(claim)
      return [.void(claim)]
    }
  }

  /// Home, where the key has its shard too, says that another request has claimed it.
  mutating func met(_ claim: Claim) -> [Action] {
    state = .claiming
    return found(.anothers(claim))
  }

  /// Whether the other request was answered; nil if that is not known.
  mutating func voided(wasAnswered: Bool?) -> [Action] {
    guard case .voiding(let claim) = state else { return [] }
    guard let wasAnswered else { return finish(.failed) }
    return wasAnswered ? finish(.used) : again(claim)
  }

  /// Home says that this claim, by which it was asked, is void: another request is taking the key over.
  ///
  /// - Parameter nonce: for a claim that is not void.
  mutating func lost(_ claim: Claim, nonce: UInt64) -> [Action] {
    own.nonce = nonce
    return again(claim)
  }

  private mutating func again(_ claim: Claim) -> [Action] {
    guard rounds < Self.maxRounds else { return finish(.contended) }
    rounds += 1
    state = .claiming
    return [.claim(own, replacing: claim)]
  }

  private mutating func finish(_ outcome: Outcome) -> [Action] {
    state = .finished
    return [.finish(outcome)]
  }
}
