#!lua flags=allow-oom
-- Sells what a reservation holds.
-- ARGV: 1 not-after, 2 reservation id, 3 idempotency key name or '', 4 idempotency record up to its answer
-- Reply: OK now record | PRIOR now record | GONE now | EXPIRED now | CANCELLED now | DAMAGED now sku|- key [words]
local id, key = ARGV[2], ARGV[3]
local prior = prior_answer(key, ARGV[4])
if prior then
  return prior
end
local record = redis.pcall('GET', RESERVATION .. id)
local status, deadline, _, skus, quantities, reach = read_record(record)

local damage
if status == 'ACTIVE' and deadline > now then
  damage = unmovable(skus, quantities, reach)
  for i = 1, #skus do
    damage = damage or fault_of(SALES .. skus[i], skus[i], 'LLEN')
  end
  if not damage then
    local confirmed = CONFIRMED_HEAD .. now .. string.sub(record, AFTER_STATUS)
    local refusal = append_event('confirmed', id, confirmed)
    if refusal then
      return refusal
    end
    keep_final(id, confirmed, reach)
    for i = 1, #skus do
      sell(skus[i], quantities[i], id)
    end
    -- Last: should anything before have failed after all, a repetition must not be told that it was done.
    if key ~= '' then
      keep_answer(key, ARGV[4] .. confirmed, id)
    end
    return 'OK ' .. now .. ' ' .. confirmed
  end
end

if not record then
  return 'GONE ' .. now
elseif not status then
  return damaged('-', RESERVATION .. id, record.err)
elseif damage then
  return damage
elseif status == 'CANCELLED' then
  return 'CANCELLED ' .. now
elseif status ~= 'CONFIRMED' then
  return 'EXPIRED ' .. now
end
if key ~= '' then
  keep_answer(key, ARGV[4] .. record, id)
end
return 'OK ' .. now .. ' ' .. record
