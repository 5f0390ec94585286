-- What a request on its way and the sweep have in common; stands behind hold.lua in their scripts.

-- Puts the whole stock of one expired hold back, and tells the outbox. If the outbox refuses, returns its refusal: then
-- nothing was done. Else returns nil and the record as it is then.
local function release(id, record, deadline, skus, quantities, reach)
  local expired = EXPIRED_HEAD .. deadline .. string.sub(record, AFTER_STATUS)
  local refusal = append_event('expired', id, expired)
  if refusal then
    return refusal
  end
  keep_final(id, expired, reach)
  for i = 1, #skus do
    redis.call('INCRBY', INVENTORY .. skus[i], quantities[i])
    redis.call('ZREM', HOLDS .. skus[i], id)
  end
  return nil, expired
end

-- Puts the stock of a SKU's expired holds back, each exactly once, until about `budget` item lines are done. Leaves the
-- SKU in the index of due ones as it is then. Returns holds released, budget left, earliest deadline left or nil. What
-- is damaged is left as it is, and told in `damage` as 'sku|- key'. It must not keep others waiting: so a damaged hold
-- is parked behind all deadlines, where the trimming looks after it. Parts of carts are told in `parts`, since their
-- home must be asked first. Until it has been, they are put off by a moment.
local function release_due(sku, budget, damage, parts)
  local released = 0
  local ids = redis.pcall('ZRANGEBYSCORE', HOLDS .. sku, '-inf', now, 'LIMIT', '0', budget)
  if ids.err then
    damage[#damage + 1] = shown(sku) .. ' ' .. shown(HOLDS .. sku)
    redis.call('ZADD', DUE, (time[1] + LOOK_AGAIN) .. millis, sku)
    return 0, budget - 1, nil
  end
  for i = 1, #ids do
    if budget <= 0 then
      break
    end
    local id = ids[i]
    local record = redis.pcall('GET', RESERVATION .. id)
    local status, deadline, _, skus, quantities, reach = read_record(record)
    local is_due = status == 'ACTIVE' and deadline <= now
    local reply = is_due and unmovable(skus, quantities, reach)
    if is_due and reach == 'part' then
      parts[#parts + 1] = id
      budget = budget - 1
      for j = 1, #skus do
        redis.call('ZADD', HOLDS .. skus[j], 'XX', (time[1] + PART_RETRY) .. millis, id)
      end
    elseif is_due and not reply then
      if release(id, record, deadline, skus, quantities, reach) then
        damage[#damage + 1] = '- ' .. EVENTS
        budget = 0
      else
        released = released + 1
        budget = budget - #skus
      end
    else
      budget = budget - 1
      if status == 'ACTIVE' and deadline > now then
        redis.call('ZADD', HOLDS .. sku, deadline, id)
      elseif status == nil and record or reply then
        damage[#damage + 1] = reply and string.match(reply, '^%S+ %S+ (%S+ %S+)')
          or shown(sku) .. ' ' .. shown(RESERVATION .. id)
        redis.call('ZADD', HOLDS .. sku, 'inf', id)
      else
        -- Nothing stands behind this entry that could be due. If it was a hold, the audit tells what is missing.
        if not record then
          damage[#damage + 1] = shown(sku) .. ' ' .. shown(RESERVATION .. id)
        end
        redis.call('ZREM', HOLDS .. sku, id)
      end
    end
  end
  local earliest = earliest_deadline(sku)
  if earliest then
    redis.call('ZADD', DUE, earliest, sku)
  else
    redis.call('ZREM', DUE, sku)
  end
  return released, budget, earliest
end

-- Whether the keys that all SKUs share are as they must be: nil if so, else the reply that says what is damaged.
local function unreleasable()
  local size = redis.pcall('ZCARD', DUE)
  if type(size) == 'table' then
    return damaged('-', DUE, size.err)
  end
  size = EVENTS_MAX ~= '0' and redis.pcall('XLEN', EVENTS)
  if type(size) == 'table' then
    return damaged('-', EVENTS, size.err)
  end
end

-- Parts of carts, as a reply has them.
local function due_parts(parts)
  return #parts > 0 and ' @ ' .. table.concat(parts, ' @ ') or ''
end

-- So much of the damage as a reply can hold.
local function told(damage)
  return #damage > 0 and ' ' .. table.concat(damage, ' ', 1, math.min(#damage, TOLD_LIMIT)) or ''
end
