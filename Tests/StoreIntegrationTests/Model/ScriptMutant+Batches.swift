extension ScriptMutant {
  /// Mistakes in what several calls share.
  static let ofBatches: [ScriptMutant] = [
    ScriptMutant(
      "reserve_batch", "carries no sum on", "stock.available, stock.moved = stock.available - arguments[i + 1],",
      "stock.available, stock.moved = stock.available,"),
    ScriptMutant("reserve_batch", "takes what the last one took", "stock.moved + arguments[i + 1]", "arguments[i + 1]"),
    ScriptMutant(
      "reserve_batch", "tells all what the first is told", "replies[number], ids[number]",
      "reply = replies[1] or reply replies[number], ids[number]"),
    ScriptMutant(
      "reserve_batch", "tells the first one last", "local number, id = #replies + 1, arguments[2]",
      "table.insert(replies, 1, '') local number, id = 1, arguments[2]"),
    ScriptMutant(
      "reserve_batch", "ends at the first refusal", "    if not is_judged then",
      "    if string.find(reply, 'SHORT') then break end if not is_judged then"),
    ScriptMutant(
      "reserve_batch", "records a key before it has judged", "local refusal = judge(ARGV, 7)",
      "local refusal = judge(ARGV, 7) if key ~= '' then keep_answer(key, ARGV[6] .. now .. ' ' .. now, id) end"),
    ScriptMutant("reserve_batch", "does not see a key of the same batch", "true and gathered_answer(key) or", ""),
    ScriptMutant(
      "reserve_batch", "gives all the time of the last", "if now > arguments[1] then", "if now > ARGV[1] then"),
    ScriptMutant(
      "reserve_batch", "forgets its own deadlines", "if score ~= false and own and", "if false and own and"),
    ScriptMutant(
      "reserve_batch", "tells the latest of its deadlines", "deadline < stock.own_deadline then", "true then"),
    ScriptMutant(
      "reserve_batch", "lists the first hold only", "unpack(stock.deadlines)", "stock.deadlines[1], stock.deadlines[2]"),
    ScriptMutant("reserve_batch", "bounds no SKU", "redis.pcall('ZADD', DUE, 'LT', stock.own_deadline, sku)", "1"),
    ScriptMutant(
      "reserve_batch", "looks at deadlines again and again", "stock.score, stock.words = look_at_score(sku)", ""),
    ScriptMutant(
      "reserve_batch", "takes its own deadline for the first", "or tonumber(own) < tonumber(score))", "or true)"),
    ScriptMutant("reserve_batch", "raises the bound in due", "'ZADD', DUE, 'LT',", "'ZADD', DUE,"),
    ScriptMutant("reserve_batch", "writes the first record only", "unpack(records)", "records[1], records[2]"),
    ScriptMutant(
      "reserve_batch", "writes no answers", "failed[id] = redis.pcall('SET', key, answer, 'EX', RETENTION).err", ""),
    ScriptMutant("reserve_batch", "keeps keys for ever", "answer, 'EX', RETENTION", "answer"),
    ScriptMutant(
      "reserve_batch", "overlooks damage after the first look", "return faults[index] or nil",
      "local fault = faults[index] faults[index] = false return fault or nil"),
    ScriptMutant(
      "reserve_batch", "takes of the first SKU only", "for i = 1, #touched do", "for i = 1, math.min(1, #touched) do"),
    ScriptMutant("reserve_batch", "refuses at the deadline of another", "earliest <= now", "earliest < now"),

    ScriptMutant(
      "confirm_batch", "carries no sum on", "stock.sold, stock.moved = stock.sold + quantity,",
      "stock.sold, stock.moved = stock.sold,"),
    ScriptMutant("confirm_batch", "sells what the last one held", "stock.moved + quantity", "quantity"),
    ScriptMutant(
      "confirm_batch", "leaves all holds but the first", "redis.pcall('ZREM', HOLDS .. sku, unpack(ids))",
      "redis.pcall('ZREM', HOLDS .. sku, ids[1])"),
    ScriptMutant(
      "confirm_batch", "lists the first sale only", "redis.pcall('RPUSH', SALES .. sku, unpack(sales))",
      "redis.pcall('RPUSH', SALES .. sku, sales[1])"),
    ScriptMutant("confirm_batch", "forgets when the sale was", "ids[place] .. now", "ids[place]"),
    ScriptMutant("confirm_batch", "counts in the wrong counter", "'INCRBY', SOLD", "'INCRBY', INVENTORY"),
    ScriptMutant(
      "confirm_batch", "sells of the first SKU only", "for i = 1, #touched do", "for i = 1, math.min(1, #touched) do"),
    ScriptMutant("confirm_batch", "does not see a key of the same batch", "true and gathered_answer(key) or", ""),
    ScriptMutant("confirm_batch", "runs what is too late", "if now > arguments[1] then", "if false then"),
  ]
}
