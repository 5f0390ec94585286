#!lua flags=no-writes
-- One step of the list of SKUs, in byte order.
-- ARGV: 1 not-after, 2 sku to go on after or '', 3 most SKUs
-- Reply: OK now (sku available total sold next|-)…   (next is not after now where holds are due)
local skus = redis.call('ZRANGE', SKUS, ARGV[2] == '' and '-' or '(' .. ARGV[2], '+', 'BYLEX', 'LIMIT', '0', ARGV[3])
local rows = { 'OK ' .. now }
for i = 1, #skus do
  local sku = skus[i]
  local stock = redis.call('MGET', INVENTORY .. sku, TOTAL .. sku, SOLD .. sku)
  local earliest = redis.call('ZRANGE', HOLDS .. sku, '0', '0', 'WITHSCORES')[2]
  rows[i + 1] = sku .. ' ' .. (stock[1] or '0') .. ' ' .. (stock[2] or '0') .. ' ' .. (stock[3] or '0')
    .. ' ' .. (earliest or '-')
end
return table.concat(rows, ' ')
