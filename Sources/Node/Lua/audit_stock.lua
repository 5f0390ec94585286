#!lua flags=no-writes
-- Counts one slice of a SKU's reservations from the reservations themselves: its holds first, its sales behind them.
-- ARGV: 1 not-after, 2 sku, 3 position to begin at, 4 most entries
-- Reply: OK now available total sold holds sales active confirmed lapsed | GONE now
--        holds, sales: lengths of the two indexes; active, confirmed: pieces counted in this slice;
--        lapsed: sales in this slice that are older than their retention, and so gone by right
local sku, from, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local stock = redis.call('MGET', INVENTORY .. sku, TOTAL .. sku, SOLD .. sku)
if not (stock[1] and stock[2] and stock[3]) then
  if not redis.call('ZSCORE', SKUS, sku) then
    return 'GONE ' .. now
  end
  -- A listed SKU that lacks a counter is damaged: counted as 0, the sums will tell.
  stock = { stock[1] or '0', stock[2] or '0', stock[3] or '0' }
end
local holds, sales = redis.call('ZCARD', HOLDS .. sku), redis.call('LLEN', SALES .. sku)
local pattern = '"' .. string.gsub(sku, '%p', '%%%0') .. '":(%d+)'
local lapsing = (time[1] - RETENTION) .. millis
local active, confirmed, lapsed = 0, 0, 0
if from < holds then
  local ids = redis.call('ZRANGE', HOLDS .. sku, from, from + most - 1)
  for i = 1, #ids do
    local record = redis.call('GET', RESERVATION .. ids[i])
    if record and string.sub(record, 18, 19) == 'AC' then
      active = active + (string.match(record, pattern, ITEMS_AT) or 0)
    end
  end
  most = most - #ids
  from = holds
end
if most > 0 then
  local entries = redis.call('LRANGE', SALES .. sku, from - holds, from - holds + most - 1)
  for i = 1, #entries do
    local id, at = string.sub(entries[i], 1, -14), string.sub(entries[i], -13)
    local record = redis.call('GET', RESERVATION .. id)
    if record and string.sub(record, 18, 19) == 'CO' then
      confirmed = confirmed + (string.match(record, pattern, ITEMS_AT) or 0)
    elseif at <= lapsing then
      lapsed = lapsed + 1
    end
  end
end
return table.concat({ 'OK', now, stock[1], stock[2], stock[3], holds, sales, active, confirmed, lapsed }, ' ')
