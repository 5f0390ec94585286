#!lua flags=allow-oom
-- Puts the stock of a SKU's expired holds back on the way of a request, in bounded steps.
-- ARGV: 1 not-after, 2 sku, 3 most item lines to release in this step
-- Reply: OK now released earliest|-   (earliest deadline left; due if it is not after now)
local released, _, earliest = release_due(ARGV[2], tonumber(ARGV[3]))
return 'OK ' .. now .. ' ' .. released .. ' ' .. (earliest or '-')
