import Common
import TestSupport

/// A minimal history of reservations of one SKU with three pieces, and what Redis holds at the end. The time of doubt
/// is from 1000 to 2000.
struct LittleHistory {
  /// The answer to a request with a key.
  enum Told {
    case held(String, until: Int = Told.deadline)
    case confirmed(String, at: Int)
    case cancelled(String, at: Int)
    case expired(String, at: Int = Told.deadline)
    case refused(Int, String)
    case tryAgain
    case unknown
    case nothing

    static let deadline = 60_000
  }

  static let sku = "mug", total = 3
  /// The zero of the instants of a history.
  private static let epoch = 1_700_000_000_000
  static let judge = Judge(totals: [sku: total], doubt: [epoch + 1000...epoch + 2000])
  /// When the snapshot of Redis was taken.
  private static let end = epoch + 5000

  private var ledger = Ledger(entries: [])
  /// The reservations in Redis by ID.
  private(set) var found: [String: StoreSnapshot.Reservation] = [:]
  /// Damages the counters of the SKU.
  var miscount: (inout StoreSnapshot.Stock) -> Void = { _ in }

  var verdict: Verdict {
    Self.judge.verdict(
      on: ledger, found: StoreSnapshot(stocks: [stock], reservations: found), at: Self.end)
  }

  private var stock: StoreSnapshot.Stock {
    let count = { (status: String) in
      found.values.filter { $0.status == status }.reduce(0) { $0 + ($1.items[Self.sku] ?? 0) }
    }
    let holds = found.filter { $0.value.status == "ACTIVE" }.mapValues(\.expiresAt)
    var stock = StoreSnapshot.Stock(
      sku: Self.sku, available: Self.total - count("ACTIVE") - count("CONFIRMED"), total: Self.total,
      sold: count("CONFIRMED"), holds: holds)
    miscount(&stock)
    return stock
  }

  /// Adds a reservation made with this key to Redis.
  mutating func has(_ state: Told, key: String = "k", pieces: Int = 1) {
    guard let (id, reservation) = Self.reservation(state, key: key, pieces: pieces) else { return }
    found[id] = reservation
  }

  /// Adds a request with key `k`, or a step of its reservation, and its answers. Each answer has its instant, and its
  /// request was sent 10 ms earlier.
  mutating func ask(_ purpose: LedgerEntry.Purpose, pieces: Int = 1, _ told: (Int, Told)...) {
    append(purpose, purpose == .reserve ? "k" : "\(purpose)", pieces, told)
  }

  /// Adds a reserve request with another key.
  mutating func reserve(_ key: String, pieces: Int = 1, _ told: (Int, Told)...) {
    append(.reserve, key, pieces, told)
  }

  private mutating func append(
    _ purpose: LedgerEntry.Purpose, _ name: String, _ pieces: Int, _ told: [(Int, Told)]
  ) {
    var entry = LedgerEntry(name, purpose, TestRequest("POST", "/"))
    let key = entry.reservation
    for (instant, state) in told {
      let at = Self.epoch + instant
      entry.record(Self.answer(state, key: key, pieces: pieces), during: at - 10...at)
    }
    ledger.entries.append(entry)
  }

  private static func reservation(
    _ state: Told, key: String, pieces: Int
  ) -> (String, StoreSnapshot.Reservation)? {
    var reservation = StoreSnapshot.Reservation(
      status: "ACTIVE", createdAt: epoch, expiresAt: epoch + Told.deadline, items: [sku: pieces], reference: key)
    switch state {
    case .held(let id, let deadline):
      reservation.expiresAt = epoch + deadline
      return (id, reservation)
    case .confirmed(let id, let instant):
      (reservation.status, reservation.confirmedAt) = ("CONFIRMED", epoch + instant)
      return (id, reservation)
    case .cancelled(let id, let instant):
      (reservation.status, reservation.cancelledAt) = ("CANCELLED", epoch + instant)
      return (id, reservation)
    case .expired(let id, let instant):
      (reservation.status, reservation.expiresAt) = ("EXPIRED", epoch + instant)
      return (id, reservation)
    case .refused, .tryAgain, .unknown, .nothing: return nil
    }
  }

  private static func answer(_ state: Told, key: String, pieces: Int) -> TestAnswer? {
    switch state {
    case .nothing: return nil
    case .unknown: return problem(504, "outcome-unknown")
    case .tryAgain: return problem(503, "store-unavailable")
    case .refused(let status, let name): return problem(status, name)
    case .held, .confirmed, .cancelled, .expired:
      guard let (id, reservation) = reservation(state, key: key, pieces: pieces) else { return nil }
      let instants = [
        ("createdAt", reservation.createdAt), ("expiresAt", reservation.expiresAt),
        ("confirmedAt", reservation.confirmedAt), ("cancelledAt", reservation.cancelledAt),
      ].compactMap { name, instant in
        instant.map { #","\#(name)":"\#(RFC3339.string(epochMilliseconds: Int64($0)))""# }
      }.joined()
      let lines = reservation.items.map { #"{"sku":"\#($0)","quantity":\#($1)}"# }.joined(separator: ",")
      let body =
        #"{"reservationId":"\#(id)","status":"\#(reservation.status)","items":[\#(lines)],"reference":"\#(key)"\#(instants)}"#
      return TestAnswer(status: 200, headers: [], body: Array(body.utf8))
    }
  }

  private static func problem(_ status: Int, _ name: String) -> TestAnswer {
    let body = #"{"type":"urn:holdfast:problem:\#(name)","status":\#(status)}"#
    return TestAnswer(status: status, headers: [], body: Array(body.utf8))
  }
}
