import Foundation
import TestSupport
import Testing

/// The contents of Redis at one instant, read directly and checked against the invariants.
struct StoreSnapshot {
  struct Stock: Decodable {
    var sku: String
    var available, total, sold: Int
    /// The index of holds: deadlines by reservation ID.
    var holds: [String: Int]

    var reserved: Int { total - available - sold }
  }

  struct Reservation: Decodable {
    var status: String
    /// In epoch milliseconds.
    var createdAt, expiresAt: Int
    var confirmedAt, cancelledAt: Int?
    var items: [String: Int]
    var reference: String?
    /// Lines that other shards keep.
    var elsewhere: [String: Int]?
    /// The home of a part: the shard that decides about the reservation.
    var home: Int?
  }

  private struct Record: Decodable {
    let id: String
    let record: Reservation
  }

  private struct Contents: Decodable {
    let stocks: [Stock]
    let records: [Record]
  }

  var stocks: [Stock]
  /// As their homes know them, with all lines.
  var reservations: [String: Reservation]
  /// Also the parts of carts, each with the lines of its shard alone.
  private let records: [Record]

  init(stocks: [Stock], reservations: [String: Reservation]) {
    (self.stocks, self.reservations) = (stocks, reservations)
    records = reservations.map { Record(id: $0.key, record: $0.value) }
  }

  /// Breaches of invariant 1, and indexes of holds that do not match the ACTIVE reservations.
  var violations: [String] {
    var violations: [String] = []
    for stock in stocks {
      let numbers = [stock.available, stock.reserved, stock.sold, stock.total]
      if numbers.contains(where: { $0 < 0 }) { violations.append("\(stock.sku): negative: \(numbers)") }
      let own = records.filter { $0.record.items[stock.sku] != nil }
      let active = own.filter { $0.record.status == "ACTIVE" }
      let pieces = { (records: [Record]) in records.reduce(0) { $0 + ($1.record.items[stock.sku] ?? 0) } }
      let (held, sold) = (pieces(active), pieces(own.filter { $0.record.status == "CONFIRMED" }))
      if held != stock.reserved { violations.append("\(stock.sku): reserved \(stock.reserved), held \(held)") }
      if sold != stock.sold { violations.append("\(stock.sku): sold \(stock.sold), confirmed \(sold)") }
      let deadlines = Dictionary(active.map { ($0.id, $0.record.expiresAt) }) { $1 }
      if deadlines != stock.holds { violations.append("\(stock.sku): wrong index of holds") }
    }
    return violations
  }

  /// Parts of carts that do not stand where their homes do. Between a decision and its roll-forward there are some.
  var misfits: [String] {
    records.filter { $0.record.home != nil && !isFit($0.record, reservations[$0.id]) }.map {
      "part of \($0.id): \($0.record), home: \(reservations[$0.id].map { "\($0)" } ?? "none")"
    }
  }

  /// A part that is back in stock is EXPIRED, however its home has ended, and also if there never was one.
  private func isFit(_ part: Reservation, _ home: Reservation?) -> Bool {
    part.status == "EXPIRED"
      ? home.map { ["EXPIRED", "CANCELLED"].contains($0.status) } ?? true : part.status == home?.status
  }

  /// Breaches of invariant 2: references with two reservations. Tests use the idempotency key as the reference.
  var doubledReferences: [String] {
    Dictionary(grouping: reservations.values.compactMap(\.reference), by: \.self).filter { $0.value.count > 1 }.map(
      \.key)
  }

  func stock(_ sku: String) -> Stock? { stocks.first { $0.sku == sku } }
}

extension StoreSnapshot {
  init(of redis: PrivateRedis) throws { try self.init(of: [redis]) }

  /// Reads everything of each server in one script, so at one instant, whatever shards there are on it.
  init(of servers: [PrivateRedis]) throws {
    let script = """
      local stocks, records = {}, {}
      for _, index in ipairs(redis.call('KEYS', '*skus')) do
        local shard = string.sub(index, 1, -5)
        for _, sku in ipairs(redis.call('ZRANGE', index, 0, -1)) do
          local holds, ids = {}, redis.call('ZRANGE', shard .. 'holds:' .. sku, 0, -1, 'WITHSCORES')
          for i = 1, #ids, 2 do holds[#holds + 1] = '"' .. ids[i] .. '":' .. ids[i + 1] end
          stocks[#stocks + 1] = '{"sku":"' .. sku .. '","available":' .. redis.call('GET', shard .. 'inventory:' .. sku)
            .. ',"total":' .. redis.call('GET', shard .. 'total:' .. sku)
            .. ',"sold":' .. redis.call('GET', shard .. 'sold:' .. sku)
            .. ',"holds":{' .. table.concat(holds, ',') .. '}}'
        end
      end
      for _, key in ipairs(redis.call('KEYS', '*reservation:*')) do
        local _, behind = string.find(key, 'reservation:', 1, true)
        records[#records + 1] = '{"id":"' .. string.sub(key, behind + 1) .. '","record":' .. redis.call('GET', key) .. '}'
      end
      return '{"stocks":[' .. table.concat(stocks, ',') .. '],"records":[' .. table.concat(records, ',') .. ']}'
      """
    let contents = try servers.map {
      try JSONDecoder().decode(Contents.self, from: Data($0.cli("--raw", "EVAL", script, "0").utf8))
    }
    stocks = contents.flatMap(\.stocks).sorted { $0.sku < $1.sku }
    records = contents.flatMap(\.records)
    let homes = records.filter { $0.record.home == nil }.map { record in
      var whole = record.record
      whole.items.merge(whole.elsewhere ?? [:]) { $1 }
      return (record.id, whole)
    }
    reservations = Dictionary(homes) { $1 }
  }
}

extension TestCluster {
  /// What is in Redis once the parts of all carts have followed their homes.
  func snapshot() async throws -> StoreSnapshot {
    var snapshot = try StoreSnapshot(of: masters)
    try await eventually("all parts of carts have followed") {
      guard try masters.allSatisfy({ try $0.cli("EVAL", "return #redis.call('KEYS', '*unsettled')", "0") == "0" })
      else {
        return false
      }
      snapshot = try StoreSnapshot(of: masters)
      return snapshot.misfits.isEmpty
    }
    return snapshot
  }

  /// Checks that the invariants hold in Redis and in every node's audit.
  func expectInvariants(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let snapshot = try await snapshot()
    #expect(snapshot.violations == [], sourceLocation: sourceLocation)
    #expect(snapshot.misfits == [], sourceLocation: sourceLocation)
    #expect(snapshot.doubledReferences == [], sourceLocation: sourceLocation)
    for node in nodes where node.process.isRunning {
      var (cursor, skus): (String?, Int) = (nil, 0)
      repeat {
        let report = try await node.send(.audit(cursor: cursor))
        try #require(report.status == 200, "\(report)", sourceLocation: sourceLocation)
        #expect(report.json["consistent"] as? Bool == true, "\(report)", sourceLocation: sourceLocation)
        #expect(report.objects("violations").isEmpty, sourceLocation: sourceLocation)
        #expect(report.json["unverified"] as? [String] == [], "\(report)", sourceLocation: sourceLocation)
        skus += report.number("skus") ?? 0
        cursor = report.text("nextCursor")
      } while cursor != nil
      #expect(skus == snapshot.stocks.count, sourceLocation: sourceLocation)
    }
  }
}
