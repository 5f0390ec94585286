#!lua flags=allow-oom
-- Deletes a SKU that nothing is reserved of. Its indexes go with it, so that a SKU of the same name made later
-- is a new generation: no sale of the old one is counted into it, and no hold of the old one is left to be restored.
-- ARGV: 1 not-after, 2 sku, 3 idempotency key name or '', 4 idempotency record up to its answer
-- Reply: OK now | PRIOR now record | GONE now | DUE now sku | INUSE now reserved sold
local sku, key = ARGV[2], ARGV[3]
if key ~= '' then
  local prior = redis.call('GET', key)
  if prior then
    return 'PRIOR ' .. now .. ' ' .. prior
  end
end
local stock = redis.call('MGET', INVENTORY .. sku, TOTAL .. sku, SOLD .. sku)
if not stock[1] then
  return 'GONE ' .. now
end
local earliest = redis.call('ZRANGE', HOLDS .. sku, '0', '0', 'WITHSCORES')[2]
if earliest and earliest <= now then
  return 'DUE ' .. now .. ' ' .. sku
end
local reserved = stock[2] - stock[1] - stock[3]
if reserved > 0 then
  return 'INUSE ' .. now .. ' ' .. reserved .. ' ' .. stock[3]
end
redis.call('UNLINK', INVENTORY .. sku, TOTAL .. sku, SOLD .. sku, HOLDS .. sku, SALES .. sku)
redis.call('ZREM', SKUS, sku)
redis.call('ZREM', DUE, sku)
if key ~= '' then
  redis.call('SET', key, ARGV[4], 'EX', RETENTION)
end
if EVENTS_MAX ~= '0' then
  redis.call('XADD', EVENTS, 'MAXLEN', '~', EVENTS_MAX, '*', 'type', 'stock-changed', 'id', sku, 'data',
    '{"v":1,"change":"deleted"}')
end
return 'OK ' .. now
