import Foundation
import TestSupport
import Testing

/// The contents of Redis at one instant, read directly and checked against the invariants.
struct StoreSnapshot: Decodable {
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
  }

  var stocks: [Stock]
  var reservations: [String: Reservation]

  /// Breaches of invariant 1, and indexes of holds that do not match the ACTIVE reservations.
  var violations: [String] {
    var violations: [String] = []
    for stock in stocks {
      let numbers = [stock.available, stock.reserved, stock.sold, stock.total]
      if numbers.contains(where: { $0 < 0 }) { violations.append("\(stock.sku): negative: \(numbers)") }
      let active = reservations.filter { $0.value.status == "ACTIVE" && $0.value.items[stock.sku] != nil }
      let confirmed = reservations.values.filter { $0.status == "CONFIRMED" }
      let held = active.values.reduce(0) { $0 + ($1.items[stock.sku] ?? 0) }
      let sold = confirmed.reduce(0) { $0 + ($1.items[stock.sku] ?? 0) }
      if held != stock.reserved { violations.append("\(stock.sku): reserved \(stock.reserved), held \(held)") }
      if sold != stock.sold { violations.append("\(stock.sku): sold \(stock.sold), confirmed \(sold)") }
      if active.mapValues(\.expiresAt) != stock.holds { violations.append("\(stock.sku): wrong index of holds") }
    }
    return violations
  }

  /// Breaches of invariant 2: references with two reservations. Tests use the idempotency key as the reference.
  var doubledReferences: [String] {
    Dictionary(grouping: reservations.values.compactMap(\.reference), by: \.self).filter { $0.value.count > 1 }.map(
      \.key)
  }

  func stock(_ sku: String) -> Stock? { stocks.first { $0.sku == sku } }
}

extension StoreSnapshot {
  /// Reads everything in one script, so at one instant.
  init(of redis: PrivateRedis) throws {
    let script = """
      local stocks, records = {}, {}
      for _, sku in ipairs(redis.call('ZRANGE', 'skus', 0, -1)) do
        local holds, ids = {}, redis.call('ZRANGE', 'holds:' .. sku, 0, -1, 'WITHSCORES')
        for i = 1, #ids, 2 do holds[#holds + 1] = '"' .. ids[i] .. '":' .. ids[i + 1] end
        stocks[#stocks + 1] = '{"sku":"' .. sku .. '","available":' .. redis.call('GET', 'inventory:' .. sku)
          .. ',"total":' .. redis.call('GET', 'total:' .. sku) .. ',"sold":' .. redis.call('GET', 'sold:' .. sku)
          .. ',"holds":{' .. table.concat(holds, ',') .. '}}'
      end
      for _, key in ipairs(redis.call('KEYS', 'reservation:*')) do
        records[#records + 1] = '"' .. string.sub(key, 13) .. '":' .. redis.call('GET', key)
      end
      return '{"stocks":[' .. table.concat(stocks, ',') .. '],"reservations":{' .. table.concat(records, ',') .. '}}'
      """
    self = try JSONDecoder().decode(StoreSnapshot.self, from: Data(redis.cli("--raw", "EVAL", script, "0").utf8))
  }
}

extension TestCluster {
  /// Checks that the invariants hold in Redis and in every node's audit.
  func expectInvariants(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let snapshot = try StoreSnapshot(of: redis)
    #expect(snapshot.violations == [], sourceLocation: sourceLocation)
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
