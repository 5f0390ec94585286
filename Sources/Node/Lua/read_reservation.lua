#!lua flags=no-writes
-- ARGV: 1 not-after, 2 reservation id
-- Reply: OK now record | GONE now   (an ACTIVE record whose deadline is not after now has expired)
local record = redis.call('GET', RESERVATION .. ARGV[2])
if not record then
  return 'GONE ' .. now
end
return 'OK ' .. now .. ' ' .. record
