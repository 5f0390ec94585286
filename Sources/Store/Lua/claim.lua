#!lua
-- Claims an idempotency key for a request that is at home on another shard (KeyClaim.swift). An earlier claim of the
-- same request lives on.
-- ARGV: 1 not-after, 2 key name, 3 claim, 4 claim that may be replaced, or ''
-- Reply: OK now claim (which the request has now) | CLAIMED now claim (another request's) | PRIOR now record
--        | DAMAGED now - key [words]
local key, claim = ARGV[2], ARGV[3]
local found = redis.pcall('GET', key)
if found and found.err then
  return damaged('-', key, found.err)
end
local kind = found and string.sub(found, 1, 1)
if kind == CLAIM and found ~= ARGV[4] then
  if string.sub(found, 1, CLAIM_REQUEST_END) ~= string.sub(claim, 1, CLAIM_REQUEST_END) then
    return 'CLAIMED ' .. now .. ' ' .. found
  end
  claim = found
elseif found and kind ~= CLAIM and kind ~= VOID_CLAIMS then
  return 'PRIOR ' .. now .. ' ' .. found
end
-- As long as reservations, so longer than the answer that it leads to.
redis.call('SET', key, claim, 'EX', KEPT)
return 'OK ' .. now .. ' ' .. claim
