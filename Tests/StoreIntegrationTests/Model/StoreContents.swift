import NIOCore
import RedisClient
import TestSupport

/// The actual or expected contents of the store, as text that can be compared and read.
struct StoreContents: Equatable {
  /// By SKU: counters, the latest sales, and holds with their deadlines.
  var stock: [String: String] = [:]
  /// The records by ID.
  var records: [String: String] = [:]
  /// Sorted, because holds that are released together come in any order.
  var events: [String] = []

  /// The first few differences, in words.
  static func differences(expected: StoreContents, found: StoreContents) -> [String] {
    var told: [String] = []
    for (sku, text) in expected.stock where found.stock[sku] != text {
      told.append("stock of \(sku)\n    expected \(text)\n    found    \(found.stock[sku] ?? "nothing")")
    }
    for (id, text) in expected.records where found.records[id] != text {
      told.append("reservation \(id)\n    expected \(text)\n    found    \(found.records[id] ?? "nothing")")
    }
    if expected.events != found.events {
      told.append(
        "events\n    expected \(expected.events.joined(separator: "\n             "))"
          + "\n    found    \(found.events.joined(separator: "\n             "))")
    }
    return told
  }
}

extension Model {
  /// - Parameter skus: the SKUs to include.
  func contents(skus: [String], ids: some Sequence<String>) -> StoreContents {
    var contents = StoreContents()
    for sku in skus {
      contents.stock[sku] =
        stock[sku].map { stock in
          let holds = stock.holds.map { "\($0.key) until \($0.value)" }.sorted()
          return "available \(stock.available) total \(stock.total) sold \(stock.sold) listed 0"
            + " sales \(stock.sales.count) \(stock.sales.suffix(3)) holds \(holds)"
        } ?? "available - total - sold - listed - sales 0 [] holds []"
    }
    for id in ids { contents.records[id] = holds[id].map { record($0) } ?? "-" }
    contents.events = events.map { "\($0.type) \($0.id) \($0.data)" }.sorted()
    return contents
  }
}

/// Reads the store in one step.
struct StoreReader {
  let link: LinkHandle

  struct Reading {
    var contents = StoreContents()
    /// The lower bound of each SKU's earliest deadline, if it has one.
    var due: [String: Int64] = [:]
    /// Milliseconds to live by ID. -1 for no expiry, -2 for a missing key.
    var lifetimes: [String: Int64] = [:]
    var lastEvent = "-"
  }

  private static let script = """
    local stock, records = {}, {}
    for i = 3, 2 + ARGV[2] do
      local sku = ARGV[i]
      stock[#stock + 1] = {
        redis.call('GET', 'inventory:' .. sku) or '-', redis.call('GET', 'total:' .. sku) or '-',
        redis.call('GET', 'sold:' .. sku) or '-', redis.call('ZSCORE', 'skus', sku) or '-',
        redis.call('ZSCORE', 'due', sku) or '-', redis.call('LLEN', 'sales:' .. sku),
        redis.call('LRANGE', 'sales:' .. sku, '-3', '-1'), redis.call('ZRANGE', 'holds:' .. sku, '0', '-1', 'WITHSCORES')
      }
    end
    for i = 3 + ARGV[2], #ARGV do
      records[#records + 1] = {
        redis.call('GET', 'reservation:' .. ARGV[i]) or '-', redis.call('PTTL', 'reservation:' .. ARGV[i])
      }
    end
    return { stock, records, redis.call('XRANGE', 'events', ARGV[1] == '-' and '-' or '(' .. ARGV[1], '+') }
    """

  /// - Parameter lastEvent: only outbox events after this one are read. `-` for all.
  func read(skus: [String], ids: [String], after lastEvent: String) async throws -> Reading {
    let reply = try await link.send(["EVAL", Self.script, "0", lastEvent, "\(skus.count)"] + skus + ids).get()
    let parts = reply.elements
    guard parts.count == 3 else { throw RedisFailure.rejected(.other("\(reply)")) }
    var reading = Reading()
    for (sku, row) in zip(skus, parts[0].elements.map(\.elements)) {
      let counters = row.prefix(4).map { $0.text ?? "?" }
      let holds = row[7].elements.map { $0.text ?? "?" }
      let deadlines = stride(from: 0, to: holds.count, by: 2).map { "\(holds[$0]) until \(holds[$0 + 1])" }.sorted()
      reading.contents.stock[sku] =
        "available \(counters[0]) total \(counters[1]) sold \(counters[2]) listed \(counters[3])"
        + " sales \(row[5].number) \(row[6].elements.map { $0.text ?? "?" }) holds \(deadlines)"
      reading.due[sku] = row[4].text.flatMap { Int64($0) }
    }
    for (id, row) in zip(ids, parts[1].elements.map(\.elements)) {
      reading.contents.records[id] = row[0].text
      reading.lifetimes[id] = row[1].number
    }
    let entries = parts[2].elements.map(\.elements)
    reading.contents.events = entries.map { entry in
      let fields = entry[1].elements.map { $0.text ?? "?" }
      return fields.count == 6 && (fields[0], fields[2], fields[4]) == ("type", "id", "data")
        ? "\(fields[1]) \(fields[3]) \(fields[5])" : "\(fields)"
    }.sorted()
    reading.lastEvent = entries.last?[0].text ?? lastEvent
    return reading
  }
}
