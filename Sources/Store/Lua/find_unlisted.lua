#!lua flags=no-writes
-- One step through all keys: SKUs that have keys but are missing from the index of SKUs. The first step also looks at
-- the keys that all SKUs share.
-- ARGV: 1 not-after, 2 cursor, 3 about how many keys
-- Reply: OK now cursor unreadable lapsing sku…   (cursor 0: the end; unreadable: shared keys that are not what they
--        must be; lapsing: those that would vanish by themselves) | DAMAGED now - key words
local unreadable, lapsing = 0, 0
if ARGV[2] == '0' then
  for key, size in pairs({ [SKUS] = 'ZCARD', [DUE] = 'ZCARD', [EVENTS] = EVENTS_MAX ~= '0' and 'XLEN' or 'EXISTS' }) do
    if type(redis.pcall(size, key)) == 'table' then
      unreadable = unreadable + 1
    end
    if redis.call('PTTL', key) >= 0 then
      lapsing = lapsing + 1
    end
  end
end
local found = redis.call('SCAN', ARGV[2], 'MATCH', string.gsub(INVENTORY, '%w+:$', '') .. '*', 'COUNT', ARGV[3])
local reply, seen = 'OK ' .. now .. ' ' .. found[1] .. ' ' .. unreadable .. ' ' .. lapsing, {}
for _, key in ipairs(found[2]) do
  for _, name in ipairs({ INVENTORY, TOTAL, SOLD, HOLDS, SALES }) do
    local sku = string.sub(key, 1, #name) == name and string.match(key, SKU_NAME, #name + 1)
    if sku and #sku <= SKU_LIMIT and not seen[sku] then
      seen[sku] = true
      local listed = redis.pcall('ZSCORE', SKUS, sku)
      if not listed then
        reply = reply .. ' ' .. sku
      elseif listed.err then
        return damaged('-', SKUS, listed.err)
      end
    end
  end
end
return reply
