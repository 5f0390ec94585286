#!lua flags=allow-oom
-- Looks again at a SKU that was found damaged; lets parked holds go on that have been repaired.
-- ARGV: 1 not-after, 2 sku
-- Reply: OK now (sku key)…   (what is damaged still) | DAMAGED now - key [words]
local reply = unreleasable()
if reply then
  return reply
end
local damage = {}
inspect(ARGV[2], damage)
return 'OK ' .. now .. told(damage)
