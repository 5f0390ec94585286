-- Runs at the head of every script. Names in capitals are constants (ScriptConstant.swift): they are put into the text.
-- Redis's clock is the only clock: `now` is its TIME as 13 digits of epoch milliseconds. Instants stay
-- strings throughout, since of equal length they compare as they are and Redis need not format a number.
local time = redis.call('TIME')
local millis = string.sub('00000' .. time[2], -6, -4)
local now = time[1] .. millis
-- Not after: past this instant the node has told its caller that the outcome is unknown, and a retry may
-- already have been refused. Whatever still lay in a socket must not take effect.
if now > ARGV[1] then
  return 'LATE ' .. now
end

-- Redis does not roll a script back. So every script judges all that it reads before its first write. What it finds
-- damaged it names with this reply, and then writes nothing. The keys of a SKU are told with it, others with '-'.
-- `words` are Redis's own, where it would not let us have the key.
local function damaged(sku, key, words)
  sku = (key == SKUS or key == DUE or key == EVENTS) and '-' or sku
  return 'DAMAGED ' .. now .. ' ' .. sku .. ' ' .. key .. (words and ' ' .. words or '')
end

-- What an idempotency key was answered with before, as the reply that says so; nil if it is new. With several shards a
-- claim may stand there in place of an answer, or that some claims are void (KeyEntry.swift); `head` is what the caller
-- puts before its own answer, and tells its request and its claim.
local function prior_answer(key, head)
  local prior = key ~= '' and (BATCH and gathered_answer(key) or redis.pcall('GET', key))
  if not prior then
    return nil
  elseif prior.err then
    return damaged('-', key, prior.err)
  end
  local kind = SHARDED and string.sub(prior, 1, 1)
  if kind == CLAIM then
    if string.sub(prior, CLAIM_REQUEST, CLAIM_REQUEST_END) == string.sub(head, CLAIM_REQUEST, CLAIM_REQUEST_END) then
      return nil
    end
    return 'CLAIMED ' .. now .. ' ' .. prior
  elseif kind == VOID_CLAIMS then
    local claim = string.match(head, RECORD_CLAIM)
    return claim and string.find(prior, claim, 1, true) and 'NOCLAIM ' .. now or nil
  end
  return 'PRIOR ' .. now .. ' ' .. prior
end

-- Appends a change to the outbox. If Redis refuses that, returns the reply that says why. This is each script's first
-- write, so that nothing was done then.
local function append_event(change, id, data)
  local told = EVENTS_MAX ~= '0'
    and redis.pcall('XADD', EVENTS, 'MAXLEN', '~', EVENTS_MAX, '*', 'type', change, 'id', id, 'data', data)
  if told and told.err then
    return damaged('-', EVENTS, told.err)
  end
end

-- Writes what an idempotency key is answered with.
local function keep_answer(key, answer)
  redis.call('SET', key, answer, 'EX', RETENTION)
end
