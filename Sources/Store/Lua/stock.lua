-- The counters of a SKU: available, total and sold, none negative, together no more than the total. Nil if there is no
-- such SKU; nil and the name of a key if that one is damaged.
-- A counter is spelled as Redis spells an integer; Lua would take others for numbers too. MGET gives nil for a key of
-- another type.
local function counters(sku)
  local stock = redis.call('MGET', INVENTORY .. sku, TOTAL .. sku, SOLD .. sku)
  local available, total, sold = tonumber(stock[1]), tonumber(stock[2]), tonumber(stock[3])
  if available and total and sold and total <= STOCK_LIMIT and available + sold <= total
    and (available == 0 and stock[1] == '0' or string.find(stock[1], COUNT))
    and (sold == 0 and stock[3] == '0' or string.find(stock[3], COUNT))
    and (total == 0 and stock[2] == '0' or string.find(stock[2], COUNT))
  then
    return available, total, sold
  end
  for i, name in ipairs({ INVENTORY, TOTAL, SOLD }) do
    local count = stock[i]
    -- A key of another type is there, too.
    if count and not (count == '0' or string.find(count, COUNT))
      or not count and redis.call('EXISTS', name .. sku) == 1
    then
      return nil, name .. sku
    end
  end
  if stock[1] and stock[2] and stock[3] then
    -- Each is a number; together they are impossible.
    return nil, INVENTORY .. sku
  end
  local listed = redis.pcall('ZSCORE', SKUS, sku)
  if type(listed) == 'table' then
    return nil, SKUS
  end
  if stock[1] or stock[2] or stock[3] or listed or redis.call('EXISTS', HOLDS .. sku, SALES .. sku) > 0 then
    return nil, (stock[1] and (stock[2] and SOLD or TOTAL) or INVENTORY) .. sku
  end
  return nil
end

-- The first score in a SKU's index of holds, nil for none; false and why if the index is damaged.
local function first_score(sku)
  local first = redis.pcall('ZRANGE', HOLDS .. sku, '0', '0', 'WITHSCORES')
  if first.err then
    return false, first.err
  end
  return first[2]
end

-- The earliest deadline of a SKU's holds, nil for none; false and why if the index is damaged. Deadlines compare as
-- strings, since all have the same number of digits. A score with another number is brought among them, or told as
-- damage.
local function earliest_deadline(sku)
  local deadline, words = first_score(sku)
  if not deadline or #deadline == INSTANT_DIGITS and string.find(deadline, '^%d+$') then
    return deadline, words
  elseif deadline == 'inf' then
    -- Only parked holds are left (release_due.lua).
    return nil
  elseif tonumber(deadline) <= tonumber(now) then
    -- Due, whatever it means: the release puts it right by the hold's own deadline.
    return string.rep('0', INSTANT_DIGITS)
  end
  return false, 'WRONGTYPE a deadline that is none'
end

-- Why an index or a list can't be written, as the reply that says so; nil if it can. `command` tells its size.
local function fault_of(index, sku, command)
  local size = redis.pcall(command, index)
  return type(size) == 'table' and damaged(sku, index, size.err) or nil
end
