#!lua flags=allow-oom
-- Deletes a SKU that nothing is reserved of. Its indexes go with it, so that a SKU of the same name made later
-- is a new generation: no sale of the old one is counted into it, and no hold of the old one is left to be restored.
-- ARGV: 1 not-after, 2 sku, 3 idempotency key name or '', 4 idempotency record up to its answer
-- Reply: OK now | PRIOR now record | GONE now | DUE now sku | INUSE now reserved sold | DAMAGED now sku|- key [words]
local sku, key = ARGV[2], ARGV[3]
local prior = prior_answer(key, ARGV[4])
if prior then
  return prior
end
local available, total, sold = counters(sku)
if not available then
  return total and damaged(sku, total) or 'GONE ' .. now
end
local earliest, words = earliest_deadline(sku)
if words then
  return damaged(sku, HOLDS .. sku, words)
elseif earliest and earliest <= now then
  return 'DUE ' .. now .. ' ' .. sku
end
local reserved = total - available - sold
if reserved > 0 then
  return 'INUSE ' .. now .. ' ' .. reserved .. ' ' .. sold
end
for _, index in ipairs({ SKUS, DUE }) do
  local size = redis.pcall('ZCARD', index)
  if type(size) == 'table' then
    return damaged('-', index, size.err)
  end
end
local refusal = append_event('stock-changed', sku, '{"v":1,"change":"deleted"}')
if refusal then
  return refusal
end
redis.call('UNLINK', INVENTORY .. sku, TOTAL .. sku, SOLD .. sku, HOLDS .. sku, SALES .. sku)
redis.call('ZREM', SKUS, sku)
redis.call('ZREM', DUE, sku)
if key ~= '' then
  keep_answer(key, ARGV[4])
end
return 'OK ' .. now
