-- luacheck: read_globals redis cjson KEYS ARGV
-- The reserve script one writes first, with the same promises as the node's: nothing is tuned, each fact is
-- written where it is looked for, and the answer is built and kept as JSON.
-- KEYS: 1 idempotency record or ''
-- ARGV: 1 reservation id, 2 ttl in s, 3 items as JSON, 4 fingerprint
-- Reply: JSON with `outcome`: reserved, replayed, reused, unknown, short
if KEYS[1] ~= '' then
  local stored = redis.call('GET', KEYS[1])
  if stored then
    local prior = cjson.decode(stored)
    if prior.fingerprint ~= ARGV[4] then
      return cjson.encode({ outcome = 'reused' })
    end
    return cjson.encode({ outcome = 'replayed', reservation = prior.reservation })
  end
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expires = now + ARGV[2] * 1000
local items = cjson.decode(ARGV[3])

local shortages = {}
for _, item in ipairs(items) do
  local available = tonumber(redis.call('GET', 'inventory:' .. item.sku))
  if not available then
    return cjson.encode({ outcome = 'unknown', sku = item.sku })
  end
  if available < item.quantity then
    local earliest = redis.call('ZRANGE', 'holds:' .. item.sku, 0, 0, 'WITHSCORES')
    table.insert(shortages, {
      sku = item.sku,
      requested = item.quantity,
      available = available,
      reserved = tonumber(redis.call('HGET', 'counters:' .. item.sku, 'reserved') or 0),
      nextReleaseAt = tonumber(earliest[2]),
    })
  end
end
if #shortages > 0 then
  return cjson.encode({ outcome = 'short', now = now, shortages = shortages })
end

for _, item in ipairs(items) do
  redis.call('DECRBY', 'inventory:' .. item.sku, item.quantity)
  redis.call('HINCRBY', 'counters:' .. item.sku, 'reserved', item.quantity)
  redis.call('ZADD', 'holds:' .. item.sku, expires, ARGV[1])
end
redis.call('HSET', 'reservation:' .. ARGV[1], 'status', 'ACTIVE', 'items', ARGV[3],
  'createdAt', now, 'expiresAt', expires)
redis.call('ZADD', 'deadlines', expires, ARGV[1])

local reservation = {
  reservationId = ARGV[1],
  status = 'ACTIVE',
  items = items,
  createdAt = now,
  expiresAt = expires,
}
redis.call('XADD', 'events', 'MAXLEN', '~', 100000, '*', 'type', 'reserved', 'data', cjson.encode(reservation))
if KEYS[1] ~= '' then
  redis.call('SET', KEYS[1], cjson.encode({ fingerprint = ARGV[4], reservation = reservation }), 'EX', 86400)
end
return cjson.encode({ outcome = 'reserved', reservation = reservation })
