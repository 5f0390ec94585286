#!lua flags=allow-oom
-- Puts back what a reservation holds. One whose deadline has passed is told EXPIRED and left to the release:
-- whoever judges one of its SKUs next counts it as released already.
-- ARGV: 1 not-after, 2 reservation id, 3 idempotency key name or '', 4 idempotency record up to its answer
-- Reply: OK now record | PRIOR now record | GONE now | CONFIRMED now
local id, key = ARGV[2], ARGV[3]
local record = redis.call('GET', RESERVATION .. id)
local status = record and string.sub(record, 18, 19)

if status == 'AC' and string.sub(record, 38, 50) > now then
  local cancelled = '{"v":1,"status":"CANCELLED","cancelledAt":' .. now .. string.sub(record, 25)
  if key ~= '' then
    local prior = redis.call('SET', key, ARGV[4] .. cancelled, 'NX', 'GET', 'EX', RETENTION)
    if prior then
      return 'PRIOR ' .. now .. ' ' .. prior
    end
  end
  redis.call('SET', RESERVATION .. id, cancelled, 'EX', KEPT)
  local at, sku, quantity = ITEMS_AT - 1
  repeat
    sku, quantity, at = string.match(record, '"([^"]+)":(%d+)()', at + 1)
    redis.call('INCRBY', INVENTORY .. sku, quantity)
    redis.call('ZREM', HOLDS .. sku, id)
  until string.byte(record, at) ~= COMMA
  if EVENTS_MAX ~= '0' then
    redis.call('XADD', EVENTS, 'MAXLEN', '~', EVENTS_MAX, '*', 'type', 'cancelled', 'id', id, 'data', cancelled)
  end
  return 'OK ' .. now .. ' ' .. cancelled
end

if key ~= '' then
  local prior = redis.call('GET', key)
  if prior then
    return 'PRIOR ' .. now .. ' ' .. prior
  end
end
if not record then
  return 'GONE ' .. now
elseif status == 'CO' then
  return 'CONFIRMED ' .. now
elseif status == 'AC' then
  record = '{"v":1,"status":"EXPIRED","expiredAt":' .. string.sub(record, 38, 50) .. string.sub(record, 25)
end
if key ~= '' then
  redis.call('SET', key, ARGV[4] .. record, 'EX', RETENTION)
end
return 'OK ' .. now .. ' ' .. record
