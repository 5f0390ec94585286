#!lua flags=no-writes
-- ARGV: 1 not-after, 2 reservation id
-- Reply: OK now record | GONE now | DAMAGED now - key words
--        (an ACTIVE record whose deadline is not after now has expired; the node judges the record)
local record = redis.pcall('GET', RESERVATION .. ARGV[2])
if not record then
  return 'GONE ' .. now
elseif record.err then
  return damaged('-', RESERVATION .. ARGV[2], record.err)
end
return 'OK ' .. now .. ' ' .. record
