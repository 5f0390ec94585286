#!lua flags=allow-oom
-- Looks whether the store is the one it was, and proves that it takes writes: Redis refuses a script that may write
-- before it runs. A mark is raised only where the last one is old enough, so that many nodes write no more than one.
-- A process raises its own mark, no other, and only where it finds what it left last: else a store that was set back
-- would seem to go on (StoreEvidence.swift). What is not as we write it is left as it is.
-- ARGV: 1 not-after, 2 identity for a store that has none, 3 name of the mark, 4 age in ms at which marks are old,
--       5 most marks to keep, 6 what the caller's mark was raised to last, or 0
-- Reply: OK now identity-found|- identity|- floor raised|- [name mark]…    marks as they were found
local found = redis.pcall('GET', STORE)
local is_ours = type(found) == 'string' and string.find(found, STORE_IDENTITY)
local identity = is_ours and found or '-'
local stored = redis.pcall('HGETALL', STORE_MARK)
local floor, newest, own, marks, words = 0, 0, 0, {}, ''
for i = 1, stored.err and 0 or #stored, 2 do
  local process, mark = stored[i], tonumber(string.match(stored[i + 1], '^%d+$'))
  if mark and mark - now < EPOCH_AHEAD and process == 'floor' then
    floor = mark
  elseif mark and mark - now < EPOCH_AHEAD and #process <= MARK_NAME_LIMIT and string.find(process, '^%x+$') then
    marks[#marks + 1] = {process, mark}
    newest = math.max(newest, mark)
    own = process == ARGV[3] and mark or own
    words = words .. ' ' .. process .. ' ' .. string.format('%.0f', mark)
  end
end
newest = math.max(newest, floor)

if found == false then
  identity = ARGV[2]
  redis.call('SET', STORE, identity)
end
local raised = '-'
local age = now - newest
-- Younger than nothing: Redis's clock was set back.
if not stored.err and math.max(own, floor) >= tonumber(ARGV[6]) and (age >= tonumber(ARGV[4]) or age < 0) then
  raised = string.format('%.0f', math.max(tonumber(now), newest + 1))
  redis.call('HSET', STORE_MARK, ARGV[3], raised)
  local most = tonumber(ARGV[5])
  if #marks > most then
    -- The oldest make room for a good while.
    table.sort(marks, function(one, other) return one[2] < other[2] end)
    local kept_from = #marks - math.floor(most / 2)
    for i = 1, kept_from do
      if marks[i][1] ~= ARGV[3] then
        redis.call('HDEL', STORE_MARK, marks[i][1])
      end
    end
    redis.call('HSET', STORE_MARK, 'floor', string.format('%.0f', math.max(floor, marks[kept_from][2])))
  end
end
return 'OK ' .. now .. ' ' .. (is_ours and found or '-') .. ' ' .. identity .. ' ' .. string.format('%.0f', floor)
  .. ' ' .. raised .. words
