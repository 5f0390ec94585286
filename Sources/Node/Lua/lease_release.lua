#!lua flags=allow-oom
-- Ends the caller's own term, and no other, and tells all who wait for it.
-- ARGV: 1 not-after, 2 token
-- Reply: OK now | LOST now
local record = redis.call('GET', LEASE)
if not record or string.sub(record, 1, 32) ~= ARGV[2] then
  return 'LOST ' .. now
end
redis.call('DEL', LEASE)
redis.call('XADD', LEASE_RELEASES, 'MAXLEN', '1', '*', 'epoch', string.sub(record, 34, 46))
return 'OK ' .. now
