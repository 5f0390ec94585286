-- For a script that does several requests in one call (batch.lua); stands behind stock.lua. Each SKU is looked at once.
-- What requests do to it is gathered, and written at the end. Nothing else runs in between, so each request is judged
-- as if what those before it do had been written.

-- By SKU: what was found, and what has been done since. And the SKUs to which something was done, in their order.
local looked_at, touched = {}, {}
-- By index: why it can't be written, or false.
local faults = {}

local look_at_counters, look_at_deadlines, look_at_index = counters, earliest_deadline, fault_of

local function look_at(sku)
  local stock = looked_at[sku]
  if not stock then
    stock = { moved = 0, entries = {} }
    stock.available, stock.total, stock.sold = look_at_counters(sku)
    looked_at[sku] = stock
  end
  return stock
end

local function counters(sku)
  local stock = look_at(sku)
  return stock.available, stock.total, stock.sold
end

local function earliest_deadline(sku)
  local stock = look_at(sku)
  if not stock.has_deadline then
    stock.has_deadline = true
    stock.deadline, stock.words = look_at_deadlines(sku)
  end
  local deadline, own = stock.deadline, stock.own_deadline
  if deadline ~= false and own and (not deadline or own < deadline) then
    return own
  end
  return deadline, stock.words
end

local function fault_of(index, sku, command)
  if faults[index] == nil then
    faults[index] = look_at_index(index, sku, command) or false
  end
  return faults[index] or nil
end

-- What is known of a SKU to which something is done now.
local function touch(sku)
  local stock = look_at(sku)
  if #stock.entries == 0 then
    touched[#touched + 1] = sku
  end
  return stock, stock.entries
end

local function keep_answer(key, answer)
  answered[key] = answer
end

local function write_answers()
  for key, answer in pairs(answered) do
    redis.call('SET', key, answer, 'EX', RETENTION)
  end
end
