-- Redis runs Lua 5.1, with `redis` and the arguments of a script as its only globals.
std = "lua51"
max_line_length = 120

read_globals = {
  "redis", "ARGV",
  -- Constants, put into the text by ScriptText: key names, limits and layouts.
  "INVENTORY", "TOTAL", "SOLD", "HOLDS", "SALES", "RESERVATION", "DUE", "SKUS", "EVENTS",
  "LEASE", "LEASE_EPOCH", "LEASE_RELEASES", "STORE", "STORE_MARK", "UNSETTLED", "VOID", "FENCE",
  "RETENTION", "KEPT", "EVENTS_MAX",
  "HOLD_LIMIT", "STOCK_LIMIT", "QUANTITY_LIMIT", "SKU_LIMIT", "LOOK_AGAIN", "EPOCH_AHEAD", "TOLD_LIMIT",
  "PART_RETRY", "VOID_KEPT", "LINES_PER_CALL", "CART", "SHARDED", "BATCH",
  "COUNT", "COUNTER_LIMIT", "INSTANT_DIGITS", "SECONDS_END", "MILLIS_START", "SKU_NAME", "SALE_ID_END", "SALE_AT",
  "ACTIVE_HEAD", "CONFIRMED_HEAD", "CANCELLED_HEAD", "EXPIRED_HEAD", "CREATED_AT", "AFTER_STATUS", "AFTER_DEADLINE",
  "ACTIVE_RECORD", "CONFIRMED_RECORD", "CANCELLED_RECORD", "EXPIRED_RECORD", "RECORD_LINE",
  "LABEL_ESCAPE", "CUSTOMER_LABEL", "LAST_LABEL", "ELSEWHERE", "PART_END",
  "CLAIM", "VOID_CLAIMS", "CLAIM_REQUEST", "CLAIM_REQUEST_END", "RECORD_CLAIM",
  "LEASE_RECORD", "TOKEN_END", "EPOCH_START", "EPOCH_END", "TERM_END", "HOLDER_START",
  "STORE_IDENTITY", "MARK_NAME_LIMIT",
  -- From prelude.lua, which stands before the script.
  "time", "millis", "now", "damaged", "prior_answer", "append_event",
  -- From the files below, which some scripts stand behind.
  "counters", "first_score", "fault_of", "keep_answer", "earliest_deadline", "judge", "take", "sell",
  "look_at", "touch", "is_refused", "write_answers", "write_gathered",
  "read_record", "keep_final", "shown", "unmovable", "release", "release_due", "unreleasable", "due_parts", "told",
  "is_fenced", "inspect",
  -- The script that batch.lua stands behind.
  "member",
}

-- What they define is used by the script behind them.
files["**/prelude.lua"] = { ignore = { "211" }, read_globals = { "gathered_answer" } }
for _, name in ipairs({
  "stock", "judge", "take", "sell", "look_once", "take_later", "sell_later", "hold", "release_due", "fence", "inspect",
}) do
  files["**/" .. name .. ".lua"] = { ignore = { "211" } }
end

-- Only what runs several calls as one replaces or changes what others use, and knows what is gathered.
for _, name in ipairs({ "look_once", "take_later", "sell_later", "batch" }) do
  files["**/" .. name .. ".lua"].globals = {
    "counters", "first_score", "fault_of", "keep_answer", "gathered_answer", "looked_at", "touched", "lines_judged",
    "relied_upon", "failed",
  }
end
