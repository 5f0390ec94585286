#!lua flags=no-writes
-- ARGV: 1 not-after, 2 sku
-- Reply: OK now available total sold next|- | GONE now | DUE now sku
local sku = ARGV[2]
local stock = redis.call('MGET', INVENTORY .. sku, TOTAL .. sku, SOLD .. sku)
if not stock[1] then
  return 'GONE ' .. now
end
local earliest = redis.call('ZRANGE', HOLDS .. sku, '0', '0', 'WITHSCORES')[2]
if earliest and earliest <= now then
  return 'DUE ' .. now .. ' ' .. sku
end
return 'OK ' .. now .. ' ' .. stock[1] .. ' ' .. stock[2] .. ' ' .. stock[3] .. ' ' .. (earliest or '-')
