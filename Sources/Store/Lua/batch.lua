-- Runs several calls of one script as one; stands behind `member`, which is that script. Each is judged in its order,
-- by its own not-after, as if it had come alone. What may be refused is written at once, as alone: an outbox entry, and
-- the record of a sale. So the members before have written something when the next one is judged.
-- ARGV: 1 the latest not-after, then of each call the number of its arguments, and these, its own not-after first
-- Reply: LATE now, if it is too late for all; or a list of what each would have been answered, but
--        AGAIN now: the call has done enough, and this one must come again;
--        FAILED now words: Redis has refused something half way, and nobody knows what became of this one
local replies, ids, relied_upons, at = {}, {}, {}, 2

while at <= #ARGV do
  local last = at + ARGV[at]
  local arguments = { unpack(ARGV, at + 1, last) }
  at = last + 1
  local number, id = #replies + 1, arguments[2]
  if now > arguments[1] then
    replies[number] = 'LATE ' .. now
  elseif lines_judged >= LINES_PER_CALL then
    replies[number] = 'AGAIN ' .. now
  else
    relied_upon = nil
    local is_judged, reply = pcall(member, arguments)
    replies[number], ids[number], relied_upons[number] = reply, id, relied_upon
    if not is_judged then
      replies[number] = ''
      failed[id] = type(reply) == 'table' and reply.err or tostring(reply)
    end
  end
end

write_gathered()
for number = 1, #replies do
  local words = failed[ids[number]] or failed[relied_upons[number]]
  -- A refusal stays one: it has done nothing.
  if words and (relied_upons[number] or replies[number] == '' or string.find(replies[number], '^OK ')) then
    replies[number] = 'FAILED ' .. now .. ' ' .. words
  end
end
return replies
