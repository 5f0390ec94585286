#!lua
-- Sets the total of a SKU (creating it) or changes it by a delta.
-- ARGV: 1 not-after, 2 sku, 3 idempotency key name or '', 4 idempotency record up to its answer,
--       5 'set' or 'adjust', 6 total or delta, 7 reason as a JSON string or ''
-- Reply: OK now answer | PRIOR now record | GONE now | DUE now sku | INUSE now reserved sold | LIMIT now total
--        answer: created|changed available total sold next|-
local sku, key, amount = ARGV[2], ARGV[3], ARGV[6]
if key ~= '' then
  local prior = redis.call('GET', key)
  if prior then
    return 'PRIOR ' .. now .. ' ' .. prior
  end
end
local stock = redis.call('MGET', INVENTORY .. sku, TOTAL .. sku, SOLD .. sku)
local verdict, total, available, sold, earliest = 'created', tonumber(amount), tonumber(amount), '0', nil
if stock[1] then
  earliest = redis.call('ZRANGE', HOLDS .. sku, '0', '0', 'WITHSCORES')[2]
  if earliest and earliest <= now then
    return 'DUE ' .. now .. ' ' .. sku
  end
  if ARGV[5] == 'adjust' then
    total = stock[2] + amount
  end
  verdict, sold = 'changed', stock[3]
  available = total - (stock[2] - stock[1])
  if available < 0 then
    return 'INUSE ' .. now .. ' ' .. (stock[2] - stock[1] - sold) .. ' ' .. sold
  elseif total > STOCK_LIMIT then
    return 'LIMIT ' .. now .. ' ' .. stock[2]
  end
elseif ARGV[5] == 'adjust' then
  return 'GONE ' .. now
end

total, available = string.format('%d', total), string.format('%d', available)
redis.call('MSET', INVENTORY .. sku, available, TOTAL .. sku, total, SOLD .. sku, sold)
if verdict == 'created' then
  redis.call('ZADD', SKUS, '0', sku)
end
local answer = verdict .. ' ' .. available .. ' ' .. total .. ' ' .. sold .. ' ' .. (earliest or '-')
if key ~= '' then
  redis.call('SET', key, ARGV[4] .. answer, 'EX', RETENTION)
end
if EVENTS_MAX ~= '0' then
  local data = '{"v":1,"change":"' .. verdict .. '","total":' .. total .. ',"available":' .. available
    .. ',"sold":' .. sold .. (ARGV[7] ~= '' and ',"reason":' .. ARGV[7] or '') .. '}'
  redis.call('XADD', EVENTS, 'MAXLEN', '~', EVENTS_MAX, '*', 'type', 'stock-changed', 'id', sku, 'data', data)
end
return 'OK ' .. now .. ' ' .. answer
