-- luacheck: globals wrk setup init request response delay done
-- POSTs as the bench asks, as cheaply as wrk allows: a request is two or three strings put together.
-- Arguments are name=value:
--   path, body        what to post; in `body`, {id} and {sku} are filled in
--   key               prefix of the Idempotency-Key, a counter follows; absent: no key
--   cycle             the counter starts again after so many requests (replays)
--   ids, width        file of reservation ids of that width, without separators: {id}, each once
--   skus              {sku} is one of so many at random: twelve digits
--   rate              requests per second over all connections; absent: as fast as answers come
--   confirm           reserve and confirm in turn: body of the confirm, {id} from the answer to the reserve
local ffi = require 'ffi'
ffi.cdef [[
  struct holdfast_time { long seconds, nanoseconds; };
  int clock_gettime(int clock, struct holdfast_time *time);
]]

local threads = {}
local MONOTONIC = 1

local function milliseconds()
  local time = ffi.new('struct holdfast_time')
  ffi.C.clock_gettime(MONOTONIC, time)
  return tonumber(time.seconds) * 1e3 + tonumber(time.nanoseconds) / 1e6
end

-- Returns a function from a counter (for the key) and what replaces `slot` in the body to a request's bytes.
local function poster(path, key, body, slot, width)
  local prefix, suffix, length = body, '', #body
  if slot then
    local first, last = string.find(body, slot, 1, true)
    prefix, suffix = string.sub(body, 1, first - 1), string.sub(body, last + 1)
    length = #prefix + width + #suffix
  end
  local head = 'POST ' .. path .. ' HTTP/1.1\r\nHost: ' .. wrk.host .. ':' .. wrk.port
    .. '\r\nContent-Type: application/json\r\nContent-Length: ' .. length .. '\r\n'
  if not key then
    prefix = head .. '\r\n' .. prefix
    return function(_, value) return prefix .. value .. suffix end
  end
  local format = string.format
  head, prefix = head .. 'Idempotency-Key: ' .. key, '\r\n\r\n' .. prefix
  return function(n, value) return head .. format('%012d', n) .. prefix .. value .. suffix end
end

-- The requests of one run, by their number.
local function requests(options)
  if options.ids then
    local file, width = assert(io.open(options.ids, 'rb')), tonumber(options.width)
    local ids = file:read('*a')
    file:close()
    local post = poster(options.path, options.key, options.body, '{id}', width)
    return function(n)
      local id = string.sub(ids, n * width + 1, (n + 1) * width)
      -- Out of ids: the last one again, which the bench sees as fewer confirmed than answered.
      return post(n, id ~= '' and id or string.sub(ids, -width))
    end
  elseif options.skus then
    local post, skus = poster(options.path, options.key, options.body, '{sku}', 12), tonumber(options.skus)
    return function(n) return post(n, string.format('%012d', math.random(0, skus - 1))) end
  end
  local post = poster(options.path, options.key, options.body)
  return function(n) return post(n, '') end
end

-- A whole life: what an answer reserved is confirmed next, before anything else is reserved.
local function alternate(options, reserve)
  local held, top, confirm = {}, 0, nil
  function response(status, _, body)
    if status == 201 then
      top = top + 1
      held[top] = string.match(body, '"reservationId":"([^"]+)"')
    elseif status ~= 200 then
      _G.unexpected = _G.unexpected + 1
    end
  end
  return function(n)
    if top == 0 then
      return reserve(n)
    end
    local id = held[top]
    top = top - 1
    confirm = confirm or poster('/checkout/confirm', options.key, options.confirm, '{id}', #id)
    return confirm(n, id)
  end
end

-- Each request takes the next slot of one schedule, so the rate holds whichever connection is free.
local function pace(rate)
  local interval, slot = 1e3 / rate, milliseconds()
  function delay()
    local now = milliseconds()
    slot = math.max(slot + interval, now - 50)
    -- wrk waits whole milliseconds: round at random, so that the mean is right.
    return math.max(0, math.floor(slot - now + math.random()))
  end
end

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  local options = {}
  for _, argument in ipairs(arguments) do
    local name, value = string.match(argument, '^(%w+)=(.*)$')
    options[name] = value
  end
  _G.unexpected = 0
  local post = requests(options)
  if options.confirm then
    post = alternate(options, post)
  end
  if options.rate then
    pace(tonumber(options.rate))
  end
  local n, cycle = -1, tonumber(options.cycle) or 2 ^ 52
  function request()
    n = n + 1
    return post(n % cycle)
  end
end

function done(summary, latency)
  local failures = 0
  for _, thread in ipairs(threads) do
    failures = failures + thread:get('unexpected')
  end
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"refused":%d,"unexpected":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, failures, errors.connect + errors.read + errors.write + errors.timeout))
end
