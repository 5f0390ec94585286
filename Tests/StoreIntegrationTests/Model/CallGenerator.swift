import TestSupport

@testable import Store

/// Seeded random calls that affect each other. There are few SKUs, short deadlines and repeated keys. Time often stops
/// at a deadline, just before it or just after it.
struct CallGenerator {
  private var random: SeededRandom
  private var history: [Call] = []
  private var freshKeys = 0
  /// Calls that are already decided. At the start they stock all SKUs except the last.
  private var decided = skus.dropLast().map { Call(wish: .set($0, total: 12)) }
  /// A hold whose deadline is now or almost now.
  private var focus: String?

  /// Names that a careless pattern or parser could misread: members of the record, Lua wildcards, and prefixes of each
  /// other.
  static let skus = [
    "A", "a", "a.b", "aXb", "a-b", "aa", "v", "items", "createdAt", "expiresAt", "7", "A.A",
    String(repeating: "Z-", count: 32), "ghost",
  ]

  private static let labels = [
    nil, nil, "c-1", "c-2", "\"},\"items\":{\"A\":9", "back\\slash", "{\"v\":1,\"status\":\"CONFIRMED\"", "a\":5,\"A",
  ]

  init(seed: UInt64) { random = SeededRandom(seed) }

  /// The next call, and the milliseconds that pass before it.
  mutating func next(in model: Model) -> (passing: Int64, call: Call) {
    let passing = time(model)
    if let call = decided.popLast() { return (passing, call) }
    var call = roll(100) < 12 ? again(model) : Call(wish: wish(model))
    if call.key == nil, call.wish.operation != nil, roll(2) == 0 { call = keyed(call) }
    if call.key != nil { history.append(call) }
    decideMore(after: call)
    return (passing, call)
  }

  /// Calls of the same kind that come together with this one; none for a kind that never shares a call.
  mutating func company(of call: Call, in model: Model) -> [Call] {
    switch call.wish {
    case .reserve, .confirm: break
    default: return []
    }
    return (0..<roll(9)).map { _ in
      if roll(6) == 0, let earlier = history.last(where: { $0.wish.operation == call.wish.operation }) {
        return earlier
      }
      let wish: Call.Wish = call.wish.operation == "confirm" ? .confirm(reservation(model)) : .reserve(basket())
      let other = Call(wish: wish)
      guard roll(2) == 0 else { return other }
      history.append(keyed(other))
      return history[history.count - 1]
    }
  }

  private mutating func decideMore(after call: Call) {
    switch call.wish {
    // The second request for an hour is refused.
    case .extend(_, 3600): decided.append(Call(wish: call.wish))
    // Usually the SKU is stocked again soon.
    case .delete(let sku) where roll(3) > 0: decided.append(Call(wish: .set(sku, total: 5 + roll(20))))
    default: break
    }
  }

  private mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &random) }

  private mutating func pick<Element>(_ elements: [Element]) -> Element { elements[roll(elements.count)] }

  // MARK: - Time

  private mutating func time(_ model: Model) -> Int64 {
    let ahead = model.activeDeadlines.filter { $0.at > model.now + 1 }
    focus = nil
    switch roll(20) {
    case 0..<5: return Int64(roll(40))
    case 5: return Int64(roll(1500))
    case 6 where roll(15) == 0: return Int64(roll(4_000_000))
    case 7...9 where !ahead.isEmpty:
      let next = ahead[roll(3) == 0 ? roll(min(4, ahead.count)) : 0]
      focus = next.id
      return next.at - model.now + pick([-1, 0, 0, 0, 1])
    default: return 0
    }
  }

  // MARK: - Keys

  private mutating func keyed(_ call: Call) -> Call {
    var call = call
    call.caller = pick(["-", "-", "alice"])
    freshKeys += 1
    call.key = "k~:/\(freshKeys)"
    return call
  }

  /// Repeats an earlier call, or makes another call with its key.
  private mutating func again(_ model: Model) -> Call {
    guard var call = earlier(model) else { return Call(wish: wish(model)) }
    switch roll(4) {
    case 0:
      // The earlier call is repeated afterwards, because its key must still belong to it.
      decided.append(call)
      call.wish = other(than: call.wish, model)
    case 1: call.caller = call.caller == "-" ? "alice" : "-"
    default: call.wish = respelled(call.wish)
    }
    return call
  }

  /// An earlier call with a key, usually one that succeeded.
  private mutating func earlier(_ model: Model) -> Call? {
    guard !history.isEmpty else { return nil }
    for _ in 0..<3 {
      let call = history[max(0, history.count - 1 - roll(60))]
      if model.isRecorded(call) { return call }
    }
    return history.last
  }

  private mutating func respelled(_ wish: Call.Wish) -> Call.Wish {
    guard case .reserve(var basket) = wish else { return wish }
    if let line = basket.lines.first, line.quantity > 1 {
      basket.lines[0].quantity -= 1
      basket.lines.append(Call.Line(sku: line.sku, quantity: 1))
    }
    basket.lines.shuffle(using: &random)
    return .reserve(basket)
  }

  /// Other content for the same operation, usually only slightly different.
  private mutating func other(than wish: Call.Wish, _ model: Model) -> Call.Wish {
    switch wish {
    case .reserve(var basket):
      switch roll(4) {
      case 0: basket.ttlSeconds = basket.ttlSeconds == nil ? 300 : nil
      case 1: basket.customerID = basket.customerID == nil ? "someone" : nil
      case 2: (basket.customerID, basket.reference) = (basket.reference, basket.customerID)
      default: basket.lines[0].quantity += 1
      }
      return .reserve(basket)
    case .confirm: return .confirm(alive(model))
    case .cancel: return .cancel(alive(model))
    case .extend(let id, let ttlSeconds): return .extend(id, ttlSeconds: ttlSeconds + 1)
    case .set(let sku, let total): return .set(sku, total: max(0, total - 1))
    case .adjust(let sku, let delta, let reason):
      return .adjust(sku, delta: delta, reason: reason == nil ? "counted" : nil)
    case .delete: return .delete(pick(Self.skus))
    case .readReservation, .readStock, .list, .audit, .sweep: return wish
    }
  }

  // MARK: - Wishes

  private mutating func wish(_ model: Model) -> Call.Wish {
    switch focus == nil ? roll(100) : 34 + roll(50) {
    case 0..<38: return .reserve(basket())
    case 38..<49: return .confirm(reservation(model))
    case 49..<56: return .cancel(reservation(model))
    case 56..<64: return .extend(reservation(model), ttlSeconds: pick([1, 2, 3, 60, 1800, 3600]))
    case 64..<69: return .readReservation(reservation(model))
    case 69..<76: return .readStock(pick(Self.skus))
    case 76..<84:
      let sku = pick(Self.skus)
      return .set(sku, total: roll(30) == 0 ? Model.maxStock : total(near: model.stock[sku]))
    case 84..<91:
      let reason = pick([nil, "counted", "a \"quoted\" reason\nwith a line feed, é and ✓"])
      return .adjust(
        pick(Self.skus), delta: roll(25) == 0 ? Model.maxStock : pick([-9, -3, -1, 1, 4, 12]), reason: reason)
    case 91..<93:
      let scarce = model.stock.filter { $0.value.reserved == 1 }.keys.sorted()
      return .delete(pick(scarce.isEmpty || roll(3) > 0 ? Self.skus : scarce))
    case 93..<97: return .list(after: roll(2) == 0 ? nil : pick(Self.skus), limit: 1 + roll(14))
    case 97: return .sweep
    default: return .audit
    }
  }

  /// A total that is often the number of pieces in use, or one more or less.
  private mutating func total(near stock: Model.Stock?) -> Int {
    guard let stock, roll(3) == 0 else { return roll(40) }
    return max(0, stock.reserved + stock.sold + pick([-1, 0, 1]))
  }

  private mutating func basket() -> Call.Basket {
    let count = roll(3) == 0 ? 1 + roll(6) : 1
    var lines = (0..<count).map { _ in
      Call.Line(
        sku: pick(Self.skus.dropLast(roll(8) == 0 ? 0 : 1)), quantity: roll(60) == 0 ? Limits.maxQuantity : 1 + roll(6))
    }
    // More of one SKU is refused before it comes here, also as the sum of lines.
    if let most = lines.first(where: { $0.quantity == Limits.maxQuantity }) {
      lines = [most] + lines.filter { $0.sku != most.sku && $0.quantity != most.quantity }
    }
    return Call.Basket(
      lines: lines,
      customerID: pick(Self.labels), reference: pick(Self.labels), ttlSeconds: pick([nil, 1, 2, 3, 30, 60, 3600]))
  }

  private mutating func reservation(_ model: Model) -> String {
    if let focus, roll(4) > 0 { return focus }
    switch roll(20) {
    case 0: return "no-such-reservation"
    case 1: return String(repeating: "x", count: ReservationID.length)
    case 2..<11: return alive(model)
    default:
      guard !model.ids.isEmpty else { return "none" }
      // Usually a recent one.
      return model.ids[max(0, model.ids.count - 1 - roll(roll(4) == 0 ? 400 : 12))]
    }
  }

  private mutating func alive(_ model: Model) -> String {
    model.active.isEmpty ? "none" : pick(model.active)
  }
}

extension CallGenerator {
  private mutating func pick<Element>(_ elements: ArraySlice<Element>) -> Element {
    elements[elements.startIndex + roll(elements.count)]
  }
}

extension Model {
  /// The deadlines of all stored active holds. The earliest comes first.
  fileprivate var activeDeadlines: [(at: Int64, id: String)] {
    // Of two at the same instant, the older comes first. IDs can't decide, because they do not follow from the seed.
    active.compactMap { id in holds[id].map { (at: $0.expiresAt, id: id) } }.sorted { $0.at < $1.at }
  }
}
