#!lua flags=allow-oom
-- Another request wants a key that is claimed for this shard. If nothing was answered here under it, attempts that come
-- by this claim will do nothing from now on.
-- ARGV: 1 not-after, 2 key name, 3 nonce of the claim
-- Reply: OK now | ANSWERED now | DAMAGED now - key words
local key, nonce = ARGV[2], ARGV[3]
local found = redis.pcall('GET', key)
if found and found.err then
  return damaged('-', key, found.err)
end
local kind = found and string.sub(found, 1, 1)
if found and kind ~= VOID_CLAIMS and kind ~= CLAIM then
  return 'ANSWERED ' .. now
end
-- Attempts of several claims may be on their way.
local others = kind == VOID_CLAIMS and not string.find(found, nonce, 1, true) and ' ' .. string.sub(found, 2) or ''
redis.call('SET', key, VOID_CLAIMS .. nonce .. others, 'EX', VOID_KEPT)
return 'OK ' .. now
