#!lua flags=allow-oom
-- Where a cart stands at its home. One that is overdue expires. One that never came to be is made void, so that an
-- attempt which is still on its way does nothing (reserve.lua).
-- ARGV: 1 not-after, 2 reservation id
-- Reply: OK now record | VOID now | DAMAGED now sku|- key [words]
local id = ARGV[2]
local record = redis.pcall('GET', RESERVATION .. id)
if not record then
  redis.call('SET', VOID .. id, '', 'EX', VOID_KEPT)
  return 'VOID ' .. now
end
local status, deadline, _, skus, quantities, reach = read_record(record)
if not status then
  return damaged('-', RESERVATION .. id, record.err)
elseif status == 'ACTIVE' and deadline <= now then
  local reply = unmovable(skus, quantities, reach)
  if reply then
    return reply
  end
  local refusal
  refusal, record = release(id, record, deadline, skus, quantities, reach)
  if refusal then
    return refusal
  end
end
return 'OK ' .. now .. ' ' .. record
