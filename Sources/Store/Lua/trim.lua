#!lua flags=allow-oom
-- One step round all SKUs: takes sales out of the audit's index whose reservations are kept no longer. One that has
-- lapsed stays as a witness that there were more than the index shows. On its way it looks at each SKU's keys, and lets
-- parked holds go on that have been repaired.
-- Fenced: outside the term of the token it does nothing at all.
-- ARGV: 1 not-after, 2 token of the term, 3 sku to go on after or '', 4 most SKUs, 5 most sales to look at of each,
--       6 epoch of the term
-- Reply: OK now trimmed next (sku|- key)…   (next: what to go on after, '.' for the first again, '-' at the end of a
--        round; a member of the index that is no SKU is told as '=' and its bytes in hexadecimal. Behind it what was
--        found damaged) | FENCED now | DAMAGED now - key words
if is_fenced(ARGV[2], ARGV[6]) then
  return 'FENCED ' .. now
end
local reply = unreleasable()
if reply then
  return reply
end
local kept_since = (time[1] - KEPT) .. millis
local after, most, look = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
if string.sub(after, 1, 1) == '=' then
  after = string.gsub(string.sub(after, 2), '..', function(byte) return string.char(tonumber(byte, 16)) end)
end
local skus = redis.pcall('ZRANGE', SKUS, after == '' and '-' or '(' .. after, '+', 'BYLEX', 'LIMIT', '0', most)
if skus.err then
  return damaged('-', SKUS, skus.err)
end
-- The member as a reply can hold it.
local function cursor(member)
  if #member <= SKU_LIMIT and string.find(member, SKU_NAME) then
    return member
  elseif member == '' then
    -- An empty cursor is the start; this is the least that comes behind an empty member.
    return '=00'
  end
  return '=' .. string.gsub(member, '.', function(byte) return string.format('%02x', string.byte(byte)) end)
end

local trimmed, damage = 0, {}
for i = 1, #skus do
  local sku = skus[i]
  if #sku > SKU_LIMIT or not string.find(sku, SKU_NAME) then
    damage[#damage + 1] = '- ' .. SKUS
  else
    inspect(sku, damage)
  end
  local sales = redis.pcall('LRANGE', SALES .. sku, '0', look - 1)
  local lapsed = 0
  while not sales.err and lapsed < #sales do
    local sale = sales[lapsed + 1]
    local id, at = string.sub(sale, 1, SALE_ID_END), string.sub(sale, SALE_AT)
    if at >= kept_since or redis.call('EXISTS', RESERVATION .. id) == 1 then
      break
    end
    lapsed = lapsed + 1
  end
  if lapsed > 1 then
    redis.call('LTRIM', SALES .. sku, lapsed - 1, -1)
    trimmed = trimmed + lapsed - 1
  end
  if lapsed == look then
    -- There may be more of this SKU, which the next step is to begin with.
    return 'OK ' .. now .. ' ' .. trimmed .. ' ' .. (after == '' and '.' or cursor(after)) .. told(damage)
  end
  after = sku
end
return 'OK ' .. now .. ' ' .. trimmed .. ' ' .. (#skus < most and '-' or cursor(after)) .. told(damage)
