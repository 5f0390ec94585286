#!lua flags=allow-oom
-- Takes the lease for a new term, or refreshes it if it is the caller's already: an attempt whose answer was lost can
-- be repeated. A holder that need not be waited for is named by its token, and no other is replaced; nor that one if
-- it is found on another connection than the one that is named.
-- ARGV: 1 not-after, 2 token, 3 ttl in ms, 4 'connection node-id address', 5 token of the holder to replace, or '',
--       6 its connection (may be left out)
-- Reply: OK now epoch acquired-at (- key)… | HELD now remaining-ms record
--        record: token epoch acquired-at connection node-id address
--        Behind an OK stand keys that were damaged and have been made anew.
local record, healed = redis.pcall('GET', LEASE), ''
if record and (record.err or not string.find(record, LEASE_RECORD)) then
  -- Nobody can renew or release it, nor sweep by it: no holder stands behind it.
  record, healed = false, ' - ' .. LEASE
end
local holder = record and string.sub(record, 1, 32)
if holder == ARGV[2] then
  redis.call('PEXPIRE', LEASE, ARGV[3])
  return 'OK ' .. now .. ' ' .. string.sub(record, 34, 60)
elseif holder and holder ~= ARGV[5] or holder and ARGV[6] and string.match(record, '%d+', 62) ~= ARGV[6] then
  local remaining = redis.call('PTTL', LEASE)
  -- Set back, Redis's clock would prolong what nobody renews; without an end it would last for ever.
  if remaining > tonumber(ARGV[3]) or remaining < 0 then
    remaining = ARGV[3]
    redis.call('PEXPIRE', LEASE, ARGV[3])
  end
  return 'HELD ' .. now .. ' ' .. remaining .. ' ' .. record
end
-- Rises with each term, also after the loss of all data.
local last = redis.pcall('GET', LEASE_EPOCH)
if last and (last.err or not string.find(last, '^%d+$') or #last > 13 or last - now > EPOCH_AHEAD) then
  last, healed = false, healed .. ' - ' .. LEASE_EPOCH
end
local epoch = string.format('%d', math.max((last or 0) + 1, tonumber(now)))
redis.call('SET', LEASE_EPOCH, epoch)
redis.call('SET', LEASE, ARGV[2] .. ' ' .. epoch .. ' ' .. now .. ' ' .. ARGV[4], 'PX', ARGV[3])
return 'OK ' .. now .. ' ' .. epoch .. ' ' .. now .. healed
