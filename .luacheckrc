-- Redis runs Lua 5.1, with `redis` and the arguments of a script as its only globals.
std = "lua51"
max_line_length = 120

read_globals = {
  "redis", "ARGV",
  -- Made by ScriptLibrary at the head of every script: key names and limits.
  "INVENTORY", "TOTAL", "SOLD", "HOLDS", "SALES", "RESERVATION", "DUE", "SKUS", "EVENTS",
  "LEASE", "LEASE_EPOCH", "LEASE_RELEASES",
  "RETENTION", "KEPT", "EVENTS_MAX", "HOLD_LIMIT", "STOCK_LIMIT", "ITEMS_AT", "COMMA",
  -- From prelude.lua, which stands between that head and the script.
  "time", "millis", "now",
  -- From release_due.lua.
  "release_due",
}

-- What they define is used by the script behind them.
files["**/prelude.lua"] = { ignore = { "211" } }
files["**/release_due.lua"] = { ignore = { "211" } }
