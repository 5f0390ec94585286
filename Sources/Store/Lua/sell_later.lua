-- In place of sell.lua, behind look_once.lua: gathers sales, and writes them at the end.

local function sell(sku, quantity, id)
  local stock, ids = touch(sku)
  ids[#ids + 1] = id
  stock.sold, stock.moved = stock.sold + quantity, stock.moved + quantity
end

-- Writes all of it, in the order of sell.lua.
local function write_gathered()
  for i = 1, #touched do
    local sku = touched[i]
    local stock = looked_at[sku]
    local ids = stock.entries
    redis.call('INCRBY', SOLD .. sku, stock.moved)
    redis.call('ZREM', HOLDS .. sku, unpack(ids))
    for place, id in ipairs(ids) do
      ids[place] = id .. now
    end
    redis.call('RPUSH', SALES .. sku, unpack(ids))
  end
  write_answers()
end
