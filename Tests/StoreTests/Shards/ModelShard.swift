@testable import Store

/// What one shard holds, and what its scripts do with it, each at one instant of the shard's own clock. A value: so a
/// failover that loses the last writes is an older one in its place.
struct ModelShard {
  struct Stock: Equatable {
    var total: Int
    var available: Int
    var sold = 0
  }

  enum Status: Equatable {
    case active(until: Int)
    case confirmed(at: Int)
    case ended(at: Int)
    /// It never came to be.
    case void
  }

  struct Record: Equatable {
    var status: Status
    /// Lines of this shard.
    var lines: [String: Int]
    /// Shards that hold parts of it; empty for a part.
    var parts: Set<Int> = []
  }

  enum Entry: Equatable {
    case record(Fingerprint, id: Int)
    case claim(KeyClaim.Claim)
    /// Claims that will not succeed any more.
    case void(nonces: Set<UInt64>)
  }

  /// The key of a request whose home this is.
  struct Key {
    var key: Int
    var fingerprint: Fingerprint
    /// Of the claim; nil where the key is at home here, too.
    var nonce: UInt64?
  }

  let number: Int
  var stock: [String: Stock]
  var records: [Int: Record] = [:]
  /// Under idempotency keys.
  var entries: [Int: Entry] = [:]
  /// Carts that are decided here, and whose parts may lag behind.
  var unsettled: Set<Int> = []
  /// Sales and holds that could not be carried out, since what they were of is gone.
  var conflicts = 0

  /// A part that home has not spoken of is held for so long. Nothing but speed depends on it.
  let provisional: Int

  // MARK: - Lines

  func shortage(_ lines: [String: Int], now: Int) -> CartRefusal? {
    var refusal = CartRefusal()
    for (name, quantity) in lines.sorted(by: { $0.key < $1.key }) {
      guard let sku = SKU(name), let stock = stock[name] else { continue }
      if stock.available < quantity {
        let isDue = records.values.contains { record in
          if case .active(let deadline) = record.status { deadline <= now && record.lines[name] != nil } else { false }
        }
        if isDue {
          refusal.due.append(sku)
        } else {
          refusal.shortages.append(
            Shortage(
              sku: sku, requested: quantity, available: stock.available, reserved: 0, nextReleaseAt: nil))
        }
      }
    }
    return refusal.isEmpty ? nil : refusal
  }

  private mutating func take(_ lines: [String: Int]) {
    for (sku, quantity) in lines { stock[sku]?.available -= quantity }
  }

  private mutating func putBack(_ lines: [String: Int]) {
    for (sku, quantity) in lines { stock[sku]?.available += quantity }
  }

  private mutating func sell(_ lines: [String: Int]) {
    for (sku, quantity) in lines { stock[sku]?.sold += quantity }
  }

  // MARK: - Parts

  mutating func hold(_ id: Int, _ lines: [String: Int], now: Int) -> CartReservation.PartAnswer {
    if let record = records[id] {
      if case .active = record.status { return .held }
      return .failed
    }
    if let refusal = shortage(lines, now: now) { return .refused(refusal) }
    take(lines)
    records[id] = Record(status: .active(until: now + provisional), lines: lines)
    return .held
  }

  mutating func drop(_ id: Int, now: Int) {
    guard let record = records[id], case .active = record.status else { return }
    putBack(record.lines)
    records[id]?.status = .void
  }

  mutating func settle(
    _ id: Int, _ lines: [String: Int], _ standing: PartSettlement.Standing, now: Int, mistake: CartMistake?
  ) -> Bool {
    guard var record = records[id] else {
      // Lost with a server, or never held: a decision is made up for, if it can be.
      switch standing {
      case .ended, .void: return true
      case .held, .confirmed:
        guard shortage(lines, now: now) == nil else {
          conflicts += 1
          return true
        }
        take(lines)
        records[id] = Record(status: .active(until: now), lines: lines)
        return settle(id, lines, standing, now: now, mistake: mistake)
      }
    }
    guard case .active = record.status else {
      if mistake == .settlesTwice, case .confirmed = standing { sell(record.lines) }
      switch (record.status, standing) {
      case (.confirmed, .confirmed), (.ended, .ended), (.void, .void), (_, .held): break
      default: conflicts += 1
      }
      return true
    }
    switch standing {
    case .held(let rest): record.status = .active(until: now + Int(rest))
    case .confirmed(let instant):
      sell(record.lines)
      record.status = .confirmed(at: Int(instant))
    case .ended(let instant):
      putBack(record.lines)
      record.status = .ended(at: Int(instant))
    case .void:
      putBack(record.lines)
      record.status = .void
    }
    records[id] = record
    return true
  }

  /// Parts that are due, which home must be asked about.
  func dueParts(now: Int) -> [Int] {
    records.filter { id, record in
      if isPart(id), case .active(let deadline) = record.status { deadline <= now } else { false }
    }.keys.sorted()
  }

  /// Ids tell their home.
  static func home(of id: Int) -> Int { id % 16 }

  private func isPart(_ id: Int) -> Bool { Self.home(of: id) != number }

  // MARK: - Home

  enum KeyedAnswer {
    case done(ModelShard.Record)
    case prior(id: Int)
    case used
    case claimedBy(KeyClaim.Claim)
    case void
    case refused(CartRefusal)
    /// It is in another state, or there is none.
    case impossible
  }

  /// What stands under a key, for a request whose home this is; nil if nothing is in its way.
  func prior(_ key: Key?) -> KeyedAnswer? {
    guard let key, let entry = entries[key.key] else { return nil }
    switch entry {
    case .record(let fingerprint, let id): return fingerprint == key.fingerprint ? .prior(id: id) : .used
    case .claim(let claim): return claim.fingerprint == key.fingerprint ? nil : .claimedBy(claim)
    case .void(let nonces): return key.nonce.map(nonces.contains) == true ? .void : nil
    }
  }

  mutating func commit(
    _ id: Int, _ lines: [String: Int], parts: Set<Int>, ttl: Int, key: Key?, now: Int, mistake: CartMistake?
  ) -> KeyedAnswer {
    if let prior = prior(key) { return prior }
    if let record = records[id], mistake != .commitsWhatIsVoid || record.status != .void { return .impossible }
    if let refusal = shortage(lines, now: now) { return .refused(refusal) }
    take(lines)
    let record = Record(status: .active(until: now + ttl), lines: lines, parts: parts)
    records[id] = record
    if let key { entries[key.key] = .record(key.fingerprint, id: id) }
    return .done(record)
  }

  enum Step: Equatable {
    case confirm
    case cancel
    case extend(ttl: Int)
  }

  mutating func checkOut(_ id: Int, _ step: Step, now: Int) -> KeyedAnswer {
    guard var record = records[id] else { return .impossible }
    switch (step, record.status) {
    case (.confirm, .confirmed), (.cancel, .ended): return .done(record)
    case (.confirm, .active(let deadline)) where deadline > now:
      sell(record.lines)
      record.status = .confirmed(at: now)
    case (.cancel, .active(let deadline)) where deadline > now:
      putBack(record.lines)
      record.status = .ended(at: now)
    case (.extend(let ttl), .active(let deadline)) where deadline > now:
      record.status = .active(until: max(deadline, now + ttl))
    default: return .impossible
    }
    records[id] = record
    // A part that does not hear that it is held longer asks when it is due.
    if case .active = record.status { return .done(record) }
    if !record.parts.isEmpty { unsettled.insert(id) }
    return .done(record)
  }

  /// Where a reservation stands, for its parts.
  mutating func standing(_ id: Int, now: Int, mistake: CartMistake?) -> PartSettlement.Standing {
    guard let record = records[id] else {
      if mistake != .leavesTheAbsentPossible { records[id] = Record(status: .void, lines: [:]) }
      return .void
    }
    switch record.status {
    case .active(let deadline) where deadline > now: return .held(milliseconds: Int64(deadline - now))
    case .active:
      expire(id, now: now)
      return standing(id, now: now, mistake: mistake)
    case .confirmed(let instant): return .confirmed(at: Int64(instant))
    case .ended(let instant): return .ended(at: Int64(instant))
    case .void: return .void
    }
  }

  /// All parts have followed to this end.
  mutating func acknowledge(_ id: Int, _ end: PartSettlement.Standing) {
    guard let record = records[id] else { return }
    switch (record.status, end) {
    case (.confirmed, .confirmed), (.ended, .ended), (.void, .void): unsettled.remove(id)
    default: break
    }
  }

  private mutating func expire(_ id: Int, now: Int) {
    guard var record = records[id], case .active(let deadline) = record.status else { return }
    putBack(record.lines)
    record.status = .ended(at: deadline)
    records[id] = record
    if !record.parts.isEmpty { unsettled.insert(id) }
  }

  /// Holds whose home this is, and which are due, are released.
  mutating func sweep(now: Int, mistake: CartMistake?) {
    for (id, record) in records where mistake == .releasesPartsUnasked || !isPart(id) {
      if case .active(let deadline) = record.status, deadline <= now { expire(id, now: now) }
    }
  }

  // MARK: - Keys

  /// Puts a claim where there is nothing, or where `old` stands still.
  mutating func claim(_ key: Int, _ claim: KeyClaim.Claim, replacing old: KeyClaim.Claim?) -> KeyClaim.Found {
    switch entries[key] {
    case .record: return .record
    case .claim(let found) where found != old:
      return found.fingerprint == claim.fingerprint ? .claimed(found) : .anothers(found)
    // A request that is void has left nothing that could be in the way.
    case .claim, .void, nil:
      entries[key] = .claim(claim)
      return .claimed(claim)
    }
  }

  /// Whether the request of this claim was answered here; if not, it never will be by this claim.
  mutating func void(_ key: Int, _ claim: KeyClaim.Claim, mistake: CartMistake?) -> Bool {
    var nonces: Set<UInt64> = []
    switch entries[key] {
    case .record: return true
    // Attempts of several claims may be on their way.
    case .void(let others) where mistake != .forgetsOtherVoidClaims: nonces = others
    default: break
    }
    if mistake != .takesKeysOverUnasked { entries[key] = .void(nonces: nonces.union([claim.nonce])) }
    return false
  }
}

/// What could be wrong in the protocol; the simulation must notice each.
enum CartMistake: CaseIterable {
  /// Parts are released when they are due, whatever home says.
  case releasesPartsUnasked
  /// A home that never was is not made impossible.
  case leavesTheAbsentPossible
  case commitsWhatIsVoid
  /// A part that is sold already is sold again.
  case settlesTwice
  /// A claim is taken over, and its attempts can still succeed.
  case takesKeysOverUnasked
  /// A second claim of a request is void, and the first one no longer.
  case forgetsOtherVoidClaims
  /// Home says that the key was answered by this very reservation, and its parts are put back.
  case takesItselfForAnother
  /// Home writes before all parts are held.
  case commitsEarly
  /// After an unknown answer of home the parts are put back at once.
  case dropsWhatMayBeHeld
}
