#!lua flags=no-writes
-- ARGV: 1 not-after, 2 sku
-- Reply: OK now available total sold next|- | GONE now | DUE now sku | DAMAGED now sku key [words]
local sku = ARGV[2]
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
return 'OK ' .. now .. ' ' .. available .. ' ' .. total .. ' ' .. sold .. ' ' .. (earliest or '-')
