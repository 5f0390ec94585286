/// A write with an idempotency key whose home may be another shard than the key's own: claims the key where it must, then
/// lets the write be tried, and begins anew where others have the key. Acts for ``KeyClaim``.
final class ClaimedWrite<Outcome> {
  typealias Completion = (Result<Outcome, StoreFailure>) -> Void

  private let store: ShardedStore
  private let write: Write
  private let key: IdempotencyKey
  private let home: Shard
  private let keyShard: Shard
  private let used: Outcome
  private let attempt: (Write, @escaping Completion) -> Void
  private let completion: Completion
  private var machine: KeyClaim
  private var failure: StoreFailure?

  /// - Parameters:
  ///   - fingerprint: of what is asked for under the key.
  ///   - used: told if the key was used for another request.
  ///   - attempt: tries the write at its home.
  init(
    _ store: ShardedStore, _ write: Write, key: IdempotencyKey, fingerprint: Fingerprint, home: Shard, used: Outcome,
    attempt: @escaping (Write, @escaping Completion) -> Void, completion: @escaping Completion
  ) {
    (self.store, self.write, self.key, self.home, self.used) = (store, write, key, home, used)
    (self.attempt, self.completion) = (attempt, completion)
    keyShard = store.map.home(of: key)
    machine = KeyClaim(
      KeyClaim.Claim(fingerprint: fingerprint, home: home, nonce: store.newNonce()), keyShard: keyShard)
  }

  func begin() {
    if keyShard == home { ask(nil) } else { perform(machine.begin()) }
  }

  private func perform(_ actions: [KeyClaim.Action]) {
    for action in actions {
      switch action {
      case .claim(let claim, let old):
        store[keyShard].claims.claim(key, claim, replacing: old, arrival: write.arrival) { [self] result in
          if case .failure(let refusal) = result, case .redis(.rejected(.unwritable)) = refusal {
            return replay(otherwise: refusal)
          }
          perform(machine.found(known(result)))
        }
      case .void(let claim):
        guard claim.home.number < store.map.count else {
          failure = .damaged(StoreDamage(key: store[keyShard].reservations.name(of: key)))
          return perform(machine.voided(wasAnswered: nil))
        }
        store[claim.home].claims.void(key, claim, arrival: write.arrival) { [self] result in
          perform(machine.voided(wasAnswered: known(result)))
        }
      case .finish(.claimed(let claim)): ask(claim)
      case .finish(.used): completion(.success(used))
      case .finish(.contended): fail(.contended(KeyObstacle(kind: .rivals)))
      case .finish(.failed): fail(failure ?? .redis(.notSent(.offline)))
      }
    }
  }

  private func known<Value>(_ result: Result<Value, StoreFailure>) -> Value? {
    if case .failure(let reason) = result { failure = reason }
    return try? result.get()
  }

  /// Tries the write. It has a claim where its home is not the key's own shard.
  private func ask(_ claim: KeyClaim.Claim?) {
    var write = write
    write.nonce = keyShard == home ? nil : claim?.nonce
    attempt(write) { [self] result in
      guard case .failure(.contended(let obstacle)) = result else { return completion(result) }
      switch (obstacle.kind, claim) {
      case (.claim(let other), _): perform(machine.met(other))
      case (.void, let claim?): perform(machine.lost(claim, nonce: store.newNonce()))
      case (.void, nil), (.rivals, _): completion(result)
      }
    }
  }

  /// The key's shard takes no writes. What was answered before is repeated all the same.
  private func replay(otherwise refusal: StoreFailure) {
    var write = write
    write.onlyReplays = refusal
    attempt(write, completion)
  }

  /// Nothing of what was asked for has happened, unless an earlier attempt of it may still be on its way.
  private func fail(_ failure: StoreFailure) {
    // A claim of which nothing was heard does nothing by itself.
    let harmless: StoreFailure = if case .redis(.unknown) = failure { .redis(.notSent(.late)) } else { failure }
    store[home].reservations.tellUnlessInDoubt(write, harmless, completion)
  }
}
