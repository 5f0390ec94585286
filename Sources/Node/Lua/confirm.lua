#!lua flags=allow-oom
-- Sells what a reservation holds.
-- ARGV: 1 not-after, 2 reservation id, 3 idempotency key name or '', 4 idempotency record up to its answer
-- Reply: OK now record | PRIOR now record | GONE now | EXPIRED now | CANCELLED now
local id, key = ARGV[2], ARGV[3]
local record = redis.call('GET', RESERVATION .. id)
local status = record and string.sub(record, 18, 19)

if status == 'AC' and string.sub(record, 38, 50) > now then
  local confirmed = '{"v":1,"status":"CONFIRMED","confirmedAt":' .. now .. string.sub(record, 25)
  if key ~= '' then
    local prior = redis.call('SET', key, ARGV[4] .. confirmed, 'NX', 'GET', 'EX', RETENTION)
    if prior then
      return 'PRIOR ' .. now .. ' ' .. prior
    end
  end
  redis.call('SET', RESERVATION .. id, confirmed, 'EX', KEPT)
  local at, sku, quantity = ITEMS_AT - 1
  repeat
    sku, quantity, at = string.match(record, '"([^"]+)":(%d+)()', at + 1)
    redis.call('INCRBY', SOLD .. sku, quantity)
    redis.call('ZREM', HOLDS .. sku, id)
    redis.call('RPUSH', SALES .. sku, id .. now)
  until string.byte(record, at) ~= COMMA
  if EVENTS_MAX ~= '0' then
    redis.call('XADD', EVENTS, 'MAXLEN', '~', EVENTS_MAX, '*', 'type', 'confirmed', 'id', id, 'data', confirmed)
  end
  return 'OK ' .. now .. ' ' .. confirmed
end

if key ~= '' then
  local prior = redis.call('GET', key)
  if prior then
    return 'PRIOR ' .. now .. ' ' .. prior
  end
end
if not record then
  return 'GONE ' .. now
elseif status == 'CA' then
  return 'CANCELLED ' .. now
elseif status ~= 'CO' then
  return 'EXPIRED ' .. now
end
if key ~= '' then
  redis.call('SET', key, ARGV[4] .. record, 'EX', RETENTION)
end
return 'OK ' .. now .. ' ' .. record
