#!lua flags=allow-oom
-- One batch of the sweep: puts the stock of expired holds of any SKU back, those due first before others.
-- Fenced: outside the term of the token it does nothing at all.
-- ARGV: 1 not-after, 2 token of the term, 3 about how many item lines to release, 4 epoch of the term
-- Reply: OK now released next|- (@ id)… (sku|- key)…   (lower bound of the earliest deadline left; due if it is not
--        after now. Behind it parts of carts that are due, and what was found damaged, and was left)
--        | FENCED now | DAMAGED now - key [words]
if is_fenced(ARGV[2], ARGV[4]) then
  return 'FENCED ' .. now
end
local reply = unreleasable()
if reply then
  return reply
end
local released, budget, damage, parts = 0, tonumber(ARGV[3]), {}, {}
local skus = redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', '0', ARGV[3])
for i = 1, #skus do
  if budget <= 0 then
    break
  end
  local count, left = release_due(skus[i], budget, damage, parts)
  released = released + count
  -- A look at a SKU of which nothing was due any more is work too.
  budget = math.min(left, budget - 1)
end
local next_due = redis.call('ZRANGE', DUE, '0', '0', 'WITHSCORES')[2]
return 'OK ' .. now .. ' ' .. released .. ' ' .. (next_due or '-') .. due_parts(parts) .. told(damage)
