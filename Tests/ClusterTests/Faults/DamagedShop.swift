import NIOConcurrencyHelpers
import TestSupport
import Testing

/// A shop that stays open while keys of its store are damaged. It checks each answer and records what was sold.
final class DamagedShop: Sendable {
  /// SKUs whose own keys are not damaged, and SKUs whose keys are. No cart holds both.
  static let whole = ["whole-1", "whole-2"], hurt = ["hurt-1", "hurt-2", "hurt-3"]
  /// Few enough to sell out. Hurt SKUs sell out between two repairs.
  static func total(of sku: String) -> Int { whole.contains(sku) ? 60 : 8 }
  private static let shoppers = 8
  /// The problems that may be reported for any contents of Redis.
  private static let problems: Set<String> = [
    "insufficient-stock", "unknown-sku", "unknown-reservation", "reservation-expired", "reservation-cancelled",
    "reservation-confirmed", "hold-limit-reached", "stock-in-use", "stock-damaged", "overloaded", "store-unavailable",
    "outcome-unknown",
  ]

  /// A SKU during the time between two repairs.
  private struct Lot: Hashable {
    var sku: String
    var generation: Int
  }

  private struct Books {
    var isOver = false
    var answers = 0
    var generation = 0
    var sold: [Lot: Int] = [:]
    /// Pieces that may or may not have been sold.
    var unknown: [String: Int] = [:]
    /// IDs of reservations of hurt SKUs.
    var hurtIDs: [String] = []
    /// Damages and faults found, in order.
    var journal: [String] = []
    var faults = 0
  }

  private let cluster: TestCluster
  private let books = NIOLockedValueBox(Books())

  init(on cluster: TestCluster) async throws {
    self.cluster = cluster
    for sku in Self.whole + Self.hurt { try await cluster.succeed(.setStock(sku, total: Self.total(of: sku))) }
  }

  /// The faults found, and the events that led to them. Empty if there are none.
  var faults: String { books.withLockedValue { $0.faults == 0 ? "" : $0.journal.suffix(40).joined(separator: "\n") } }

  func note(_ event: String) { books.withLockedValue { $0.journal.append(event) } }

  /// - Parameter words: describes the fault if `isRight` is false.
  func expect(_ isRight: Bool, _ words: @autoclosure () -> String) {
    guard !isRight else { return }
    books.withLockedValue { books in
      books.faults += 1
      // The first faults are the most useful ones.
      if books.faults <= 10 { books.journal.append("wrong: \(words())") }
    }
  }

  /// Reservations whose records may be damaged.
  var hurtIDs: Set<String> { books.withLockedValue { Set($0.hurtIDs) } }

  /// The least and the greatest number of pieces of a whole SKU that were sold.
  func sold(_ sku: String) -> ClosedRange<Int> {
    books.withLockedValue { books in
      let sold = books.sold.filter { $0.key.sku == sku }.values.reduce(0, +)
      return sold...sold + (books.unknown[sku] ?? 0)
    }
  }

  /// Lets shoppers buy until `work` ends.
  func open(during work: @Sendable () async throws -> Void) async throws {
    let shopping = Task { try await concurrently(0..<Self.shoppers) { [self] shopper in try await shop(shopper) } }
    do {
      try await work()
    } catch {
      books.withLockedValue { $0.isOver = true }
      _ = await shopping.result
      throw error
    }
    books.withLockedValue { $0.isOver = true }
    _ = try await shopping.value
  }

  /// Returns after this many further answers.
  func flows(_ answers: Int) async throws {
    let before = books.withLockedValue { $0.answers }
    try await eventually("\(answers) further answers", every: .milliseconds(5)) {
      books.withLockedValue { $0.answers } >= before + answers
    }
  }

  /// Sets all SKUs after a repair. So the hurt SKUs exist again, and all are listed.
  func stockAnew() async throws {
    books.withLockedValue { books in
      books.generation += 1
      books.hurtIDs = []
    }
    for sku in Self.whole + Self.hurt {
      try await eventually("\(sku) is set anew") { try await ask(.setStock(sku, total: Self.total(of: sku))).isSuccess }
    }
  }

  /// Checks that every SKU can be sold again or is sold out.
  func expectToServe() async throws {
    for sku in Self.whole + Self.hurt {
      let held = try await ask(.reserve(sku, ttl: 3600))
      expect(held.status == 201 || held.problem == "insufficient-stock", "\(sku), repaired: \(held)")
      guard held.status == 201 else { continue }
      for request in [TestRequest.reservation(held.id), .cancel(held.id)] {
        let answer = try await ask(request)
        expect(answer.status == 200, "\(sku), repaired: \(answer)")
      }
    }
  }

  // MARK: - Shoppers

  private func shop(_ shopper: Int) async throws {
    var visit = 0
    while !books.withLockedValue({ $0.isOver }) {
      visit += 1
      let isHurt = Bool.random()
      let skus = (isHurt ? Self.hurt : Self.whole).shuffled().prefix(.random(in: 1...2))
      let lines = skus.map { (sku: $0, quantity: Int.random(in: 1...2)) }
      let key = "\(isHurt ? "hurt" : "whole")-\(shopper)-\(visit)"
      let reserve = TestRequest.reserve(items: lines, ttl: Int.random(in: 1...3)).key(key)
      let held = try await ask(reserve)
      if Int.random(in: 0..<5) == 0 { try await ask(reserve) }
      if Int.random(in: 0..<5) == 0 { try await ask(anything(of: lines[0].sku)) }
      guard held.status == 201 else { continue }
      // Holds from before the last repair are gone and can't be sold.
      let generation = books.withLockedValue { books in
        if isHurt { books.hurtIDs.append(held.id) }
        return books.generation
      }
      switch Int.random(in: 0..<8) {
      case 0...2: note(try await ask(.confirm(held.id).key("\(key)-c")), lines, generation)
      case 3...5: try await ask(.cancel(held.id).key("\(key)-x"))
      case 6: try await ask(.extend(held.id, ttl: 5).key("\(key)-e"))
      default: break
      }
    }
  }

  private func anything(of sku: String) -> TestRequest {
    let requests: [TestRequest] = [
      .inventory(sku), .listStock(limit: 2), .health,
      // Never a hurt SKU: it would exist again before its repair is done.
      .setStock(Self.whole[0], total: Self.total(of: Self.whole[0])),
    ]
    return requests[.random(in: 0..<requests.count)]
  }

  private func note(_ answer: TestAnswer, _ lines: [(sku: String, quantity: Int)], _ generation: Int) {
    books.withLockedValue { books in
      for (sku, quantity) in lines {
        let lot = Lot(sku: sku, generation: generation)
        if answer.status == 200 { books.sold[lot, default: 0] += quantity }
        if answer.status == 504 { books.unknown[sku, default: 0] += quantity }
      }
    }
    for (lot, sold) in books.withLockedValue({ $0.sold }) {
      expect(sold <= Self.total(of: lot.sku), "\(sold) of \(lot) are sold")
    }
  }

  /// Every answer must be one that the contract allows, in time.
  @discardableResult
  private func ask(_ request: TestRequest) async throws -> TestAnswer {
    let answer = try await cluster.node.sendOnce(request)
    let isKnown = answer.isSuccess || answer.problem.map(Self.problems.contains) == true
    expect(isKnown && answer.isInTime, "\(request.method) \(request.path): \(answer)")
    books.withLockedValue { $0.answers += 1 }
    return answer
  }
}
