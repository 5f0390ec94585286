#!lua
-- Moves the deadline of a hold to now + ttl, never past its creation + HOLD_LIMIT, never back.
-- ARGV: 1 not-after, 2 reservation id, 3 idempotency key name or '', 4 idempotency record up to its answer, 5 ttl in s
-- Reply: OK now record | PRIOR now record | GONE now | EXPIRED now | CANCELLED now | CONFIRMED now | LIMIT now
--        | DAMAGED now sku|- key [words]
local id, key = ARGV[2], ARGV[3]
local prior = prior_answer(key, ARGV[4])
if prior then
  return prior
end
local record = redis.pcall('GET', RESERVATION .. id)
if not record then
  return 'GONE ' .. now
end
local status, current, created, skus = read_record(record)
if not status then
  return damaged('-', RESERVATION .. id, record.err)
elseif status == 'CANCELLED' then
  return 'CANCELLED ' .. now
elseif status == 'CONFIRMED' then
  return 'CONFIRMED ' .. now
elseif status ~= 'ACTIVE' or current <= now then
  return 'EXPIRED ' .. now
end

local deadline = (time[1] + ARGV[5]) .. millis
if deadline > current then
  local limit = (string.sub(created, 1, SECONDS_END) + HOLD_LIMIT) .. string.sub(created, MILLIS_START)
  if current >= limit then
    return 'LIMIT ' .. now
  end
  if deadline > limit then
    deadline = limit
  end
  for i = 1, #skus do
    local size = redis.pcall('ZCARD', HOLDS .. skus[i])
    if type(size) == 'table' then
      return damaged(skus[i], HOLDS .. skus[i], size.err)
    end
  end
  record = ACTIVE_HEAD .. deadline .. string.sub(record, AFTER_DEADLINE)
  local refusal = append_event('extended', id, record)
  if refusal then
    return refusal
  end
  redis.call('SET', RESERVATION .. id, record)
  for i = 1, #skus do
    redis.call('ZADD', HOLDS .. skus[i], deadline, id)
  end
end
if key ~= '' then
  keep_answer(key, ARGV[4] .. record)
end
return 'OK ' .. now .. ' ' .. record
