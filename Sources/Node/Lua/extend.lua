#!lua
-- Moves the deadline of a hold to now + ttl, never past its creation + HOLD_LIMIT, never back.
-- ARGV: 1 not-after, 2 reservation id, 3 idempotency key name or '', 4 idempotency record up to its answer, 5 ttl in s
-- Reply: OK now record | PRIOR now record | GONE now | EXPIRED now | CANCELLED now | CONFIRMED now | LIMIT now
local id, key = ARGV[2], ARGV[3]
if key ~= '' then
  local prior = redis.call('GET', key)
  if prior then
    return 'PRIOR ' .. now .. ' ' .. prior
  end
end
local record = redis.call('GET', RESERVATION .. id)
if not record then
  return 'GONE ' .. now
end
local status, current = string.sub(record, 18, 19), string.sub(record, 38, 50)
if status == 'CA' then
  return 'CANCELLED ' .. now
elseif status == 'CO' then
  return 'CONFIRMED ' .. now
elseif status ~= 'AC' or current <= now then
  return 'EXPIRED ' .. now
end

local deadline = (time[1] + ARGV[5]) .. millis
if deadline > current then
  local limit = (string.sub(record, 64, 73) + HOLD_LIMIT) .. string.sub(record, 74, 76)
  if current >= limit then
    return 'LIMIT ' .. now
  end
  if deadline > limit then
    deadline = limit
  end
  record = '{"v":1,"status":"ACTIVE","expiresAt":' .. deadline .. string.sub(record, 51)
  redis.call('SET', RESERVATION .. id, record)
  local at, sku = ITEMS_AT - 1
  repeat
    sku, at = string.match(record, '"([^"]+)":%d+()', at + 1)
    redis.call('ZADD', HOLDS .. sku, deadline, id)
  until string.byte(record, at) ~= COMMA
  if EVENTS_MAX ~= '0' then
    redis.call('XADD', EVENTS, 'MAXLEN', '~', EVENTS_MAX, '*', 'type', 'extended', 'id', id, 'data', record)
  end
end
if key ~= '' then
  redis.call('SET', key, ARGV[4] .. record, 'EX', RETENTION)
end
return 'OK ' .. now .. ' ' .. record
