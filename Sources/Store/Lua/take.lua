-- Writes a hold at once; stands behind judge.lua. take_later.lua does the same for several holds together.

-- Takes the lines of a hold out of stock, and writes its record. They stand in the arguments as for `judge`.
local function take(arguments, first, id, deadline, record)
  for i = first, #arguments, 2 do
    local sku = arguments[i]
    redis.call('DECRBY', INVENTORY .. sku, arguments[i + 1])
    redis.call('ZADD', HOLDS .. sku, deadline, id)
    redis.call('ZADD', DUE, 'LT', deadline, sku)
  end
  redis.call('SET', RESERVATION .. id, record)
end
