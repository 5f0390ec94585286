# shellcheck shell=bash disable=SC2153 # the capitals are set by cluster.sh and settings.sh
# The coordinator, on PORT+1.

coordinator_port() { printf '%s\n' "$((PORT + 1))"; }
coordinator_url() { printf 'http://127.0.0.1:%s\n' "$(coordinator_port)"; }

# Prints its settings as NAME=VALUE, each ended by a zero byte. It shares the nodes' settings that mean the same to it.
coordinator_settings() {
  local name value
  for name in HOLDFAST_ADMIN_TOKEN HOLDFAST_ADMIN_TOKENS_FILE HOLDFAST_LOG_LEVEL; do
    if value=$(setting "$name"); then
      printf '%s=%s\0' "$name" "$value"
    fi
  done
  admin_token_is_given || printf '%s\0' "HOLDFAST_ADMIN_TOKENS_FILE=$STATE/admin-tokens"
  printf '%s\0' HOLDFAST_HOST=127.0.0.1 "HOLDFAST_PORT=$(coordinator_port)" \
    "HOLDFAST_CLUSTER_TOKEN_FILE=$STATE/cluster-token" "HOLDFAST_STATE_FILE=$STATE/coordinator/registry.json" \
    HOLDFAST_ALLOWED_NETWORKS=127.0.0.0/8
}

coordinator_serves() { ask -fs -o /dev/null --max-time 1 "$(coordinator_url)/health/live"; }

# Starts it unless it already runs from the right binary with the right settings.
start_coordinator() {
  if is_current coordinator "$BINARIES/holdfast-coordinator" coordinator_settings; then
    return
  fi
  stop_coordinator
  say "Starting the coordinator on port $(coordinator_port)"
  spawn_with coordinator_settings coordinator "$BINARIES/holdfast-coordinator"
  await coordinator 60 coordinator_serves
}

stop_coordinator() {
  is_alive coordinator || return 0
  say 'Stopping the coordinator'
  terminate coordinator
  await_end 10 coordinator
}
