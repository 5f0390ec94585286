import Common

/// A model of what the design pages promise. It takes the same calls as ``Engine``, with dictionaries instead of Redis
/// and Lua.
///
/// It was written from the pages and not from the scripts, so a mistake is missed only if it is made twice. It also
/// gives the expected contents of the store (``StoreContents``).
struct Model {
  struct Stock {
    var available, total, sold: Int
    /// The list of sales: the ID and the instant of each confirmed reservation.
    var sales: [String] = []
    /// The deadlines of the stored active holds by ID.
    var holds: [String: Int64] = [:]
    var reserved: Int { total - available - sold }
  }

  struct Hold {
    enum State: Equatable {
      case active, expired
      case confirmed(at: Int64)
      case cancelled(at: Int64)
    }

    var id: String
    /// Merged and sorted.
    var lines: [Call.Line]
    /// `customerId` and `reference` as JSON members.
    var labels: String
    var createdAt, expiresAt: Int64
    /// The stored state. A hold whose deadline has passed stays active until it is released.
    var state = State.active
  }

  struct Event: Equatable {
    var type, id, data: String
  }

  static let longestHold: Int64 = 3_600_000
  static let maxStock = 1_000_000_000

  /// Redis's clock in epoch milliseconds.
  var now: Int64
  private(set) var stock: [String: Stock] = [:]
  private(set) var holds: [String: Hold] = [:]
  /// IDs in the order of creation.
  private(set) var ids: [String] = []
  /// IDs of reservations stored as active, due or not, in the same order.
  private(set) var active: [String] = []
  private(set) var keys: [String: (wish: Call.Wish, answer: Answer)] = [:]
  /// The outbox events since ``begin()``, and the reservations and SKUs that were touched.
  private(set) var events: [Event] = []
  private(set) var touchedIDs: Set<String> = []
  private(set) var touchedSKUs: Set<String> = []

  init(now: Int64) { self.now = now }

  mutating func begin() {
    events = []
    touchedIDs = []
    touchedSKUs = []
  }

  var hasDueHolds: Bool { active.contains { holds[$0].map { $0.expiresAt <= now } ?? false } }

  /// - Parameter newID: the ID of the reservation that the call creates, if it creates one.
  mutating func answer(_ call: Call, newID: String) -> Answer {
    guard let key = call.key, let operation = call.wish.operation else { return answer(call.wish, newID) }
    let name = Self.recordName(operation, call.caller, key)
    let wish = call.wish.merged
    if let prior = keys[name] {
      guard prior.wish == wish else { return .problem(.idempotencyKeyReused) }
      var again = prior.answer
      again.isReplay = true
      return again
    }
    let answer = answer(wish, newID)
    if answer.isSuccess { keys[name] = (wish, answer) }
    return answer
  }

  /// Whether an earlier call with this call's key has an answer.
  func isRecorded(_ call: Call) -> Bool {
    guard let key = call.key, let operation = call.wish.operation else { return false }
    return keys[Self.recordName(operation, call.caller, key)] != nil
  }

  private static func recordName(_ operation: String, _ caller: String, _ key: String) -> String {
    "idem:\(operation)/\(caller):\(key)"
  }

  private mutating func answer(_ wish: Call.Wish, _ newID: String) -> Answer {
    switch wish.merged {
    case .reserve(let basket): reserve(basket, newID)
    case .confirm(let id): confirm(id)
    case .cancel(let id): cancel(id)
    case .extend(let id, let ttlSeconds): extend(id, ttlSeconds)
    case .readReservation(let id):
      holds[id].map { Answer(status: 200, body: document($0)) } ?? .problem(.unknownReservation)
    case .readStock(let sku): readStock(sku)
    case .set(let sku, let total): change(sku, to: { _ in total }, reason: nil)
    case .adjust(let sku, let delta, let reason):
      stock[sku] == nil ? unknown([sku]) : change(sku, to: { $0 + delta }, reason: reason)
    case .delete(let sku): delete(sku)
    case .list(let cursor, let limit): list(after: cursor, limit)
    case .audit: Answer(status: 200, body: "[] unverified []")
    case .sweep: sweep()
    }
  }

  // MARK: - Reservations

  private mutating func reserve(_ basket: Call.Basket, _ newID: String) -> Answer {
    let missing = basket.lines.map(\.sku).filter { stock[$0] == nil }
    guard missing.isEmpty else { return unknown(missing) }
    for sku in basket.lines.filter({ isShort($0) }).map(\.sku) { release(sku) }
    let short = basket.lines.filter { isShort($0) }
    guard short.isEmpty else { return refuse(short) }

    let ttlSeconds = Int64(basket.ttlSeconds ?? 300)
    let hold = Hold(
      id: newID, lines: basket.lines, labels: basket.labels, createdAt: now, expiresAt: now + ttlSeconds * 1000)
    for line in hold.lines { stock[line.sku]?.available -= line.quantity }
    ids.append(newID)
    active.append(newID)
    store(hold, event: "reserved")
    return Answer(status: 201, body: document(hold))
  }

  private func isShort(_ line: Call.Line) -> Bool { stock[line.sku].map { $0.available < line.quantity } ?? true }

  private func refuse(_ short: [Call.Line]) -> Answer {
    let shortages = short.compactMap { line in
      stock[line.sku].map { stock in
        "{\"sku\":\"\(line.sku)\",\"requested\":\(line.quantity),\"available\":\(stock.available)"
          + ",\"reserved\":\(stock.reserved)\(nextRelease(line.sku))}"
      }
    }
    let earliest = short.compactMap { earliestDeadline($0.sku) }.min()
    return .problem(
      .insufficientStock, ",\"shortages\":[\(shortages.joined(separator: ","))]",
      retryAfter: earliest.map { max(1, Int(($0 - now + 999) / 1000)) })
  }

  private mutating func confirm(_ id: String) -> Answer {
    guard var hold = holds[id] else { return .problem(.unknownReservation) }
    switch hold.state {
    case .cancelled: return .problem(.reservationCancelled)
    case .expired: return .problem(.reservationExpired)
    case .active where hold.expiresAt <= now: return .problem(.reservationExpired)
    case .confirmed: break
    case .active:
      hold.state = .confirmed(at: now)
      active.removeAll { $0 == id }
      for line in hold.lines {
        stock[line.sku]?.sold += line.quantity
        stock[line.sku]?.sales.append("\(id)\(now)")
      }
      store(hold, event: "confirmed")
    }
    return Answer(status: 200, body: document(hold))
  }

  private mutating func cancel(_ id: String) -> Answer {
    guard var hold = holds[id] else { return .problem(.unknownReservation) }
    switch hold.state {
    case .confirmed: return .problem(.reservationConfirmed)
    case .active where hold.expiresAt > now:
      hold.state = .cancelled(at: now)
      putBack(hold)
      store(hold, event: "cancelled")
    case .active, .cancelled, .expired: break
    }
    return Answer(status: 200, body: document(hold))
  }

  private mutating func extend(_ id: String, _ ttlSeconds: Int) -> Answer {
    guard var hold = holds[id] else { return .problem(.unknownReservation) }
    switch hold.state {
    case .confirmed: return .problem(.reservationConfirmed)
    case .cancelled: return .problem(.reservationCancelled)
    case .expired: return .problem(.reservationExpired)
    case .active where hold.expiresAt <= now: return .problem(.reservationExpired)
    case .active: break
    }
    let wanted = now + Int64(ttlSeconds) * 1000
    let latest = hold.createdAt + Self.longestHold
    if wanted > hold.expiresAt {
      guard hold.expiresAt < latest else { return .problem(.holdLimitReached) }
      hold.expiresAt = min(wanted, latest)
      store(hold, event: "extended")
    }
    return Answer(status: 200, body: document(hold))
  }

  /// Releases the expired holds of a SKU, with all their items.
  mutating func release(_ sku: String) {
    let due = stock[sku]?.holds.filter { $0.value <= now } ?? [:]
    for id in due.keys {
      guard var hold = holds[id] else { continue }
      hold.state = .expired
      putBack(hold)
      store(hold, event: "expired")
    }
  }

  private mutating func sweep() -> Answer {
    let before = active.count
    for sku in stock.keys { release(sku) }
    return Answer(status: 200, body: "\(before - active.count) released")
  }

  private mutating func putBack(_ hold: Hold) {
    for line in hold.lines { stock[line.sku]?.available += line.quantity }
    active.removeAll { $0 == hold.id }
  }

  private mutating func store(_ hold: Hold, event: String) {
    holds[hold.id] = hold
    for line in hold.lines { stock[line.sku]?.holds[hold.id] = hold.state == .active ? hold.expiresAt : nil }
    touchedIDs.insert(hold.id)
    touchedSKUs.formUnion(hold.lines.map(\.sku))
    events.append(Event(type: event, id: hold.id, data: record(hold)))
  }

  // MARK: - Stock

  private mutating func readStock(_ sku: String) -> Answer {
    guard stock[sku] != nil else { return unknown([sku]) }
    release(sku)
    return Answer(status: 200, body: document(sku))
  }

  private mutating func change(_ sku: String, to newTotal: (Int) -> Int, reason: String?) -> Answer {
    release(sku)
    let old = stock[sku]
    var new = old ?? Stock(available: 0, total: 0, sold: 0)
    new.total = newTotal(new.total)
    new.available = new.total - (old.map { $0.reserved + $0.sold } ?? 0)
    if new.available < 0, let old { return inUse(old) }
    guard new.total <= Self.maxStock else {
      return .problem(.stockLimitExceeded, ",\"total\":\(old?.total ?? 0)")
    }
    stock[sku] = new
    let verdict = old == nil ? "created" : "changed"
    let told = reason.map { ",\"reason\":\(json($0))" } ?? ""
    tell(
      sku,
      "{\"v\":1,\"change\":\"\(verdict)\",\"total\":\(new.total),\"available\":\(new.available)"
        + ",\"sold\":\(new.sold)\(told)}")
    return Answer(status: old == nil ? 201 : 200, body: document(sku))
  }

  private mutating func delete(_ sku: String) -> Answer {
    guard stock[sku] != nil else { return unknown([sku]) }
    release(sku)
    if let old = stock[sku], old.reserved > 0 { return inUse(old) }
    stock[sku] = nil
    tell(sku, "{\"v\":1,\"change\":\"deleted\"}")
    return Answer(status: 204, body: "")
  }

  private mutating func list(after cursor: String?, _ limit: Int) -> Answer {
    let all = stock.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let rest = all.filter { sku in cursor.map { $0.utf8.lexicographicallyPrecedes(sku.utf8) } ?? true }
    let page = rest.prefix(limit)
    for sku in page { release(sku) }
    let next = rest.count > limit ? page.last ?? "none" : "none"
    return Answer(status: 200, body: "[\(page.map { document($0) }.joined(separator: ","))] next \(next)")
  }

  private mutating func tell(_ sku: String, _ data: String) {
    touchedSKUs.insert(sku)
    events.append(Event(type: "stock-changed", id: sku, data: data))
  }

  private func unknown(_ skus: [String]) -> Answer {
    .problem(.unknownSKU, ",\"skus\":[\(skus.map { "\"\($0)\"" }.joined(separator: ","))]")
  }

  private func inUse(_ stock: Stock) -> Answer {
    .problem(.stockInUse, ",\"reserved\":\(stock.reserved),\"sold\":\(stock.sold)")
  }

  func earliestDeadline(_ sku: String) -> Int64? { stock[sku]?.holds.values.min() }
}
