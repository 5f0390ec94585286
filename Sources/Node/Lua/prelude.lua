-- Runs at the head of every script, after the lines ScriptLibrary makes (key names, limits).
-- Redis's clock is the only clock: `now` is its TIME as 13 digits of epoch milliseconds. Instants stay
-- strings throughout, since of equal length they compare as they are and Redis need not format a number.
local time = redis.call('TIME')
local millis = string.sub('00000' .. time[2], -6, -4)
local now = time[1] .. millis
-- Not after: past this instant the node has told its caller that the outcome is unknown, and a retry may
-- already have been refused. Whatever still lay in a socket must not take effect (engine.md, "Not after").
if now > ARGV[1] then
  return 'LATE ' .. now
end
