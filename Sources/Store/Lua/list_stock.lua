#!lua flags=no-writes
-- One step of the list of SKUs, in byte order.
-- ARGV: 1 not-after, 2 sku to go on after or '', 3 most SKUs
-- Reply: OK now (sku available total sold next|- | sku ! key | =hex ! key)… | DAMAGED now - key words
--        (next is not after now where holds are due; ! stands where a key of the SKU is damaged. A member of the index
--        that is no SKU is told byte by byte in hexadecimal)
local skus = redis.pcall('ZRANGE', SKUS, ARGV[2] == '' and '-' or '(' .. ARGV[2], '+', 'BYLEX', 'LIMIT', '0', ARGV[3])
if skus.err then
  return damaged('-', SKUS, skus.err)
end
local rows = { 'OK ' .. now }
for i = 1, #skus do
  local sku = skus[i]
  if #sku > SKU_LIMIT or not string.find(sku, SKU_NAME) then
    local hex = string.gsub(sku, '.', function(byte) return string.format('%02x', string.byte(byte)) end)
    rows[i + 1] = '=' .. hex .. ' ! ' .. SKUS
  else
    local available, total, sold = counters(sku)
    local earliest, words = earliest_deadline(sku)
    if available and not words then
      rows[i + 1] = sku .. ' ' .. available .. ' ' .. total .. ' ' .. sold .. ' ' .. (earliest or '-')
    else
      rows[i + 1] = sku .. ' ! ' .. (not available and total or words and HOLDS .. sku or INVENTORY .. sku)
    end
  end
end
return table.concat(rows, ' ')
