#!lua flags=allow-oom
-- Prolongs the caller's own term, and no other. Tells where the holder is found now: its connection may be a new one.
-- ARGV: 1 not-after, 2 token, 3 ttl in ms, 4 'connection node-id address'
-- Reply: OK now | LOST now
local record = redis.pcall('GET', LEASE)
if not record or record.err or string.sub(record, 1, TOKEN_END) ~= ARGV[2] then
  return 'LOST ' .. now
end
if string.sub(record, HOLDER_START) == ARGV[4] then
  redis.call('PEXPIRE', LEASE, ARGV[3])
else
  redis.call('SET', LEASE, string.sub(record, 1, HOLDER_START - 1) .. ARGV[4], 'PX', ARGV[3])
end
return 'OK ' .. now
