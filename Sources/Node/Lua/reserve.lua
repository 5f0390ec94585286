#!lua
-- Holds every line of a reservation, or none.
-- ARGV: 1 not-after, 2 reservation id, 3 ttl in s, 4 record from ',"items":' on,
--       5 idempotency key name or '', 6 idempotency record up to its instants, 7… sku, quantity, sku, quantity, …
-- Reply: OK now deadline | PRIOR now record | UNKNOWN now sku… | DUE now sku…
--        | SHORT now (sku available reserved next|-)…
local id, key = ARGV[2], ARGV[5]
local lines = #ARGV

local short = false
for i = 7, lines, 2 do
  local available = redis.call('GET', INVENTORY .. ARGV[i])
  if not available or available - ARGV[i + 1] < 0 then
    short = true
    break
  end
end

if not short then
  local deadline = (time[1] + ARGV[3]) .. millis
  if key ~= '' then
    local prior = redis.call('SET', key, ARGV[6] .. now .. ' ' .. deadline, 'NX', 'GET', 'EX', RETENTION)
    if prior then
      return 'PRIOR ' .. now .. ' ' .. prior
    end
  end
  local record = '{"v":1,"status":"ACTIVE","expiresAt":' .. deadline .. ',"createdAt":' .. now .. ARGV[4]
  redis.call('SET', RESERVATION .. id, record)
  for i = 7, lines, 2 do
    local sku = ARGV[i]
    redis.call('DECRBY', INVENTORY .. sku, ARGV[i + 1])
    redis.call('ZADD', HOLDS .. sku, deadline, id)
    redis.call('ZADD', DUE, 'LT', deadline, sku)
  end
  if EVENTS_MAX ~= '0' then
    redis.call('XADD', EVENTS, 'MAXLEN', '~', EVENTS_MAX, '*', 'type', 'reserved', 'id', id, 'data', record)
  end
  return 'OK ' .. now .. ' ' .. deadline
end

-- Refused: nothing is written, and most requests of a sale that has sold out end here.
if key ~= '' then
  local prior = redis.call('GET', key)
  if prior then
    return 'PRIOR ' .. now .. ' ' .. prior
  end
end
local unknown, due, shortages = '', '', ''
for i = 7, lines, 2 do
  local sku = ARGV[i]
  local stock = redis.call('MGET', INVENTORY .. sku, TOTAL .. sku, SOLD .. sku)
  local available = stock[1]
  if not available then
    unknown = unknown .. ' ' .. sku
  elseif available - ARGV[i + 1] < 0 then
    local earliest = redis.call('ZRANGE', HOLDS .. sku, '0', '0', 'WITHSCORES')[2]
    if earliest and earliest <= now then
      due = due .. ' ' .. sku
    else
      shortages = shortages .. ' ' .. sku .. ' ' .. available .. ' ' .. (stock[2] - available - stock[3])
        .. ' ' .. (earliest or '-')
    end
  end
end
if unknown ~= '' then
  return 'UNKNOWN ' .. now .. unknown
elseif due ~= '' then
  return 'DUE ' .. now .. due
end
return 'SHORT ' .. now .. shortages
