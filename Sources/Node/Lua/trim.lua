#!lua flags=allow-oom
-- One step round all SKUs: takes sales out of the audit's index whose reservations are kept no longer. One that has
-- lapsed stays as a witness that there were more than the index shows.
-- Fenced: does nothing at all but in the term of the token.
-- ARGV: 1 not-after, 2 token of the term, 3 sku to go on after or '', 4 most SKUs, 5 most sales to look at of each
-- Reply: OK now trimmed done | OK now trimmed more [sku to go on after] | FENCED now
local lease = redis.call('GET', LEASE)
if not lease or string.sub(lease, 1, 32) ~= ARGV[2] then
  return 'FENCED ' .. now
end
local kept_since = (time[1] - KEPT) .. millis
local after, most, look = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local skus = redis.call('ZRANGE', SKUS, after == '' and '-' or '(' .. after, '+', 'BYLEX', 'LIMIT', '0', most)
local trimmed = 0
for i = 1, #skus do
  local sales = redis.call('LRANGE', SALES .. skus[i], '0', look - 1)
  local lapsed = 0
  while lapsed < #sales do
    local id, at = string.sub(sales[lapsed + 1], 1, -14), string.sub(sales[lapsed + 1], -13)
    if at >= kept_since or redis.call('EXISTS', RESERVATION .. id) == 1 then
      break
    end
    lapsed = lapsed + 1
  end
  if lapsed > 1 then
    redis.call('LTRIM', SALES .. skus[i], lapsed - 1, -1)
    trimmed = trimmed + lapsed - 1
  end
  if lapsed == look then
    -- There may be more of this SKU, which the next step is to begin with.
    return 'OK ' .. now .. ' ' .. trimmed .. ' more ' .. after
  end
  after = skus[i]
end
return 'OK ' .. now .. ' ' .. trimmed .. (#skus < most and ' done' or ' more ' .. after)
