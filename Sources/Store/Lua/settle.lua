#!lua flags=allow-oom
-- Brings the part of a cart to where its home stands. Repeated, it does nothing more. What a lost server has taken
-- along is held again, or sold, if there is enough of it.
-- ARGV: 1 not-after, 2 reservation id, 3 HELD, CONFIRMED, EXPIRED (or cancelled), VOID,
--       4 ms it is held for, or the instant of home's decision,
--       5 record from ',"items":' on, 6… sku, quantity, sku, … (both where they are known)
-- Reply: OK now | CONFLICT now | DAMAGED now sku|- key [words]     (conflict: it stands where it can't follow)
local id, standing = ARGV[2], ARGV[3]
local record = redis.pcall('GET', RESERVATION .. id)
local is_over = standing == 'EXPIRED' or standing == 'VOID'
if not record then
  if is_over or #ARGV < 6 then
    return 'OK ' .. now
  end
  local refusal = judge(ARGV, 6)
  if refusal then
    return string.find(refusal, '^DAMAGED') and refusal or 'CONFLICT ' .. now
  end
  record = ACTIVE_HEAD .. now .. CREATED_AT .. now .. ARGV[5]
  take(ARGV, 6, id, now, record)
end
local status, _, created, skus, quantities = read_record(record)
if not status then
  return damaged('-', RESERVATION .. id, record.err)
elseif status ~= 'ACTIVE' then
  local has_followed = standing == 'HELD' or status == (standing == 'VOID' and 'EXPIRED' or standing)
  return has_followed and 'OK ' .. now or 'CONFLICT ' .. now
end
local reply = unmovable(skus, quantities)
if reply then
  return reply
end

if standing == 'HELD' then
  -- Home's clock may be ahead. A part that is due too early asks again.
  local limit = (string.sub(created, 1, SECONDS_END) + HOLD_LIMIT) .. string.sub(created, MILLIS_START)
  local deadline = string.format('%.0f', now + ARGV[4])
  deadline = deadline < limit and deadline or limit
  redis.call('SET', RESERVATION .. id, ACTIVE_HEAD .. deadline .. string.sub(record, AFTER_DEADLINE))
  for i = 1, #skus do
    redis.call('ZADD', HOLDS .. skus[i], deadline, id)
    redis.call('ZADD', DUE, 'LT', deadline, skus[i])
  end
  return 'OK ' .. now
end
for i = 1, #skus do
  local size = redis.pcall('LLEN', SALES .. skus[i])
  if type(size) == 'table' then
    return damaged(skus[i], SALES .. skus[i], size.err)
  end
end
local head = standing == 'CONFIRMED' and CONFIRMED_HEAD .. ARGV[4]
  or EXPIRED_HEAD .. (standing == 'VOID' and now or ARGV[4])
redis.call(
  'SET', RESERVATION .. id, head .. string.sub(record, AFTER_STATUS), 'EX', standing == 'VOID' and VOID_KEPT or KEPT)
for i = 1, #skus do
  if is_over then
    redis.call('INCRBY', INVENTORY .. skus[i], quantities[i])
  else
    redis.call('INCRBY', SOLD .. skus[i], quantities[i])
    redis.call('RPUSH', SALES .. skus[i], id .. ARGV[4])
  end
  redis.call('ZREM', HOLDS .. skus[i], id)
end
return 'OK ' .. now
