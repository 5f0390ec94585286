#!lua flags=allow-oom
-- Ends the caller's own term, and no other, and tells all who wait for it.
-- ARGV: 1 not-after, 2 token
-- Reply: OK now (- key) | LOST now
--        Behind an OK stands the key of releases, if it was damaged and has been made anew.
local record, healed = redis.pcall('GET', LEASE), ''
if not record or record.err or string.sub(record, 1, TOKEN_END) ~= ARGV[2] then
  return 'LOST ' .. now
end
if redis.pcall('XADD', LEASE_RELEASES, 'MAXLEN', '1', '*', 'epoch', string.sub(record, EPOCH_START, EPOCH_END)).err then
  redis.call('DEL', LEASE_RELEASES)
  redis.call('XADD', LEASE_RELEASES, 'MAXLEN', '1', '*', 'epoch', string.sub(record, EPOCH_START, EPOCH_END))
  healed = ' - ' .. LEASE_RELEASES
end
redis.call('DEL', LEASE)
return 'OK ' .. now .. healed
