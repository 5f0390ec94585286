-- Judges the lines of a hold; stands behind stock.lua. Lines stand in the arguments from `first` to the end: sku,
-- quantity, sku, quantity, …

-- Why they can't all be held, as the reply that says so; nil if they can. Most requests of a sale that has sold out end
-- here.
local function judge(arguments, first)
  local refused, unknown, due, shortages, damage = false, '', '', '', nil
  for i = first, #arguments, 2 do
    local sku = arguments[i]
    local available, total, sold = counters(sku)
    local missing = available and arguments[i + 1] - available
    if missing and missing <= 0 then
      local fault = fault_of(HOLDS .. sku, sku, 'ZCARD')
      if fault then
        refused, damage = true, damage or fault
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
    return fault_of(DUE, '-', 'ZCARD')
  elseif unknown ~= '' then
    return 'UNKNOWN ' .. now .. unknown
  elseif damage then
    return damage
  elseif due ~= '' then
    return 'DUE ' .. now .. due
  end
  return 'SHORT ' .. now .. shortages
end
