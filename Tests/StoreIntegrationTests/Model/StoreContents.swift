import NIOCore
import RedisClient
import TestSupport

/// What stands in the store, or should stand there, as text that can be compared and read.
struct StoreContents: Equatable {
  /// By SKU: counters, the sales told last, holds with their deadlines.
  var stock: [String: String] = [:]
  /// By id.
  var records: [String: String] = [:]
  /// Sorted: holds that were released together come in any order.
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
  /// - Parameter skus: those to be told of.
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
    /// By SKU, where there is one: the lower bound of its earliest deadline.
    var due: [String: Int64] = [:]
    /// By id: milliseconds to live, -1 for ever, -2 for one that is not there.
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

  /// - Parameter lastEvent: only what was told to the outbox after it is read; `-` for all.
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
