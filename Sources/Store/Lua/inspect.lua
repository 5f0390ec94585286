-- Looks at all keys of a SKU, for scripts that look after it; stands behind release_due.lua.

-- Tells in `damage` what is damaged. Lets parked holds go on that are whole again, and lets the sweep find again what
-- it has lost.
local function inspect(sku, damage)
  local available, wrong = counters(sku)
  if not available and wrong then
    damage[#damage + 1] = shown(sku) .. ' ' .. shown(wrong)
  end
  local size = redis.pcall('LLEN', SALES .. sku)
  if type(size) == 'table' then
    damage[#damage + 1] = shown(sku) .. ' ' .. shown(SALES .. sku)
  end
  -- Behind every deadline that there can be: what is parked, and what stands there by damage.
  local beyond = '(' .. (time[1] + HOLD_LIMIT + 1) .. '000'
  local parked = redis.pcall('ZRANGEBYSCORE', HOLDS .. sku, beyond, 'inf', 'LIMIT', '0', TOLD_LIMIT)
  if parked.err then
    damage[#damage + 1] = shown(sku) .. ' ' .. shown(HOLDS .. sku)
    return
  end
  for i = 1, #parked do
    local id = parked[i]
    local record = redis.pcall('GET', RESERVATION .. id)
    local status, deadline, _, skus, quantities = read_record(record)
    local reply = status == 'ACTIVE' and unmovable(skus, quantities)
    if status == 'ACTIVE' and not reply then
      redis.call('ZADD', HOLDS .. sku, deadline, id)
      redis.call('ZADD', DUE, 'LT', deadline, sku)
    elseif status and status ~= 'ACTIVE' or not record then
      redis.call('ZREM', HOLDS .. sku, id)
    else
      damage[#damage + 1] = reply and string.match(reply, '^%S+ %S+ (%S+ %S+)')
        or shown(sku) .. ' ' .. shown(RESERVATION .. id)
    end
  end
  local earliest = earliest_deadline(sku)
  if earliest then
    -- A bound that was lost comes back.
    redis.call('ZADD', DUE, 'LT', earliest, sku)
  end
end
