-- For a script that does several requests in one call (batch.lua). Stands behind stock.lua, and wraps what looks at the
-- store: each SKU is looked at once. What requests do is gathered, and written at the end. Nothing else runs in
-- between, so each request is judged as if what those before it do had been written.

-- By SKU: what was found, and what has been done since. And the SKUs to which something was done, in their order.
local looked_at, touched = {}, {}
-- By index: why it can't be written, or false.
local faults = {}
-- Item lines that were judged.
local lines_judged = 0

local look_at_counters, look_at_score, look_at_index = counters, first_score, fault_of

local function look_at(sku)
  local stock = looked_at[sku]
  if not stock then
    stock = { moved = 0, entries = {} }
    stock.available, stock.total, stock.sold = look_at_counters(sku)
    looked_at[sku] = stock
  end
  return stock
end

counters = function(sku)
  lines_judged = lines_judged + 1
  local stock = look_at(sku)
  return stock.available, stock.total, stock.sold
end

first_score = function(sku)
  local stock = look_at(sku)
  if not stock.has_score then
    stock.has_score = true
    stock.score, stock.words = look_at_score(sku)
  end
  local score, own = stock.score, stock.own_deadline
  if score ~= false and own and (not score or tonumber(own) < tonumber(score)) then
    return own
  end
  return score, stock.words
end

fault_of = function(index, sku, command)
  if faults[index] == nil then
    faults[index] = look_at_index(index, sku, command) or false
  end
  return faults[index] or nil
end

-- What is known of a SKU to which the request of a reservation does something now.
local function touch(sku, id)
  local stock = look_at(sku)
  local entries = stock.entries
  if #entries == 0 then
    touched[#touched + 1] = sku
  end
  entries[#entries + 1] = id
  return stock
end

-- By reservation: why its request could not be written to the end. And what keys are answered with, by which request.
local failed, answers, answerers = {}, {}, {}

-- Whether Redis has refused what was written for some reservations. Notes it with them.
local function is_refused(reply, ids)
  local words = type(reply) == 'table' and reply.err
  if words then
    for i = 1, #ids do
      failed[ids[i]] = failed[ids[i]] or words
    end
  end
  return words
end

-- Who has used a key in this call, if anybody.
local relied_upon
gathered_answer = function(key)
  relied_upon = answers[key] and answerers[key] or relied_upon
  return answers[key]
end

keep_answer = function(key, answer, id)
  answers[key], answerers[key] = answer, id
end

-- Last, as in the single script: what was refused before must not be told to a repetition.
local function write_answers()
  for key, answer in pairs(answers) do
    local id = answerers[key]
    if not failed[id] then
      failed[id] = redis.pcall('SET', key, answer, 'EX', RETENTION).err
    end
  end
end
