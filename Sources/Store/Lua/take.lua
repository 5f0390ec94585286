-- Judges lines, and takes them out of stock; stands behind stock.lua in the scripts that hold something. The lines
-- stand in ARGV: sku, quantity, sku, quantity, … from `first` to the end.

-- Why they can't all be held, as the reply that says so; nil if they can. Most requests of a sale that has sold out end
-- here.
local function judge(first)
  local refused, unknown, due, shortages, damage = false, '', '', '', nil
  for i = first, #ARGV, 2 do
    local sku = ARGV[i]
    local available, total, sold = counters(sku)
    local missing = available and ARGV[i + 1] - available
    if missing and missing <= 0 then
      local size = redis.pcall('ZCARD', HOLDS .. sku)
      if type(size) == 'table' then
        refused, damage = true, damage or damaged(sku, HOLDS .. sku, size.err)
      end
    else
      refused = true
      local earliest, words = earliest_deadline(sku)
      if not available then
        if total then
          damage = damage or damaged(sku, total)
        else
          unknown = unknown .. ' ' .. sku
        end
      elseif words then
        damage = damage or damaged(sku, HOLDS .. sku, words)
      elseif earliest and earliest <= now then
        due = due .. ' ' .. sku
      else
        shortages = shortages .. ' ' .. sku .. ' ' .. available .. ' ' .. (total - available - sold)
          .. ' ' .. (earliest or '-')
      end
    end
  end
  if not refused then
    local size = redis.pcall('ZCARD', DUE)
    return type(size) == 'table' and damaged('-', DUE, size.err) or nil
  elseif unknown ~= '' then
    return 'UNKNOWN ' .. now .. unknown
  elseif damage then
    return damage
  elseif due ~= '' then
    return 'DUE ' .. now .. due
  end
  return 'SHORT ' .. now .. shortages
end

-- Takes them, for a hold with this deadline.
local function take(id, deadline, first)
  for i = first, #ARGV, 2 do
    local sku = ARGV[i]
    redis.call('DECRBY', INVENTORY .. sku, ARGV[i + 1])
    redis.call('ZADD', HOLDS .. sku, deadline, id)
    redis.call('ZADD', DUE, 'LT', deadline, sku)
  end
end
