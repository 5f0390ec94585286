#!lua
-- Holds the lines of a cart that this shard has, or none, until the cart's home says more (settle.lua). It tells no
-- event: the home does.
-- ARGV: 1 not-after, 2 reservation id, 3 ms to hold it for, 4 record from ',"items":' on, 5… sku, quantity, sku, …
-- Reply: OK now | VOID now | UNKNOWN now sku… | DUE now sku… | SHORT now (sku available reserved next|-)…
--        | DAMAGED now sku|- key [words]
local id = ARGV[2]
local record = redis.pcall('GET', RESERVATION .. id)
if record then
  local status = read_record(record)
  if not status then
    return damaged('-', RESERVATION .. id, record.err)
  end
  -- A repetition finds what the first one has done. What has ended is not held again.
  return status == 'ACTIVE' and 'OK ' .. now or 'VOID ' .. now
end
local refusal = judge(ARGV, 5)
if refusal then
  return refusal
end
local deadline = string.format('%.0f', now + ARGV[3])
take(ARGV, 5, id, deadline, ACTIVE_HEAD .. deadline .. CREATED_AT .. now .. ARGV[4])
return 'OK ' .. now
