-- Fences: whether a sweep comes from a term that is over; stands behind release_due.lua.

-- A store of one shard has the lease beside it, and compares the token. Where there are several shards, the lease is on
-- one of them. Each has a fence of its own then: the greatest epoch that has swept it, which only rises.
local function is_fenced(token, epoch)
  if not SHARDED then
    local lease = redis.pcall('GET', LEASE)
    return not lease or lease.err or string.sub(lease, 1, TOKEN_END) ~= token
  end
  local fence = redis.pcall('GET', FENCE)
  -- What is no epoch holds nobody back: it is made anew.
  if not fence or fence.err or #fence ~= INSTANT_DIGITS or not string.find(fence, '^%d+$') or fence < epoch then
    redis.call('SET', FENCE, epoch)
    return false
  end
  return fence > epoch
end
