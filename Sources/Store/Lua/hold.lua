-- Reads a reservation as it is stored: its status, deadline, instant of creation, SKUs and quantities.
-- Nil if it is not as we write it. What is nil here is damage to the node too, and the other way round.
local function read_record(record)
  if type(record) ~= 'string' then
    return nil
  end
  local status, deadline, created, at = 'ACTIVE', string.match(record, ACTIVE_RECORD)
  if not at then
    status, deadline, created, at = 'CONFIRMED', string.match(record, CONFIRMED_RECORD)
  end
  if not at then
    status, deadline, created, at = 'CANCELLED', string.match(record, CANCELLED_RECORD)
  end
  if not at then
    status, deadline, created, at = 'EXPIRED', string.match(record, EXPIRED_RECORD)
  end
  if not at then
    return nil
  end
  local skus, quantities = {}, {}
  local sku, quantity, mark
  repeat
    sku, quantity, mark, at = string.match(record, RECORD_LINE, at)
    -- Lines are sorted: one that stands there twice is the last one's neighbour.
    if not at or #sku > SKU_LIMIT or quantity - QUANTITY_LIMIT > 0 or sku == skus[#skus] then
      return nil
    end
    skus[#skus + 1], quantities[#quantities + 1] = sku, quantity
  until mark == '}'
  if string.sub(record, at) ~= '}' then
    -- Labels are visible ASCII.
    local labels = string.gsub(string.sub(record, at), LABEL_ESCAPE, '_')
    local rest = string.match(labels, CUSTOMER_LABEL) or labels
    if rest ~= '}' and not string.find(rest, LAST_LABEL) then
      return nil
    end
  end
  -- No hold lives longer, and none ends before it begins.
  local life = deadline - created
  if life < 0 or life > HOLD_LIMIT * 1000 then
    return nil
  end
  return status, deadline, created, skus, quantities
end

-- A name as it may stand in a reply, whatever bytes it is of.
local function shown(name)
  return string.sub(string.gsub(name, '[^%w._:/-]', '?'), 1, 200)
end

-- Whether what a hold keeps can be moved out of its SKUs' reserved stock: nil if so, else the reply that says
-- what is damaged.
local function unmovable(skus, quantities)
  for i = 1, #skus do
    local sku = skus[i]
    local available, total, sold = counters(sku)
    if not available or total - available - sold - quantities[i] < 0 then
      return damaged(sku, not available and total or INVENTORY .. sku)
    end
    local size = redis.pcall('ZCARD', HOLDS .. sku)
    if type(size) == 'table' then
      return damaged(sku, HOLDS .. sku, size.err)
    end
  end
end
