import Common
import NIOCore
import TestSupport

@testable import Node
@testable import Store

/// One seeded run of shoppers, operators and sweeps on a store whose keys are damaged at random meanwhile.
///
/// For any bytes in Redis: no SKU is sold beyond its total, a refused call has no effect, undamaged SKUs keep working,
/// and the audit reports the damage.
struct DamageRun {
  private static let skus = ["A", "B", "C", "D"]
  private static let total = 12
  private static let calls = 40

  let seed: UInt64
  let store: ScriptStore

  /// The first fault, and the events that led to it. Nil if there is none.
  func firstFault() async throws -> String? {
    try await store.clear()
    var run = State(seed: seed)
    for sku in Self.skus {
      _ = await ask(Call(wish: .set(sku, total: Self.total)))
      run.totals[sku] = Self.total
    }
    _ = try await store.acquire(ttl: 100_000_000)
    for number in 1...Self.calls {
      if number > 10, run.random.oneIn(5) {
        let damage = try await damage(&run)
        run.isDamaged = true
        run.trace.append("\(number) damaged: \(damage)")
      }
      if run.random.oneIn(6) {
        run.passed += Int64(run.random.number(0...40_000))
        try await store.setClock(run.passed)
      }
      if let fault = try await step(number, &run) { return told(fault, run) }
    }
    return try await end(&run).map { told($0, run) }
  }

  private struct State {
    var random: SeededRandom
    var passed: Int64 = 0
    var totals: [String: Int] = [:]
    var ids: [String] = []
    /// Pieces that callers were told they have bought, by reservation.
    var sold: [String: [String: Int]] = [:]
    var held: [String: [String: Int]] = [:]
    var trace: [String] = []
    var isDamaged = false

    init(seed: UInt64) { random = SeededRandom(seed) }
  }

  private func told(_ fault: String, _ run: State) -> String {
    "seed \(seed): \(fault)\n  \(run.trace.suffix(25).joined(separator: "\n  "))"
  }

  private func ask(_ call: Call) async -> Answer { await store.engine.ask(call, age: Engine.patience) }

  // MARK: - Traffic

  private func step(_ number: Int, _ run: inout State) async throws -> String? {
    if run.random.oneIn(8) {
      run.trace.append("\(number) sweep: \(try await store.sweep()), trim: \(try await store.trim())")
      return nil
    }
    let call = call(&run)
    let answer = await ask(call)
    run.trace.append("\(number) \(call): \(answer)")
    switch (call.wish, answer.status) {
    case (.reserve(let basket), 201) where !answer.isReplay:
      run.ids.append(answer.reservationID)
      run.held[answer.reservationID] = basket.lines.reduce(into: [:]) { $0[$1.sku, default: 0] += $1.quantity }
    case (.confirm(let id), 200): run.sold[id] = run.held[id] ?? [:]
    case (.set(let sku, let total), 200...201), (.adjust(let sku, let total, _), 200):
      run.totals[sku] = max(run.totals[sku] ?? 0, answer.number("total") ?? total)
    default: break
    }
    for sku in Self.skus {
      let sold = run.sold.values.reduce(0) { $0 + ($1[sku] ?? 0) }
      if sold > run.totals[sku] ?? 0 { return "\(sold) of \(sku) are sold, of \(run.totals[sku] ?? 0)" }
    }
    guard answer.status == 500 else { return answer.status < 500 ? nil : "answered \(answer)" }
    // The call is repeated, because the first one may have released expired holds.
    let before = try await store.everything()
    guard await ask(call).status == 500 else { return nil }
    let after = try await store.everything()
    let changed = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
    return changed.isEmpty
      ? nil : "refused with 500, and done: \(changed.map { "\($0) \(before[$0] ?? "-") \(after[$0] ?? "-")" })"
  }

  private func call(_ run: inout State) -> Call {
    let sku = run.random.pick(Self.skus)
    let id = run.ids.isEmpty ? ReservationID().text : run.random.pick(run.ids)
    let key = run.random.oneIn(2) ? nil : "k\(run.random.number(0...30))"
    let other = Call.Line(sku: run.random.pick(Self.skus), quantity: run.random.number(1...3))
    switch run.random.number(0...19) {
    case 0...7:
      let line = Call.Line(sku: sku, quantity: run.random.number(1...4))
      return .reserve(run.random.oneIn(3) ? [line, other] : [line], ttlSeconds: run.random.number(1...60), key: key)
    case 8...10: return Call(wish: .confirm(id), key: key)
    case 11, 12: return Call(wish: .cancel(id), key: key)
    case 13: return Call(wish: .extend(id, ttlSeconds: run.random.number(1...60)), key: key)
    case 14: return Call(wish: .readReservation(id))
    case 15: return Call(wish: .readStock(sku))
    case 16: return Call(wish: .list(after: nil, limit: run.random.number(1...5)))
    case 17: return Call(wish: .audit)
    case 18: return Call(wish: .adjust(sku, delta: run.random.number(-2...3), reason: nil), key: key)
    default: return Call(wish: .set(sku, total: run.random.number(8...20)), key: key)
    }
  }

  // MARK: - Damage

  private func damage(_ run: inout State) async throws -> String {
    let all = try await store.engine.link.reply("KEYS", "*").elements.compactMap(\.text)
      .filter { !$0.hasPrefix("test:") }.sorted()
    let key = run.random.oneIn(12) ? "\(run.random.pick(["events", "due", "skus", "lease"]))" : run.random.pick(all)
    let damage = KeyDamage(of: key, &run.random)
    for command in damage.commands { _ = try await store.engine.link.send(command).get() }
    return "\(damage)"
  }

  // MARK: - The end

  /// The findings of the audit. Nil if it reports that damage prevents it. While Redis is too busy, it gives no result
  /// and is called again.
  private func audited() async throws -> [AuditService.Violation]? {
    var violations: [AuditService.Violation]?
    try await eventually("the audit is answered") {
      do {
        violations = try await store.engine.wholeAudit().violations
        return true
      } catch let problem as Problem where problem.kind == .stockDamaged {
        return true
      } catch let problem as Problem where problem.kind == .storeUnavailable {
        return false
      }
    }
    return violations
  }

  /// Lets every hold expire. Undamaged holds must be released, and damaged ones must be reported.
  private func end(_ run: inout State) async throws -> String? {
    try await store.setClock(run.passed + 10_000_000)
    var reply = ""
    for _ in 0..<10 { reply = try await store.sweep() }
    let isSwept = reply.hasPrefix("OK 0 ")
    let audit = await ask(Call(wish: .audit))
    let violations = try await audited()
    let told = Set(violations?.compactMap { $0.sku?.text } ?? [])
    let faults = try await StoreFaults(of: Self.skus, told: told, in: store.engine.link)
    run.trace.append("end: sweep \(reply), audit \(audit), found \(faults)")
    if let violations, violations.isEmpty, !faults.all.isEmpty { return "the audit does not tell" }
    if let violations, !violations.isEmpty, !run.isDamaged {
      return "the audit tells what is not so: \(violations)"
    }
    // A SKU that has lost its bound is found by the trimming round or by a request for it.
    if isSwept, !reply.contains("FENCED") {
      _ = try await store.trim()
      for _ in 0..<10 { _ = try await store.sweep() }
      for sku in Self.skus where !faults.skus.contains(sku) {
        let seen = await ask(Call(wish: .readStock(sku)))
        if seen.isSuccess, seen.number("reserved") != 0 { return "\(sku) is whole, and not released: \(seen)" }
      }
    }
    return nil
  }
}
