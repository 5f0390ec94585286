#!lua flags=no-writes
-- Counts one slice of a SKU's reservations from the reservations themselves: its holds first, its sales behind them.
-- ARGV: 1 not-after, 2 sku, 3 position to begin at, 4 most entries
-- Reply: OK now available total sold holds sales active confirmed lapsed unreadable unrecorded misdated lapsing
--        | GONE now
--        holds, sales: lengths of the two indexes; active, confirmed: pieces counted in this slice;
--        lapsed: sales in this slice that are older than their retention, and so gone by right; unreadable: counters,
--        indexes that are not what they must be, a counter then counting as 0; unrecorded: entries in this slice whose
--        reservation can't be read; misdated: holds in it that are indexed under another deadline than their own;
--        lapsing: keys that would vanish by themselves and must not
local sku, from, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local names = { INVENTORY .. sku, TOTAL .. sku, SOLD .. sku }
local stock = redis.call('MGET', names[1], names[2], names[3])
if not (stock[1] or stock[2] or stock[3]) and redis.call('EXISTS', names[1], names[2], names[3]) == 0
  and not redis.pcall('ZSCORE', SKUS, sku)
then
  return 'GONE ' .. now
end
local unreadable, unrecorded, misdated, lapsing = 0, 0, 0, 0
for i = 1, 3 do
  if not stock[i] or #stock[i] > COUNTER_LIMIT or not (stock[i] == '0' or string.find(stock[i], '^%-?[1-9]%d*$')) then
    stock[i] = '0'
    unreadable = unreadable + 1
  end
end
local holds, sales = redis.pcall('ZCARD', HOLDS .. sku), redis.pcall('LLEN', SALES .. sku)
if type(holds) == 'table' then
  holds, unreadable = 0, unreadable + 1
end
if type(sales) == 'table' then
  sales, unreadable = 0, unreadable + 1
end
if from == 0 then
  for _, name in ipairs({ names[1], names[2], names[3], HOLDS .. sku, SALES .. sku }) do
    if redis.call('PTTL', name) >= 0 then
      lapsing = lapsing + 1
    end
  end
end

-- How many pieces of the SKU a record is of.
local function pieces(skus, quantities)
  for i = 1, #skus do
    if skus[i] == sku then
      return quantities[i]
    end
  end
  return 0
end

local lapsed_by = (time[1] - RETENTION) .. millis
local active, confirmed, lapsed = 0, 0, 0
if from < holds then
  local entries = redis.call('ZRANGE', HOLDS .. sku, from, from + most - 1, 'WITHSCORES')
  for i = 1, #entries, 2 do
    local record = redis.pcall('GET', RESERVATION .. entries[i])
    local status, deadline, _, skus, quantities, reach = read_record(record)
    if status == 'ACTIVE' then
      active = active + pieces(skus, quantities)
      -- A part that is due is put off while its home is asked.
      if deadline ~= entries[i + 1] and not (reach == 'part' and deadline <= now) then
        misdated = misdated + 1
      end
      if redis.call('PTTL', RESERVATION .. entries[i]) >= 0 then
        lapsing = lapsing + 1
      end
    elseif not status and record then
      unrecorded = unrecorded + 1
    end
  end
  most = most - #entries / 2
  from = holds
end
if most > 0 and sales > 0 then
  local entries = redis.call('LRANGE', SALES .. sku, from - holds, from - holds + most - 1)
  for i = 1, #entries do
    local id, at = string.sub(entries[i], 1, SALE_ID_END), string.sub(entries[i], SALE_AT)
    local record = redis.pcall('GET', RESERVATION .. id)
    local status, _, _, skus, quantities = read_record(record)
    if status == 'CONFIRMED' then
      confirmed = confirmed + pieces(skus, quantities)
    elseif not record and at <= lapsed_by then
      lapsed = lapsed + 1
    elseif not status and record then
      unrecorded = unrecorded + 1
    end
  end
end
return table.concat({
  'OK', now, stock[1], stock[2], stock[3], holds, sales, active, confirmed, lapsed, unreadable, unrecorded, misdated,
  lapsing,
}, ' ')
