import NIOCore
import TestSupport

@testable import Store

/// The faults of a store in which no hold can be active, read key by key. It is independent of the audit.
struct StoreFaults: CustomStringConvertible {
  private(set) var all: [String] = []
  /// SKUs with faults.
  private(set) var skus: Set<String> = []

  var description: String { "\(all)" }

  /// - Parameter told: SKUs that the audit has reported. Their indexes may have lost entries that no key shows.
  init(of skus: [String], told: Set<String>, in link: LinkHandle) async throws {
    self.skus = told
    for (key, expected) in [("skus", "zset"), ("due", "zset"), ("events", "stream")] {
      let type = try await link.reply("TYPE", key).text ?? ""
      if type != expected, type != "none" { all.append("\(key) is a \(type)") }
    }
    let listed = try await link.send("ZRANGE", "skus", "0", "-1").get().elements.compactMap(\.text)
    all += listed.filter { SKU($0) == nil }.map { "\($0) is listed" }
    let records = try await Self.records(link)
    for key in try await link.reply("KEYS", "*").elements.compactMap(\.text) where Self.mustStay(key, records) {
      if try await link.reply("PTTL", key).number >= 0 { all.append("\(key) would vanish") }
    }
    for sku in skus {
      var faults: [String] = []
      let counters = try await ["inventory:", "total:", "sold:"].asyncMap { try await Self.counter($0 + sku, link) }
      let types = try await ["holds:", "sales:"].asyncMap { try await link.reply("TYPE", $0 + sku).text ?? "" }
      let isThere = counters.contains { $0 != .missing } || types.contains { $0 != "none" } || listed.contains(sku)
      guard isThere else { continue }
      if !listed.contains(sku) { faults.append("is not listed") }
      if !["zset", "none"].contains(types[0]) { faults.append("holds is a \(types[0])") }
      if !["list", "none"].contains(types[1]) { faults.append("sales is a \(types[1])") }
      if case .number(let available) = counters[0], case .number(let total) = counters[1],
        case .number(let sold) = counters[2]
      {
        let reserved = total - available - sold
        let active = records.filter { $0.status == "ACTIVE" }.reduce(0) { $0 + ($1.lines[sku] ?? 0) }
        if available < 0 || sold < 0 || reserved < 0 { faults.append("a counter is negative") }
        if reserved != active { faults.append("\(reserved) are reserved, \(active) held") }
      } else {
        faults.append("counters \(counters)")
      }
      all += faults.map { "\(sku) \($0)" }
      if !faults.isEmpty { self.skus.insert(sku) }
    }
    // A cart is released as a whole or not at all.
    for record in records where record.status == "ACTIVE" && !self.skus.isDisjoint(with: record.lines.keys) {
      self.skus.formUnion(record.lines.keys)
    }
  }

  enum Counter: Equatable {
    case missing, damaged
    case number(Int)
  }

  private static func counter(_ key: String, _ link: LinkHandle) async throws -> Counter {
    switch try await link.send("GET", key).get() {
    case .null: return .missing
    case .bytes(let bytes):
      guard let number = Int(decimal: bytes), abs(number) < 1_000_000_000_000, "\(number)".utf8.elementsEqual(bytes)
      else { return .damaged }
      return .number(number)
    default: return .damaged
    }
  }

  /// Whether a key belongs to a SKU or an active hold. Such keys have no expiry.
  private static func mustStay(_ key: String, _ records: [Record]) -> Bool {
    ["inventory:", "total:", "sold:", "holds:", "sales:", "skus", "due", "events"].contains { key.hasPrefix($0) }
      || records.contains { "reservation:\($0.id)" == key && $0.status == "ACTIVE" }
  }

  private struct Record {
    var id: String
    var status: String
    var lines: [String: Int]
  }

  private static func records(_ link: LinkHandle) async throws -> [Record] {
    var records: [Record] = []
    for key in try await link.reply("KEYS", "reservation:*").elements.compactMap(\.text) {
      guard case .bytes(let bytes) = try await link.send("GET", key).get(),
        let reservation = try? StoredReservation.read(bytes[...], id: ReservationID(), now: 0)
      else { continue }
      let lines = Dictionary(uniqueKeysWithValues: reservation.lines.map { ($0.sku.text, $0.quantity) })
      let id = String(key.dropFirst("reservation:".count))
      records.append(Record(id: id, status: reservation.status.rawValue, lines: lines))
    }
    return records
  }
}

extension Array {
  fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await transform(element)) }
    return values
  }
}
