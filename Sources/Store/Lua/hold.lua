-- Reads lines from `at` on into two lists. Returns where they end; nil if they are not as we write them.
local function read_lines(record, at, skus, quantities)
  local sku, quantity, mark
  repeat
    sku, quantity, mark, at = string.match(record, RECORD_LINE, at)
    -- Lines are sorted: one that stands there twice is the last one's neighbour.
    if not at or #sku > SKU_LIMIT or quantity - QUANTITY_LIMIT > 0 or sku == skus[#skus] then
      return nil
    end
    skus[#skus + 1], quantities[#quantities + 1] = sku, quantity
  until mark == '}'
  return at
end

-- Reads a reservation as it is stored: its status, deadline, instant of creation, SKUs and quantities; and 'cart' if
-- other shards hold parts of it, 'part' if it is such a part, whose home is another shard. Nil if it is not as we write
-- it. What is nil here is damage to the node too, and the other way round; but a part is read by scripts alone.
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
  at = read_lines(record, at, skus, quantities)
  if not at then
    return nil
  end
  local reach, rest = nil, string.sub(record, at)
  if rest ~= '}' then
    local elsewhere = string.match(rest, ELSEWHERE)
    if elsewhere then
      reach, at = 'cart', read_lines(rest, elsewhere, {}, {})
      if not at then
        return nil
      end
      rest = string.sub(rest, at)
    elseif string.find(rest, PART_END) then
      reach, rest = 'part', '}'
    end
  end
  if rest ~= '}' then
    -- Labels are visible ASCII.
    rest = string.gsub(rest, LABEL_ESCAPE, '_')
    rest = string.match(rest, CUSTOMER_LABEL) or rest
    if rest ~= '}' and not string.find(rest, LAST_LABEL) then
      return nil
    end
  end
  -- No hold lives longer, and none ends before it begins.
  local life = deadline - created
  if life < 0 or life > HOLD_LIMIT * 1000 then
    return nil
  end
  return status, deadline, created, skus, quantities, reach
end

-- Writes a reservation that has come to its end. One that other shards hold parts of is kept until those have followed.
local function keep_final(id, record, reach)
  if reach == 'cart' then
    redis.call('SET', RESERVATION .. id, record)
    redis.call('ZADD', UNSETTLED, now, id)
  else
    redis.call('SET', RESERVATION .. id, record, 'EX', KEPT)
  end
end

-- A name as it may stand in a reply, whatever bytes it is of.
local function shown(name)
  return string.sub(string.gsub(name, '[^%w._:/-]', '?'), 1, 200)
end

-- Whether what a hold keeps can be moved out of its SKUs' reserved stock: nil if so, else the reply that says
-- what is damaged.
local function unmovable(skus, quantities, reach)
  local listed = reach == 'cart' and redis.pcall('ZCARD', UNSETTLED)
  if type(listed) == 'table' then
    return damaged('-', UNSETTLED, listed.err)
  end
  for i = 1, #skus do
    local sku = skus[i]
    local available, total, sold = counters(sku)
    if not available or total - available - sold - quantities[i] < 0 then
      return damaged(sku, not available and total or INVENTORY .. sku)
    end
    local fault = fault_of(HOLDS .. sku, sku, 'ZCARD')
    if fault then
      return fault
    end
  end
end
