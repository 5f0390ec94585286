#!lua flags=allow-oom
-- Puts back what a reservation holds. One whose deadline has passed is told EXPIRED and left to the release:
-- whoever judges one of its SKUs next counts it as released already.
-- ARGV: 1 not-after, 2 reservation id, 3 idempotency key name or '', 4 idempotency record up to its answer
-- Reply: OK now record | PRIOR now record | GONE now | CONFIRMED now | DAMAGED now sku|- key [words]
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
  if not damage then
    local cancelled = CANCELLED_HEAD .. now .. string.sub(record, AFTER_STATUS)
    local refusal = append_event('cancelled', id, cancelled)
    if refusal then
      return refusal
    end
    keep_final(id, cancelled, reach)
    for i = 1, #skus do
      redis.call('INCRBY', INVENTORY .. skus[i], quantities[i])
      redis.call('ZREM', HOLDS .. skus[i], id)
    end
    -- Last: should anything before have failed after all, a repetition must not be told that it was done.
    if key ~= '' then
      keep_answer(key, ARGV[4] .. cancelled)
    end
    return 'OK ' .. now .. ' ' .. cancelled
  end
end

if not record then
  return 'GONE ' .. now
elseif not status then
  return damaged('-', RESERVATION .. id, record.err)
elseif damage then
  return damage
elseif status == 'CONFIRMED' then
  return 'CONFIRMED ' .. now
elseif status == 'ACTIVE' then
  record = EXPIRED_HEAD .. deadline .. string.sub(record, AFTER_STATUS)
end
if key ~= '' then
  keep_answer(key, ARGV[4] .. record)
end
return 'OK ' .. now .. ' ' .. record
