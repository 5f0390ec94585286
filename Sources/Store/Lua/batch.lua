-- Runs several calls of one script as one; stands behind `member`, which is that script. Each is judged in its order,
-- by its own not-after, as if it had come alone.
-- ARGV: 1 the latest not-after, then of each call the number of its arguments, and those
-- Reply: a list of what each would have been answered; or, if a script failed and nobody knows what became of it,
--        FAILED now words
local replies, at = {}, 2

local function failed(fault)
  return 'FAILED ' .. now .. ' ' .. (type(fault) == 'table' and fault.err or tostring(fault))
end

while at <= #ARGV do
  local last = at + ARGV[at]
  local arguments = { unpack(ARGV, at + 1, last) }
  at = last + 1
  if now > arguments[1] then
    replies[#replies + 1] = 'LATE ' .. now
  else
    local is_judged, reply = pcall(member, arguments)
    replies[#replies + 1] = is_judged and reply or failed(reply)
  end
end

local is_written, fault = pcall(write_gathered)
if not is_written then
  -- Whoever was told that something is done, or was before, relied on what is to be written here.
  local relying = {}
  for _, answer in pairs(answered) do
    relying['PRIOR ' .. now .. ' ' .. answer] = true
  end
  for i = 1, #replies do
    if relying[replies[i]] or string.find(replies[i], '^OK ') then
      replies[i] = failed(fault)
    end
  end
end
return replies
