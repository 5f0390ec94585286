-- In place of take.lua, behind look_once.lua: gathers holds, and writes them at the end.

-- Holds: id, record, id, record, …
local holds = {}

local function take(arguments, first, id, deadline, record)
  for i = first, #arguments, 2 do
    local stock = touch(arguments[i], id)
    local deadlines = stock.deadlines or {}
    stock.deadlines = deadlines
    deadlines[#deadlines + 1] = deadline
    deadlines[#deadlines + 1] = id
    stock.available, stock.moved = stock.available - arguments[i + 1], stock.moved + arguments[i + 1]
    if not stock.own_deadline or deadline < stock.own_deadline then
      stock.own_deadline = deadline
    end
  end
  holds[#holds + 1] = id
  holds[#holds + 1] = record
end

-- First the stock, then the records, then the answers: as the single script does for one hold.
local function write_gathered()
  for i = 1, #touched do
    local sku = touched[i]
    local stock = looked_at[sku]
    local ids = stock.entries
    local _ = is_refused(redis.pcall('DECRBY', INVENTORY .. sku, stock.moved), ids)
      or is_refused(redis.pcall('ZADD', HOLDS .. sku, unpack(stock.deadlines)), ids)
      or is_refused(redis.pcall('ZADD', DUE, 'LT', stock.own_deadline, sku), ids)
  end
  local records, ids = {}, {}
  for i = 1, #holds, 2 do
    local id = holds[i]
    if not failed[id] then
      ids[#ids + 1] = id
      records[#records + 1] = RESERVATION .. id
      records[#records + 1] = holds[i + 1]
    end
  end
  if #ids > 0 then
    is_refused(redis.pcall('MSET', unpack(records)), ids)
  end
  write_answers()
end
