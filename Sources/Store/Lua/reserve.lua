#!lua
-- Holds every line of a reservation, or none. If other shards hold parts of it (CART), this is what decides: it is
-- refused if it was made void (standing.lua).
-- ARGV: 1 not-after, 2 reservation id, 3 ttl in s (CART: 0 only to look), 4 record from ',"items":' on,
--       5 idempotency key name or '', 6 idempotency record up to its instants, 7… sku, quantity, sku, quantity, …
-- Reply: OK now deadline | PRIOR now record | UNKNOWN now sku… | DUE now sku… | DAMAGED now sku|- key [words]
--        | SHORT now (sku available reserved next|-)… | VOID now | FREE now
local id, key = ARGV[2], ARGV[5]
local refusal = judge(ARGV, 7)
local prior = prior_answer(key, ARGV[6])
if prior then
  return prior
elseif CART and redis.call('EXISTS', VOID .. id) == 1 then
  return 'VOID ' .. now
elseif refusal then
  return refusal
end
if CART and ARGV[3] == '0' then
  return 'FREE ' .. now
end

local deadline = (time[1] + ARGV[3]) .. millis
local record = ACTIVE_HEAD .. deadline .. CREATED_AT .. now .. ARGV[4]
refusal = append_event('reserved', id, record)
if refusal then
  return refusal
end
take(ARGV, 7, id, deadline, record)
-- Last: should anything before have failed after all, a repetition must not be told that it was done.
if key ~= '' then
  keep_answer(key, ARGV[6] .. now .. ' ' .. deadline, id)
end
return 'OK ' .. now .. ' ' .. deadline
