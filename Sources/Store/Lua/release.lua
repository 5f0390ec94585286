#!lua flags=allow-oom
-- Puts the stock of a SKU's expired holds back on the way of a request, in bounded steps.
-- ARGV: 1 not-after, 2 sku, 3 most item lines to release in this step
-- Reply: OK now released earliest|- (@ id)… (sku|- key)…   (earliest deadline left; due if it is not after now. Behind
--        it parts of carts that are due, and what was found damaged, and was left) | DAMAGED now - key [words]
local damage, parts = {}, {}
local reply = unreleasable()
if reply then
  return reply
end
local released, _, earliest = release_due(ARGV[2], tonumber(ARGV[3]), damage, parts)
return 'OK ' .. now .. ' ' .. released .. ' ' .. (earliest or '-') .. due_parts(parts) .. told(damage)
