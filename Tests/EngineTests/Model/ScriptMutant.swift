@testable import Node

/// A script with one mistake put into it on purpose: what the model must notice.
struct ScriptMutant: Sendable, CustomStringConvertible {
  var script: String
  var mistake: String
  var original: String
  var mutated: String

  init(_ script: String, _ mistake: String, _ original: String, _ mutated: String) {
    (self.script, self.mistake, self.original, self.mutated) = (script, mistake, original, mutated)
  }

  var description: String { "\(script): \(mistake)" }

  struct NotThere: Error { let mutant: ScriptMutant }

  /// The library with the mistake in it.
  func applied(to library: ScriptLibrary) throws(NotThere) -> ScriptLibrary {
    var isThere = false
    let changed = library.edited { name, source in
      guard name == script, source.contains(original) else { return source }
      isThere = true
      return source.replacing(original, with: mutated)
    }
    guard isThere else { throw NotThere(mutant: self) }
    return changed
  }

  private static let recordsRefusal = "redis.call('SET', key, ARGV[4] .. record, 'EX', RETENTION)"

  static let all: [ScriptMutant] = [
    ScriptMutant("reserve", "takes early milliseconds of a second for later ones", "'00000' .. time[2]", "time[2]"),
    ScriptMutant("reserve", "sells one more than there is", "ARGV[i + 1] < 0", "ARGV[i + 1] < -1"),
    ScriptMutant(
      "reserve", "looks at the first line only", "lines, 2 do\n  local available", "7, 2 do\n  local available"),
    ScriptMutant("reserve", "holds the first line only", "lines, 2 do\n    local sku", "7, 2 do\n    local sku"),
    ScriptMutant("reserve", "leaves no entry in holds", "redis.call('ZADD', HOLDS .. sku, deadline, id)", ""),
    ScriptMutant("reserve", "leaves no bound in due", "redis.call('ZADD', DUE, 'LT', deadline, sku)", ""),
    ScriptMutant("reserve", "raises the bound in due", "'ZADD', DUE, 'LT',", "'ZADD', DUE,"),
    ScriptMutant("reserve", "refuses at the deadline of another", "earliest <= now", "earliest < now"),
    ScriptMutant("reserve", "never looks for due holds", "if earliest and earliest <= now then", "if false then"),
    ScriptMutant("reserve", "writes over an earlier key", "'NX', 'GET', 'EX'", "'GET', 'EX'"),
    ScriptMutant("reserve", "ignores an earlier key", "if prior then\n      return", "if false then\n      return"),
    ScriptMutant("reserve", "keeps keys for ever", "'NX', 'GET', 'EX', RETENTION", "'NX', 'GET'"),
    ScriptMutant("reserve", "refuses replays when sold out", "redis.call('GET', key)", "nil"),
    ScriptMutant(
      "reserve", "lets active reservations vanish", "RESERVATION .. id, record)",
      "RESERVATION .. id, record, 'EX', KEPT)"),
    ScriptMutant(
      "reserve", "releases before it tells unknown SKUs", "if unknown ~= '' then", "if unknown ~= '' and due == '' then"
    ),
    ScriptMutant("reserve", "counts the sold as reserved", "stock[2] - available - stock[3]", "stock[2] - available"),
    ScriptMutant("reserve", "tells the outbox nothing", "EVENTS_MAX ~= '0'", "EVENTS_MAX == '0'"),

    ScriptMutant("confirm", "does not look at the status", "status == 'AC' and", "record and"),
    ScriptMutant("confirm", "sells at the deadline", "38, 50) > now", "38, 50) >= now"),
    ScriptMutant("confirm", "leaves the hold in its index", "redis.call('ZREM', HOLDS .. sku, id)", ""),
    ScriptMutant("confirm", "counts in the wrong counter", "'INCRBY', SOLD", "'INCRBY', INVENTORY"),
    ScriptMutant("confirm", "sells the first line only", "until string.byte(record, at) ~= COMMA", "until true"),
    ScriptMutant("confirm", "keeps the sold for ever", "confirmed, 'EX', KEPT)", "confirmed)"),
    ScriptMutant("confirm", "keeps the sold no longer than keys", "'EX', KEPT", "'EX', RETENTION"),
    ScriptMutant("confirm", "forgets the sale", "redis.call('RPUSH', SALES .. sku, id .. now)", ""),
    ScriptMutant("confirm", "forgets when the sale was", "id .. now)", "id)"),
    ScriptMutant("confirm", "refuses what is confirmed already", "status ~= 'CO'", "true"),
    ScriptMutant("confirm", "tells a cancelled one that it expired", "status == 'CA'", "false"),
    ScriptMutant("confirm", "records no second success", recordsRefusal, ""),
    ScriptMutant("confirm", "writes over an earlier key", "'NX', 'GET', 'EX'", "'GET', 'EX'"),
    ScriptMutant("confirm", "refuses replays", "redis.call('GET', key)", "nil"),

    ScriptMutant("cancel", "cancels at the deadline", "38, 50) > now", "38, 50) >= now"),
    ScriptMutant("cancel", "puts nothing back", "redis.call('INCRBY', INVENTORY .. sku, quantity)", ""),
    ScriptMutant("cancel", "puts one piece back", "INVENTORY .. sku, quantity", "INVENTORY .. sku, '1'"),
    ScriptMutant("cancel", "puts the first line back only", "until string.byte(record, at) ~= COMMA", "until true"),
    ScriptMutant("cancel", "leaves the hold in its index", "redis.call('ZREM', HOLDS .. sku, id)", ""),
    ScriptMutant("cancel", "keeps the cancelled for ever", "cancelled, 'EX', KEPT)", "cancelled)"),
    ScriptMutant("cancel", "takes back what is sold", "status == 'CO'", "false"),
    ScriptMutant(
      "cancel", "tells another instant of expiry", "\"expiredAt\":' .. string.sub(record, 38, 50)",
      "\"expiredAt\":' .. now"),
    ScriptMutant("cancel", "records no second success", recordsRefusal, ""),
    ScriptMutant("cancel", "refuses replays", "redis.call('GET', key)", "nil"),

    ScriptMutant("extend", "extends at the deadline", "current <= now", "current < now"),
    ScriptMutant("extend", "knows no limit", "if deadline > limit then", "if false then"),
    ScriptMutant("extend", "never says that the limit is reached", "current >= limit", "false"),
    ScriptMutant("extend", "shortens holds", "if deadline > current then", "if true then"),
    ScriptMutant("extend", "leaves the index behind", "redis.call('ZADD', HOLDS .. sku, deadline, id)", ""),
    ScriptMutant("extend", "moves the first line only", "until string.byte(record, at) ~= COMMA", "until true"),
    ScriptMutant("extend", "lets the extended vanish", "id, record)\n", "id, record, 'EX', KEPT)\n"),
    ScriptMutant("extend", "extends the sold", "elseif status == 'CO' then", "elseif false then"),
    ScriptMutant("extend", "refuses replays", "local prior = redis.call('GET', key)", "local prior"),
    ScriptMutant("extend", "records no success", recordsRefusal, ""),

    ScriptMutant("release", "waits a millisecond too long", "'-inf', now", "'-inf', '(' .. now"),
    ScriptMutant("release", "leaves other SKUs' indexes", "redis.call('ZREM', HOLDS .. line, id)", ""),
    ScriptMutant("release", "puts all lines into one SKU", "INVENTORY .. line", "INVENTORY .. sku"),
    ScriptMutant(
      "release", "puts back twice", "'INCRBY', INVENTORY .. line, quantity", "'INCRBY', INVENTORY .. line, 2 * quantity"
    ),
    ScriptMutant("release", "tells another instant of expiry", "\"expiredAt\":' .. deadline", "\"expiredAt\":' .. now"),
    ScriptMutant("release", "keeps the expired for ever", "expired, 'EX', KEPT)", "expired)"),
    ScriptMutant(
      "release", "forgets what is due later", "redis.call('ZADD', DUE, earliest, sku)", "redis.call('ZREM', DUE, sku)"),

    ScriptMutant("sweep", "waits a millisecond for a SKU", "DUE, '-inf', now", "DUE, '-inf', '(' .. now"),
    ScriptMutant("sweep", "waits a millisecond for a hold", "sku, '-inf', now", "sku, '-inf', '(' .. now"),
    ScriptMutant(
      "sweep", "forgets what is due later", "redis.call('ZADD', DUE, earliest, sku)", "redis.call('ZREM', DUE, sku)"),
    ScriptMutant("sweep", "keeps SKUs that hold nothing", "redis.call('ZREM', DUE, sku)", ""),

    ScriptMutant("change_stock", "refuses at the deadline of a hold", "earliest <= now", "earliest < now"),
    ScriptMutant("change_stock", "goes below what is in use", "available < 0", "available < -1"),
    ScriptMutant("change_stock", "knows no limit", "total > STOCK_LIMIT", "false"),
    ScriptMutant("change_stock", "forgets what is sold", "'changed', stock[3]", "'changed', '0'"),
    ScriptMutant("change_stock", "lists nothing new", "redis.call('ZADD', SKUS, '0', sku)", ""),
    ScriptMutant("change_stock", "adjusts what is not there", "elseif ARGV[5] == 'adjust' then", "elseif false then"),
    ScriptMutant("change_stock", "records no success", "ARGV[4] .. answer, 'EX', RETENTION", "'', 'EX', RETENTION"),

    ScriptMutant("delete_stock", "leaves sales to the next generation", "HOLDS .. sku, SALES .. sku", "HOLDS .. sku"),
    ScriptMutant("delete_stock", "leaves sold to the next generation", "TOTAL .. sku, SOLD .. sku,", "TOTAL .. sku,"),
    ScriptMutant("delete_stock", "leaves it in the list", "redis.call('ZREM', SKUS, sku)", ""),
    ScriptMutant("delete_stock", "leaves it in due", "redis.call('ZREM', DUE, sku)", ""),
    ScriptMutant("delete_stock", "deletes what one piece is held of", "reserved > 0", "reserved > 1"),
    ScriptMutant("delete_stock", "refuses for expired holds", "if earliest and earliest <= now then", "if false then"),
    ScriptMutant("delete_stock", "records no success", "redis.call('SET', key, ARGV[4], 'EX', RETENTION)", ""),

    ScriptMutant("read_stock", "counts a hold at its deadline", "earliest <= now", "earliest < now"),
    ScriptMutant("list_stock", "repeats the last of a page", "'(' .. ARGV[2]", "'[' .. ARGV[2]"),
    ScriptMutant("list_stock", "counts expired holds", ".. (earliest or '-')", ".. '-'"),

    ScriptMutant("audit_stock", "takes a SKU for a pattern", "string.gsub(sku, '%p', '%%%0')", "sku"),
    ScriptMutant("audit_stock", "takes members of a record for a SKU", "pattern, ITEMS_AT", "pattern"),
    ScriptMutant("audit_stock", "overlooks the sold", "18, 19) == 'CO'", "18, 19) == 'XX'"),
  ]
}
