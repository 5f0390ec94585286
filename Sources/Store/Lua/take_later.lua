-- In place of take.lua, behind look_once.lua: gathers holds, and writes them at the end.

-- Records of holds: key, record, key, record, …
local records = {}

local function take(arguments, first, id, deadline, record)
  for i = first, #arguments, 2 do
    local sku, quantity = arguments[i], arguments[i + 1]
    local stock, holds = touch(sku)
    holds[#holds + 1] = deadline
    holds[#holds + 1] = id
    stock.available, stock.moved = stock.available - quantity, stock.moved + quantity
    if not stock.own_deadline or deadline < stock.own_deadline then
      stock.own_deadline = deadline
    end
  end
  records[#records + 1] = RESERVATION .. id
  records[#records + 1] = record
end

-- Writes all of it, in the order of take.lua.
local function write_gathered()
  local due = {}
  for i = 1, #touched do
    local sku = touched[i]
    local stock = looked_at[sku]
    redis.call('DECRBY', INVENTORY .. sku, stock.moved)
    redis.call('ZADD', HOLDS .. sku, unpack(stock.entries))
    due[2 * i - 1], due[2 * i] = stock.own_deadline, sku
  end
  if #touched > 0 then
    redis.call('ZADD', DUE, 'LT', unpack(due))
    redis.call('MSET', unpack(records))
  end
  write_answers()
end
