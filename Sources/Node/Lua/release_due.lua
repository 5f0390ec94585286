-- What a request on its way and the sweep have in common; stands behind the prelude in their scripts.

-- Puts the stock of a SKU's expired holds back, each exactly once, until about `budget` item lines are done. Leaves the
-- SKU in the index of due ones as it is then. Returns holds released, budget left, earliest deadline left or nil.
local function release_due(sku, budget)
  local released = 0
  local ids = redis.call('ZRANGEBYSCORE', HOLDS .. sku, '-inf', now, 'LIMIT', '0', budget)
  for i = 1, #ids do
    if budget <= 0 then
      break
    end
    local id = ids[i]
    local record = redis.call('GET', RESERVATION .. id)
    local deadline = record and string.sub(record, 18, 19) == 'AC' and string.sub(record, 38, 50)
    if deadline and deadline <= now then
      local expired = '{"v":1,"status":"EXPIRED","expiredAt":' .. deadline .. string.sub(record, 25)
      redis.call('SET', RESERVATION .. id, expired, 'EX', KEPT)
      local at, line, quantity = ITEMS_AT - 1
      repeat
        line, quantity, at = string.match(record, '"([^"]+)":(%d+)()', at + 1)
        redis.call('INCRBY', INVENTORY .. line, quantity)
        redis.call('ZREM', HOLDS .. line, id)
        budget = budget - 1
      until string.byte(record, at) ~= COMMA
      if EVENTS_MAX ~= '0' then
        redis.call('XADD', EVENTS, 'MAXLEN', '~', EVENTS_MAX, '*', 'type', 'expired', 'id', id, 'data', expired)
      end
      released = released + 1
    else
      -- Only a damaged store comes here: an index entry that no due hold stands behind. Left where it is, it
      -- would be found due for ever; the audit still tells what is missing.
      if deadline then
        redis.call('ZADD', HOLDS .. sku, deadline, id)
      else
        redis.call('ZREM', HOLDS .. sku, id)
      end
      budget = budget - 1
    end
  end
  local earliest = redis.call('ZRANGE', HOLDS .. sku, '0', '0', 'WITHSCORES')[2]
  if earliest then
    redis.call('ZADD', DUE, earliest, sku)
  else
    redis.call('ZREM', DUE, sku)
  end
  return released, budget, earliest
end
