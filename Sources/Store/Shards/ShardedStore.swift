import NIOCore
import RedisClient

/// All shards of the store over links of one event loop, as one store. With one shard each call goes straight to it.
package final class ShardedStore {
  package let map: ShardMap
  package let shards: [StoreSession]
  private var random = SystemRandomNumberGenerator()
  /// Carts whose parts are just brought to where their home stands.
  package private(set) var cartsBeingSettled = 0

  /// - Parameter link: the link to a shard.
  package init(
    scripts: ScriptLibrary, fullness: StoreFullness = StoreFullness(), alarm: StoreAlarm = StoreAlarm(),
    link: (Shard) -> any CommandSender
  ) {
    map = scripts.shards
    shards = map.shards.map {
      StoreSession(scripts: scripts.at($0), link: link($0), fullness: fullness, alarm: alarm)
    }
  }

  /// - Parameter links: the way to the server of each shard.
  package convenience init(
    scripts: ScriptLibrary, links: any LinkSet, fullness: StoreFullness = StoreFullness(),
    alarm: StoreAlarm = StoreAlarm()
  ) {
    self.init(scripts: scripts, fullness: fullness, alarm: alarm) { links.sender(of: scripts.slot(of: $0)) }
  }

  package convenience init(
    scripts: ScriptLibrary, link: any CommandSender, fullness: StoreFullness = StoreFullness(),
    alarm: StoreAlarm = StoreAlarm()
  ) {
    self.init(scripts: scripts, fullness: fullness, alarm: alarm) { _ in link }
  }

  package var reservations: ShardedReservations { ShardedReservations(self) }
  package var stock: ShardedStock { ShardedStock(self) }
  /// Only for links that nothing else uses.
  package var audit: ShardedAudit { ShardedAudit(self) }
  package var sweep: ShardedSweep { ShardedSweep(self) }

  subscript(shard: Shard) -> StoreSession { shards[shard.number] }

  /// Asks all shards at once.
  ///
  /// - Parameter completion: called with the answers of all, in the order of the shards, or with the first failure.
  func askAll<Answer>(
    _ ask: (StoreSession, @escaping (Result<Answer, StoreFailure>) -> Void) -> Void,
    _ completion: @escaping (Result<[Answer], StoreFailure>) -> Void
  ) {
    var answers = [Answer?](repeating: nil, count: shards.count)
    var failure: StoreFailure?
    var left = shards.count
    for (index, shard) in shards.enumerated() {
      ask(shard) { result in
        switch result {
        case .success(let answer): answers[index] = answer
        case .failure(let reason): failure = failure ?? reason
        }
        left -= 1
        if left == 0 { completion(failure.map { .failure($0) } ?? .success(answers.compactMap(\.self))) }
      }
    }
  }

  func newNonce() -> UInt64 { random.next() }

  // MARK: - Keys

  /// Tries a write at its home, behind a claim of its key where that needs one.
  func keyed<Outcome>(
    _ write: Write, at home: Shard, used: Outcome, _ completion: @escaping (Result<Outcome, StoreFailure>) -> Void,
    attempt: @escaping (Write, @escaping (Result<Outcome, StoreFailure>) -> Void) -> Void
  ) {
    guard map.count > 1, let key = write.key, let fingerprint = write.fingerprint else {
      return attempt(write, completion)
    }
    ClaimedWrite(
      self, write, key: key, fingerprint: fingerprint, home: home, used: used, attempt: attempt,
      completion: completion
    ).begin()
  }

  // MARK: - Parts

  /// Home has decided about a cart: its parts follow. What is lost on the way, the sweep makes up for.
  func follow(_ cart: Reservation, _ standing: PartSettlement.Standing) {
    guard let home = map.home(of: cart.id) else { return }
    let parts = Set(map.parts(of: cart.lines).map(\.shard)).subtracting([home])
    guard !parts.isEmpty else { return }
    settle(cart.id, home: home, lines: cart.lines, PartSettlement(standing, parts: parts))
  }

  /// The same where home knows best where it stands.
  func follow(_ cart: Reservation) {
    guard let home = map.home(of: cart.id), map.parts(of: cart.lines).count > 1 else { return }
    settle(cart.id, home: home, PartSettlement())
  }

  /// Parts are due on a shard: each asks its home.
  ///
  /// - Parameter completion: told why the first step failed that did; nil if none did.
  func settle(_ parts: [ReservationID], dueAt shard: Shard, completion: @escaping (StoreFailure?) -> Void) {
    settle(parts, completion) { PartSettlement(dueAt: shard) }
  }

  /// Carts have ended, and their parts may not have followed.
  ///
  /// - Parameter completion: told why the first step failed that did; nil if none did.
  func settle(_ carts: [ReservationID], completion: @escaping (StoreFailure?) -> Void) {
    settle(carts, completion) { PartSettlement() }
  }

  private func settle(
    _ ids: [ReservationID], _ completion: @escaping (StoreFailure?) -> Void, _ machine: () -> PartSettlement
  ) {
    var left = ids.count
    var failure: StoreFailure?
    guard left > 0 else { return completion(nil) }
    for id in ids {
      let done: (StoreFailure?) -> Void = { reason in
        failure = failure ?? reason
        left -= 1
        if left == 0 { completion(failure) }
      }
      // An id that has no home here is damage, which the audit tells.
      if let home = map.home(of: id) { settle(id, home: home, machine(), completion: done) } else { done(nil) }
    }
  }

  private func settle(
    _ id: ReservationID, home: Shard, lines: [ReservationLine] = [], _ machine: PartSettlement,
    completion: @escaping (StoreFailure?) -> Void = { _ in }
  ) {
    cartsBeingSettled += 1
    CartSettling(self, id, home: home, lines: lines, machine) { [self] failure in
      cartsBeingSettled -= 1
      completion(failure)
    }.begin()
  }
}
