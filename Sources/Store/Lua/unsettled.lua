#!lua flags=no-writes
-- Carts that ended at this home a while ago, and whose parts may not have followed yet; the oldest first.
-- ARGV: 1 not-after, 2 ms ago, 3 most of them
-- Reply: OK now id… | DAMAGED now - key words
local ids = redis.pcall('ZRANGEBYSCORE', UNSETTLED, '-inf', now - ARGV[2], 'LIMIT', '0', ARGV[3])
if ids.err then
  return damaged('-', UNSETTLED, ids.err)
end
local reply = 'OK ' .. now
for i = 1, #ids do
  reply = reply .. ' ' .. shown(ids[i])
end
return reply
