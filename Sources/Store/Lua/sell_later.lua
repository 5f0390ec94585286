-- In place of sell.lua, behind look_once.lua: gathers sales, and writes them at the end.

local function sell(sku, quantity, id)
  local stock = touch(sku, id)
  stock.sold, stock.moved = stock.sold + quantity, stock.moved + quantity
end

-- As sell.lua and the script behind it do for one sale.
local function write_gathered()
  for i = 1, #touched do
    local sku = touched[i]
    local stock = looked_at[sku]
    local ids, sales = stock.entries, {}
    for place = 1, #ids do
      sales[place] = ids[place] .. now
    end
    local _ = is_refused(redis.pcall('INCRBY', SOLD .. sku, stock.moved), ids)
      or is_refused(redis.pcall('ZREM', HOLDS .. sku, unpack(ids)), ids)
      or is_refused(redis.pcall('RPUSH', SALES .. sku, unpack(sales)), ids)
  end
  write_answers()
end
