#!lua
-- Sets the total of a SKU (creating it) or changes it by a delta.
-- ARGV: 1 not-after, 2 sku, 3 idempotency key name or '', 4 idempotency record up to its answer,
--       5 'set' or 'adjust', 6 total or delta, 7 reason as a JSON string or ''
-- Reply: OK now answer | PRIOR now record | GONE now | DUE now sku | INUSE now reserved sold | LIMIT now total
--        | DAMAGED now sku|- key [words]
--        answer: created|changed available total sold next|-
local sku, key, amount = ARGV[2], ARGV[3], ARGV[6]
local prior = prior_answer(key, ARGV[4])
if prior then
  return prior
end
local available, total, sold = counters(sku)
if not available and total then
  return damaged(sku, total)
end
local verdict, earliest = 'created', nil
if available then
  local words
  earliest, words = earliest_deadline(sku)
  if words then
    return damaged(sku, HOLDS .. sku, words)
  elseif earliest and earliest <= now then
    return 'DUE ' .. now .. ' ' .. sku
  end
  local in_use, before = total - available, total
  verdict, total = 'changed', ARGV[5] == 'adjust' and total + amount or tonumber(amount)
  available = total - in_use
  if available < 0 then
    return 'INUSE ' .. now .. ' ' .. (in_use - sold) .. ' ' .. sold
  elseif total > STOCK_LIMIT then
    return 'LIMIT ' .. now .. ' ' .. before
  end
elseif ARGV[5] == 'adjust' then
  return 'GONE ' .. now
else
  total, available, sold = tonumber(amount), tonumber(amount), '0'
end
local listed = redis.pcall('ZCARD', SKUS)
if type(listed) == 'table' then
  return damaged('-', SKUS, listed.err)
end

total, available = string.format('%d', total), string.format('%d', available)
local refusal = append_event('stock-changed', sku, '{"v":1,"change":"' .. verdict .. '","total":' .. total
  .. ',"available":' .. available .. ',"sold":' .. sold
  .. (ARGV[7] ~= '' and ',"reason":' .. ARGV[7] or '') .. '}')
if refusal then
  return refusal
end
redis.call('MSET', INVENTORY .. sku, available, TOTAL .. sku, total, SOLD .. sku, sold)
-- For a SKU that is there already, too: so an index that was lost comes back.
redis.call('ZADD', SKUS, '0', sku)
local answer = verdict .. ' ' .. available .. ' ' .. total .. ' ' .. sold .. ' ' .. (earliest or '-')
if key ~= '' then
  keep_answer(key, ARGV[4] .. answer)
end
return 'OK ' .. now .. ' ' .. answer
