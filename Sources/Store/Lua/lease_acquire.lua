#!lua flags=allow-oom
-- Takes the lease for a new term, or refreshes it if it is the caller's already: an attempt whose answer was lost can
-- be repeated. The caller may name a holder that need not be waited for. No other is replaced; nor is that one if it
-- holds the lease on another connection than the caller says. A term older than one that the caller has seen is over.
-- ARGV: 1 not-after, 2 token, 3 ttl in ms, 4 'connection node-id address', 5 token of the holder to replace, or '',
--       6 its connection, or '', 7 greatest epoch that the caller has seen (the last two may be left out)
-- Reply: OK now epoch acquired-at (- key)… | HELD now remaining-ms record
--        record: token epoch acquired-at connection node-id address
--        Behind an OK stand keys that were damaged and have been made anew.
local record, healed = redis.pcall('GET', LEASE), ''
if record and (record.err or not string.find(record, LEASE_RECORD)) then
  -- Nobody can renew or release it, nor sweep by it: no holder stands behind it.
  record, healed = false, ' - ' .. LEASE
end
local seen = tonumber(ARGV[7] or 0)
if seen - now > EPOCH_AHEAD then
  seen = 0
end
local holder = record and string.sub(record, 1, TOKEN_END)
if holder and holder ~= ARGV[2] and tonumber(string.sub(record, EPOCH_START, EPOCH_END)) < seen then
  -- Another term has followed it, on a server that this one was a replica of and had not all from.
  holder = false
end
if holder == ARGV[2] then
  redis.call('PEXPIRE', LEASE, ARGV[3])
  return 'OK ' .. now .. ' ' .. string.sub(record, EPOCH_START, TERM_END)
elseif holder and holder ~= ARGV[5]
  or holder and (ARGV[6] or '') ~= '' and string.match(record, '%d+', HOLDER_START) ~= ARGV[6]
then
  local remaining = redis.call('PTTL', LEASE)
  -- A clock of Redis's that is set back would prolong a lease that nobody renews. Without an end it would last for
  -- ever.
  if remaining > tonumber(ARGV[3]) or remaining < 0 then
    remaining = ARGV[3]
    redis.call('PEXPIRE', LEASE, ARGV[3])
  end
  return 'HELD ' .. now .. ' ' .. remaining .. ' ' .. record
end
-- Rises with each term, also after the loss of all data, and on a server that lacks the last terms and whose clock is
-- behind that of the server before: then by what the caller has seen.
local last = redis.pcall('GET', LEASE_EPOCH)
if last and (last.err or not string.find(last, '^%d+$') or #last > INSTANT_DIGITS or last - now > EPOCH_AHEAD) then
  last, healed = false, healed .. ' - ' .. LEASE_EPOCH
end
local epoch = string.format('%d', math.max((last or 0) + 1, seen + 1, tonumber(now)))
redis.call('SET', LEASE_EPOCH, epoch)
redis.call('SET', LEASE, ARGV[2] .. ' ' .. epoch .. ' ' .. now .. ' ' .. ARGV[4], 'PX', ARGV[3])
return 'OK ' .. now .. ' ' .. epoch .. ' ' .. now .. healed
