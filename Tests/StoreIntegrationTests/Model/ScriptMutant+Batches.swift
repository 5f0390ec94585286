extension ScriptMutant {
  /// Mistakes in what several reserves share.
  static let ofBatches: [ScriptMutant] = [
    ScriptMutant(
      "reserve_batch", "carries no sum on", "stock.available, stock.moved = stock.available - quantity,",
      "stock.available, stock.moved = stock.available,"),
    ScriptMutant("reserve_batch", "takes what the last one took", "stock.moved + quantity", "quantity"),
    ScriptMutant(
      "reserve_batch", "tells all what the first is told", "replies[#replies + 1] = is_judged and reply",
      "replies[#replies + 1] = replies[1] or is_judged and reply"),
    ScriptMutant(
      "reserve_batch", "tells the first one last", "replies[#replies + 1] = is_judged and reply or failed(reply)",
      "table.insert(replies, 1, is_judged and reply or failed(reply))"),
    ScriptMutant(
      "reserve_batch", "ends at the first refusal", "replies[#replies + 1] = is_judged and reply or failed(reply)",
      "replies[#replies + 1] = reply if string.find(reply, 'SHORT') then break end"),
    ScriptMutant(
      "reserve_batch", "records a key before it has judged", "local refusal = judge(ARGV, 7)",
      "local refusal = judge(ARGV, 7) if key ~= '' then keep_answer(key, ARGV[6] .. now .. ' ' .. now) end"),
    ScriptMutant("reserve_batch", "does not see a key of the same batch", "true and answered[key] or", ""),
    ScriptMutant("reserve_batch", "runs what is too late", "if now > arguments[1] then", "if false then"),
    ScriptMutant(
      "reserve_batch", "gives all the time of the last", "if now > arguments[1] then", "if now > ARGV[1] then"),
    ScriptMutant(
      "reserve_batch", "forgets its own deadlines", "if deadline ~= false and own and", "if false and own and"),
    ScriptMutant(
      "reserve_batch", "tells the latest of its deadlines", "deadline < stock.own_deadline then", "true then"),
    ScriptMutant(
      "reserve_batch", "lists the first hold only", "unpack(stock.entries)", "stock.entries[1], stock.entries[2]"),
    ScriptMutant("reserve_batch", "bounds the first SKU only", "unpack(due)", "due[1], due[2]"),
    ScriptMutant("reserve_batch", "raises the bound in due", "'ZADD', DUE, 'LT',", "'ZADD', DUE,"),
    ScriptMutant("reserve_batch", "writes the first record only", "unpack(records)", "records[1], records[2]"),
    ScriptMutant("reserve_batch", "writes no answers", "redis.call('SET', key, answer, 'EX', RETENTION)", ""),
    ScriptMutant("reserve_batch", "keeps keys for ever", "answer, 'EX', RETENTION", "answer"),
    ScriptMutant(
      "reserve_batch", "overlooks damage after the first look", "return faults[index] or nil", "return nil"),
    ScriptMutant(
      "reserve_batch", "takes of the first SKU only", "for i = 1, #touched do", "for i = 1, math.min(1, #touched) do"),
    ScriptMutant("reserve_batch", "refuses at the deadline of another", "earliest <= now", "earliest < now"),

    ScriptMutant(
      "confirm_batch", "carries no sum on", "stock.sold, stock.moved = stock.sold + quantity,",
      "stock.sold, stock.moved = stock.sold,"),
    ScriptMutant("confirm_batch", "sells what the last one held", "stock.moved + quantity", "quantity"),
    ScriptMutant(
      "confirm_batch", "leaves all holds but the first", "redis.call('ZREM', HOLDS .. sku, unpack(ids))",
      "redis.call('ZREM', HOLDS .. sku, ids[1])"),
    ScriptMutant(
      "confirm_batch", "lists the first sale only", "redis.call('RPUSH', SALES .. sku, unpack(ids))",
      "redis.call('RPUSH', SALES .. sku, ids[1])"),
    ScriptMutant("confirm_batch", "forgets when the sale was", "ids[place] = id .. now", "ids[place] = id"),
    ScriptMutant("confirm_batch", "counts in the wrong counter", "'INCRBY', SOLD", "'INCRBY', INVENTORY"),
    ScriptMutant(
      "confirm_batch", "sells of the first SKU only", "for i = 1, #touched do", "for i = 1, math.min(1, #touched) do"),
    ScriptMutant("confirm_batch", "does not see a key of the same batch", "true and answered[key] or", ""),
    ScriptMutant("confirm_batch", "runs what is too late", "if now > arguments[1] then", "if false then"),
  ]
}
