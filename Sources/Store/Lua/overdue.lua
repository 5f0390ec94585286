#!lua flags=no-writes
-- How far behind the sweep is. It looks at the SKUs whose bounds have passed first.
-- ARGV: 1 not-after, 2 most SKUs to look at, 3 most entries to look at
-- Reply: OK now holds oldest|-   (holds overdue; the oldest's deadline) | DAMAGED now - key words
-- A hold of several SKUs stands in the index of each and is counted once. Where there are more entries than are
-- looked at, the others are taken to be like those.
local skus = redis.pcall('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', '0', ARGV[2])
if skus.err then
  return damaged('-', DUE, skus.err)
end
local seen, holds, looked, entries, oldest = {}, 0, 0, 0, nil
for i = 1, #skus do
  local index = HOLDS .. skus[i]
  local first = earliest_deadline(skus[i])
  if first and first <= now then
    entries = entries + redis.call('ZCOUNT', index, '-inf', now)
    if not oldest or first < oldest then
      oldest = first
    end
    if looked < tonumber(ARGV[3]) then
      local ids = redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', '0', ARGV[3] - looked)
      looked = looked + #ids
      for j = 1, #ids do
        if not seen[ids[j]] then
          seen[ids[j]] = true
          holds = holds + 1
        end
      end
    end
  end
end
if entries > looked then
  holds = string.format('%d', holds * entries / looked)
end
return 'OK ' .. now .. ' ' .. holds .. ' ' .. (oldest or '-')
