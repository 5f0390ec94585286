#!lua flags=allow-oom
-- Takes the lease for a new term, or refreshes it if it is the caller's already: an attempt whose answer was lost can
-- be repeated. A holder that need not be waited for is named by its token, and no other is replaced; nor that one if
-- it is found on another connection than the one that is named.
-- ARGV: 1 not-after, 2 token, 3 ttl in ms, 4 'connection node-id address', 5 token of the holder to replace, or '',
--       6 its connection (may be left out)
-- Reply: OK now epoch acquired-at | HELD now remaining-ms record
--        record: token epoch acquired-at connection node-id address
local record = redis.call('GET', LEASE)
local holder = record and string.sub(record, 1, 32)
if holder == ARGV[2] then
  redis.call('PEXPIRE', LEASE, ARGV[3])
  return 'OK ' .. now .. ' ' .. string.sub(record, 34, 60)
elseif holder and holder ~= ARGV[5] or holder and ARGV[6] and string.match(record, '%d+', 62) ~= ARGV[6] then
  local remaining = redis.call('PTTL', LEASE)
  -- Set back, Redis's clock would prolong what nobody renews.
  if remaining > tonumber(ARGV[3]) then
    remaining = ARGV[3]
    redis.call('PEXPIRE', LEASE, ARGV[3])
  end
  return 'HELD ' .. now .. ' ' .. remaining .. ' ' .. record
end
-- Rises with each term, also after the loss of all data.
local epoch = string.format('%d', math.max((redis.call('GET', LEASE_EPOCH) or 0) + 1, tonumber(now)))
redis.call('SET', LEASE_EPOCH, epoch)
redis.call('SET', LEASE, ARGV[2] .. ' ' .. epoch .. ' ' .. now .. ' ' .. ARGV[4], 'PX', ARGV[3])
return 'OK ' .. now .. ' ' .. epoch .. ' ' .. now
