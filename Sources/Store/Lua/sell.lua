-- Writes a sale at once; stands behind hold.lua. sell_later.lua does the same for several sales together.

-- Moves what a hold keeps of a SKU to what is sold.
local function sell(sku, quantity, id)
  redis.call('INCRBY', SOLD .. sku, quantity)
  redis.call('ZREM', HOLDS .. sku, id)
  redis.call('RPUSH', SALES .. sku, id .. now)
end
