@testable import Store

/// A script with one deliberate mistake. The model must notice it.
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

  /// The library with the mistake.
  func applied(to library: ScriptLibrary) throws(NotThere) -> ScriptLibrary {
    var isThere = false
    let text = ScriptText(library.constants)
    let (original, mutated) = (text.replacingConstants(in: original), text.replacingConstants(in: mutated))
    let changed = library.edited { name, source in
      guard name == script, source.contains(original) else { return source }
      isThere = true
      return source.replacing(original, with: mutated)
    }
    guard isThere else { throw NotThere(mutant: self) }
    return changed
  }

  private static let recordsRefusal = "keep_answer(key, ARGV[4] .. record)"

  static let all: [ScriptMutant] = [
    ScriptMutant("reserve", "takes early milliseconds of a second for later ones", "'00000' .. time[2]", "time[2]"),
    ScriptMutant("reserve", "sells one more than there is", "missing <= 0", "missing <= 1"),
    ScriptMutant(
      "reserve", "looks at the first line only", "#arguments, 2 do\n    local sku = arguments[i]\n    local available",
      "first, 2 do\n    local sku = arguments[i]\n    local available"),
    ScriptMutant(
      "reserve", "holds the first line only", "#arguments, 2 do\n    local sku = arguments[i]\n    redis",
      "first, 2 do\n    local sku = arguments[i]\n    redis"),
    ScriptMutant("reserve", "leaves no entry in holds", "redis.call('ZADD', HOLDS .. sku, deadline, id)", ""),
    ScriptMutant("reserve", "leaves no bound in due", "redis.call('ZADD', DUE, 'LT', deadline, sku)", ""),
    ScriptMutant("reserve", "raises the bound in due", "'ZADD', DUE, 'LT',", "'ZADD', DUE,"),
    ScriptMutant("reserve", "refuses at the deadline of another", "earliest <= now", "earliest < now"),
    ScriptMutant("reserve", "never looks for due holds", "if earliest and earliest <= now then", "if false then"),
    ScriptMutant(
      "reserve", "ignores an earlier key", "if not prior then\n    return nil", "if true then\n    return nil"),
    ScriptMutant("reserve", "keeps keys for ever", "answer, 'EX', RETENTION", "answer"),
    ScriptMutant("reserve", "records no success", "keep_answer(key, ARGV[6]", "tostring(ARGV[6]"),
    ScriptMutant("reserve", "refuses replays when sold out", "redis.pcall('GET', key)", "nil"),
    ScriptMutant(
      "reserve", "lets active reservations vanish", "RESERVATION .. id, record)",
      "RESERVATION .. id, record, 'EX', KEPT)"),
    ScriptMutant(
      "reserve", "releases before it tells unknown SKUs", "if unknown ~= '' then", "if unknown ~= '' and due == '' then"
    ),
    ScriptMutant("reserve", "counts the sold as reserved", "total - available - sold)", "total - available)"),
    ScriptMutant("reserve", "tells the outbox nothing", "EVENTS_MAX ~= '0'", "EVENTS_MAX == '0'"),

    ScriptMutant(
      "confirm", "does not look at the status", "status == 'ACTIVE' and deadline >", "status and deadline >"),
    ScriptMutant("confirm", "sells at the deadline", "deadline > now then", "deadline >= now then"),
    ScriptMutant("confirm", "leaves the hold in its index", "redis.call('ZREM', HOLDS .. sku, id)", ""),
    ScriptMutant("confirm", "counts in the wrong counter", "'INCRBY', SOLD", "'INCRBY', INVENTORY"),
    ScriptMutant("confirm", "sells the first line only", "#skus do\n      sell", "1 do\n      sell"),
    ScriptMutant("confirm", "keeps the sold for ever", "id, record, 'EX', KEPT)", "id, record)"),
    ScriptMutant("confirm", "keeps the sold no longer than keys", "'EX', KEPT", "'EX', RETENTION"),
    ScriptMutant("confirm", "forgets the sale", "redis.call('RPUSH', SALES .. sku, id .. now)", ""),
    ScriptMutant("confirm", "forgets when the sale was", "sku, id .. now)", "sku, id)"),
    ScriptMutant("confirm", "refuses what is confirmed already", "elseif status ~= 'CONFIRMED'", "elseif true"),
    ScriptMutant("confirm", "tells a cancelled one that it expired", "status == 'CANCELLED'", "false"),
    ScriptMutant("confirm", "records no second success", "keep_answer(key, ARGV[4] .. record, id)", ""),
    ScriptMutant("confirm", "keeps keys for ever", "answer, 'EX', RETENTION", "answer"),
    ScriptMutant("confirm", "refuses replays", "redis.pcall('GET', key)", "nil"),

    ScriptMutant("cancel", "cancels at the deadline", "deadline > now then", "deadline >= now then"),
    ScriptMutant("cancel", "puts nothing back", "redis.call('INCRBY', INVENTORY .. skus[i], quantities[i])", ""),
    ScriptMutant("cancel", "puts one piece back", "INVENTORY .. skus[i], quantities[i]", "INVENTORY .. skus[i], '1'"),
    ScriptMutant(
      "cancel", "puts the first line back only", "#skus do\n      redis.call('INCRBY'",
      "1 do\n      redis.call('INCRBY'"),
    ScriptMutant("cancel", "leaves the hold in its index", "redis.call('ZREM', HOLDS .. skus[i], id)", ""),
    ScriptMutant("cancel", "keeps the cancelled for ever", "id, record, 'EX', KEPT)", "id, record)"),
    ScriptMutant("cancel", "takes back what is sold", "elseif status == 'CONFIRMED'", "elseif false"),
    ScriptMutant("cancel", "tells another instant of expiry", "EXPIRED_HEAD .. deadline", "EXPIRED_HEAD .. now"),
    ScriptMutant("cancel", "tells that it expired", "CANCELLED_HEAD .. now", "EXPIRED_HEAD .. now"),
    ScriptMutant("cancel", "records no second success", recordsRefusal, ""),
    ScriptMutant("cancel", "refuses replays", "redis.pcall('GET', key)", "nil"),

    ScriptMutant("extend", "extends at the deadline", "current <= now", "current < now"),
    ScriptMutant("extend", "knows no limit", "if deadline > limit then", "if false then"),
    ScriptMutant("extend", "never says that the limit is reached", "current >= limit", "false"),
    ScriptMutant("extend", "shortens holds", "if deadline > current then", "if true then"),
    ScriptMutant("extend", "leaves the index behind", "redis.call('ZADD', HOLDS .. skus[i], deadline, id)", ""),
    ScriptMutant(
      "extend", "moves the first line only", "#skus do\n    redis.call('ZADD'", "1 do\n    redis.call('ZADD'"),
    ScriptMutant("extend", "lets the extended vanish", "id, record)\n", "id, record, 'EX', KEPT)\n"),
    ScriptMutant("extend", "extends the sold", "elseif status == 'CONFIRMED' then", "elseif false then"),
    ScriptMutant("extend", "refuses replays", "redis.pcall('GET', key)", "nil"),
    ScriptMutant("extend", "records no success", recordsRefusal, ""),

    ScriptMutant("release", "waits a millisecond too long", "sku, '-inf', now", "sku, '-inf', '(' .. now"),
    ScriptMutant("release", "leaves other SKUs' indexes", "redis.call('ZREM', HOLDS .. skus[i], id)", ""),
    ScriptMutant("release", "puts all lines into one SKU", "INVENTORY .. skus[i], q", "INVENTORY .. skus[1], q"),
    ScriptMutant(
      "release", "puts back twice", "INVENTORY .. skus[i], quantities[i]", "INVENTORY .. skus[i], 2 * quantities[i]"
    ),
    ScriptMutant("release", "tells another instant of expiry", "EXPIRED_HEAD .. deadline", "EXPIRED_HEAD .. now"),
    ScriptMutant("release", "keeps the expired for ever", "id, record, 'EX', KEPT)", "id, record)"),
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
    ScriptMutant("change_stock", "forgets what is sold", "SOLD .. sku, sold)", "SOLD .. sku, '0')"),
    ScriptMutant("change_stock", "lists nothing new", "redis.call('ZADD', SKUS, '0', sku)", ""),
    ScriptMutant("change_stock", "adjusts what is not there", "elseif ARGV[5] == 'adjust' then", "elseif false then"),
    ScriptMutant("change_stock", "records no success", "keep_answer(key, ARGV[4] .. answer)", "keep_answer(key, '')"),

    ScriptMutant("delete_stock", "leaves sales to the next generation", "HOLDS .. sku, SALES .. sku", "HOLDS .. sku"),
    ScriptMutant("delete_stock", "leaves sold to the next generation", "TOTAL .. sku, SOLD .. sku,", "TOTAL .. sku,"),
    ScriptMutant("delete_stock", "leaves it in the list", "redis.call('ZREM', SKUS, sku)", ""),
    ScriptMutant("delete_stock", "leaves it in due", "redis.call('ZREM', DUE, sku)", ""),
    ScriptMutant("delete_stock", "deletes what one piece is held of", "reserved > 0", "reserved > 1"),
    ScriptMutant("delete_stock", "refuses for expired holds", "if earliest and earliest <= now then", "if false then"),
    ScriptMutant("delete_stock", "records no success", "keep_answer(key, ARGV[4])", ""),

    ScriptMutant("read_stock", "counts a hold at its deadline", "earliest <= now", "earliest < now"),
    ScriptMutant("list_stock", "repeats the last of a page", "'(' .. ARGV[2]", "'[' .. ARGV[2]"),
    ScriptMutant("list_stock", "counts expired holds", ".. (earliest or '-')", ".. '-'"),

    ScriptMutant("audit_stock", "takes another SKU's pieces for its own", "if skus[i] == sku then", "if true then"),
    ScriptMutant("audit_stock", "overlooks what is held", "if status == 'ACTIVE' then", "if false then"),
    ScriptMutant("audit_stock", "overlooks the sold", "if status == 'CONFIRMED' then", "if false then"),
  ]
}
