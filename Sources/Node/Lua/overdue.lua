#!lua flags=no-writes
-- How far behind the sweep is, as the SKUs tell whose bounds have passed first.
-- ARGV: 1 not-after, 2 most SKUs to look at
-- Reply: OK now holds oldest|-   (holds overdue, once for each of their SKUs; the oldest's deadline)
local skus = redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', '0', ARGV[2])
local holds, oldest = 0, nil
for i = 1, #skus do
  local index = HOLDS .. skus[i]
  local first = redis.call('ZRANGE', index, '0', '0', 'WITHSCORES')[2]
  if first and first <= now then
    holds = holds + redis.call('ZCOUNT', index, '-inf', now)
    if not oldest or first < oldest then
      oldest = first
    end
  end
end
return 'OK ' .. now .. ' ' .. holds .. ' ' .. (oldest or '-')
