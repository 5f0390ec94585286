#!lua flags=allow-oom
-- Home is told that all parts have followed to how a cart ended. If that is how it did end, it need not be settled any
-- more, and lapses as others do.
-- ARGV: 1 not-after, 2 reservation id, 3 'sold', 'back' or 'void'
-- Reply: OK now | MOVED now | DAMAGED now - key [words]
local id = ARGV[2]
local size = redis.pcall('ZCARD', UNSETTLED)
if type(size) == 'table' then
  return damaged('-', UNSETTLED, size.err)
end
local record = redis.pcall('GET', RESERVATION .. id)
local status = read_record(record)
if record and not status then
  return damaged('-', RESERVATION .. id, record.err)
end
local ending = not record and 'void' or status == 'CONFIRMED' and 'sold' or status ~= 'ACTIVE' and 'back'
if ending ~= ARGV[3] then
  return 'MOVED ' .. now
end
redis.call('ZREM', UNSETTLED, id)
if record then
  redis.call('EXPIRE', RESERVATION .. id, KEPT)
end
return 'OK ' .. now
