#!lua
-- Holds every line of a reservation, or none.
-- ARGV: 1 not-after, 2 reservation id, 3 ttl in s, 4 record from ',"items":' on,
--       5 idempotency key name or '', 6 idempotency record up to its instants, 7… sku, quantity, sku, quantity, …
-- Reply: OK now deadline | PRIOR now record | UNKNOWN now sku… | DUE now sku… | DAMAGED now sku|- key [words]
--        | SHORT now (sku available reserved next|-)…
local id, key = ARGV[2], ARGV[5]
local lines = #ARGV

local refused, unknown, due, shortages, damage = false, '', '', '', nil
for i = 7, lines, 2 do
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

local prior = prior_answer(key)
if prior then
  return prior
end
local size = not refused and redis.pcall('ZCARD', DUE)
if type(size) == 'number' then
  local deadline = (time[1] + ARGV[3]) .. millis
  local record = ACTIVE_HEAD .. deadline .. CREATED_AT .. now .. ARGV[4]
  local refusal = append_event('reserved', id, record)
  if refusal then
    return refusal
  end
  for i = 7, lines, 2 do
    local sku = ARGV[i]
    redis.call('DECRBY', INVENTORY .. sku, ARGV[i + 1])
    redis.call('ZADD', HOLDS .. sku, deadline, id)
    redis.call('ZADD', DUE, 'LT', deadline, sku)
  end
  redis.call('SET', RESERVATION .. id, record)
  -- Last: should anything before have failed after all, a repetition must not be told that it was done.
  if key ~= '' then
    redis.call('SET', key, ARGV[6] .. now .. ' ' .. deadline, 'EX', RETENTION)
  end
  return 'OK ' .. now .. ' ' .. deadline
end

-- Refused: nothing is written, and most requests of a sale that has sold out end here.
if unknown ~= '' then
  return 'UNKNOWN ' .. now .. unknown
elseif damage then
  return damage
elseif due ~= '' then
  return 'DUE ' .. now .. due
elseif shortages ~= '' then
  return 'SHORT ' .. now .. shortages
end
return damaged('-', DUE, size.err)
