# shellcheck shell=bash disable=SC2153 # the capitals are set by cluster.sh and settings.sh
# The processes of a cluster: their ports, and how each is started, checked and ended.
# Ports: PORT is the front end's, PORT+1 the coordinator's. PORT+2 and PORT+3 are further entries of the front end (see
# front.sh). PORT+11 to PORT+70 are the nodes', PORT+81 and up are for Redis (see redis.sh). PORT+99 is free.

node_port() { printf '%s\n' "$((PORT + 10 + $1))"; } # INDEX
node_url() { printf 'http://127.0.0.1:%s\n' "$(node_port "$1")"; } # INDEX

require_ports() {
  local index name
  require_port front "$PORT"
  require_port front "$(shop_port)"
  require_port front "$(operators_port)"
  require_port coordinator "$(coordinator_port)"
  for name in $(redis_servers); do
    require_port "$name" "$(server_port "$name")"
  done
  for ((index = 1; index <= NODES; index++)); do
    require_port "node-$index" "$(node_port "$index")"
  done
}

# Swift's libraries are linked into the binary: it runs on machines without Swift, and uses 15 to 20 % less CPU. Checks of
# exclusive access at run time cost another 4 %. The debug build of the tests has them, and so have the sanitizers' builds.
readonly RELEASE_OPTIONS=(--static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked)

build() { # PRODUCT…
  local product options=()
  [[ $PROFILE == debug ]] || options=("${RELEASE_OPTIONS[@]}")
  for product; do
    say "Building $product ($PROFILE)"
    swift_build "${options[@]}" --product "$product" >&2
  done
  BINARIES=$(swift_build --show-bin-path)
}

# Build products do not belong to the cluster, so they get the caller's own file mode.
swift_build() { # OPTION…
  (umask "$CALLERS_UMASK" && swift build --package-path "$ROOT" -c "$PROFILE" "$@")
}

# --- Nodes

node_names() { # INDEX…
  local index
  for index; do printf 'node-%s\n' "$index"; done
}

# Indexes of the nodes that were started and not yet stopped, including those above the size after a resize.
started_nodes() {
  local file
  for file in "$RUN"/node-*.pid; do
    [[ -e $file ]] || continue
    file=${file##*/node-}
    printf '%s\n' "${file%.pid}"
  done
}

any_node_lives() {
  local index
  for index in $(started_nodes); do
    ! is_alive "node-$index" || return 0
  done
  return 1
}

# The settings of a node as NAME=VALUE, each ended by a zero byte.
node_settings() { # INDEX
  remembered_settings
  printf '%s\0' "HOLDFAST_NODE_ID=node-$1" HOLDFAST_HOST=127.0.0.1 "HOLDFAST_PORT=$(node_port "$1")" \
    "HOLDFAST_REDIS_URL=$(redis_url)" "HOLDFAST_COORDINATOR_URL=$(coordinator_url)" \
    "HOLDFAST_CLUSTER_TOKEN_FILE=$STATE/cluster-token"
  admin_token_is_given || printf '%s\0' "HOLDFAST_ADMIN_TOKENS_FILE=$STATE/admin-tokens"
  # Trusts the front end, which names the client of each request.
  setting HOLDFAST_TRUSTED_PROXIES >/dev/null || printf '%s\0' HOLDFAST_TRUSTED_PROXIES=127.0.0.1/32
}

node_is_ready() { # INDEX
  ask -fs -o /dev/null --max-time 1 "$(node_url "$1")/health/ready"
}

# Why a node takes no requests, as a JSON list. Empty if it takes them.
node_obstacles() { # INDEX
  local answer status=0
  case $(process_state "node-$1") in
    dead) answer='the process has ended (cluster.sh resume starts it again)' ;;
    stopped) answer='the process is stopped by a signal (cluster.sh resume continues it)' ;;
    *)
      answer=$(ask -s --max-time 1 "$(node_url "$1")/health/ready") || status=$?
      case $status in
        0)
          jq -ce 'if .status | type == "number" then .reasons // [.detail] else [] end' <<<"$answer" 2>/dev/null && return
          answer='its answer to /health/ready is not understood'
          ;;
        7) answer='it does not listen on its port yet' ;;
        *) answer='it does not answer within 1 s' ;;
      esac
      ;;
  esac
  jq -cn --arg why "$answer" '[$why]'
}

# The same in one line. Empty for processes that are not nodes.
why_not_ready() { # NAME
  [[ $1 != node-* ]] || node_obstacles "${1#node-}" | jq -r 'join("; ")'
}

# Whether it drains only because an operator wants it.
node_is_drained() { # INDEX
  [[ $(node_health "$1" | jq -r .drained) == true ]]
}

# Whether it is ready, or drained because an operator wants it.
node_is_settled() { node_is_ready "$1" || node_is_drained "$1"; } # INDEX

start_node() { # INDEX
  local name=node-$1
  require_port "$name" "$(node_port "$1")"
  say "Starting $name on port $(node_port "$1")"
  spawn_with "node_settings $1" "$name" "$BINARIES/holdfast-node"
}

await_node() { # INDEX
  await "node-$1" 60 node_is_settled "$1"
  ! node_is_drained "$1" \
    || say "node-$1 is drained, as an operator wants it: it gets no requests before $(coordinator_url) takes that back"
}

start_missing_nodes() {
  local index
  for ((index = 1; index <= NODES; index++)); do
    is_alive "node-$index" || start_node "$index"
  done
  for ((index = 1; index <= NODES; index++)); do
    await_node "$index"
  done
}

# Stops nodes gracefully: a node still serves during its drain delay (at most 300 s), then finishes requests under way.
stop_nodes() { # INDEX…
  local names
  mapfile -t names < <(node_names "$@")
  say "Stopping ${names[*]}"
  terminate "${names[@]}"
  await_end 330 "${names[@]}"
}

# Without the drain delay, which a second SIGTERM ends.
stop_nodes_at_once() {
  local indexes names
  mapfile -t indexes < <(started_nodes)
  ((${#indexes[@]})) || return 0
  mapfile -t names < <(node_names "${indexes[@]}")
  say "Stopping ${names[*]}"
  terminate "${names[@]}"
  sleep 0.5 # two signals in one instant would arrive as one
  terminate "${names[@]}"
  await_end 15 "${names[@]}"
}

restart_node() { # INDEX
  if is_alive "node-$1"; then
    stop_nodes "$1"
  fi
  start_node "$1"
  await_node "$1"
}

# One at a time, so that the others serve meanwhile.
replace_outdated_nodes() {
  local index
  for ((index = 1; index <= NODES; index++)); do
    is_current "node-$index" "$BINARIES/holdfast-node" "node_settings $index" || restart_node "$index"
  done
}

stop_surplus_nodes() {
  local index surplus=()
  for index in $(started_nodes); do
    ((index <= NODES)) || surplus+=("$index")
  done
  ((${#surplus[@]} == 0)) || stop_nodes "${surplus[@]}"
}

# --- The leader

# Prints the index of the running node that leads: the nodes say who holds the lease, and the latest epoch counts. One that
# does not answer says nothing. Fails if none leads.
leader_index() {
  local holder index
  holder=$(for index in $(started_nodes); do ! is_running "node-$index" || node_health "$index" || true; done | jq -rs '
    map(.lease | select(.holder != null)) | max_by(.epoch).holder // empty') || return 1
  index=${holder#node-}
  [[ $index =~ ^[1-9][0-9]?$ ]] && is_running "node-$index" || return 1
  printf '%s\n' "$index"
}

# Like `leader_index`, but gives an election that is under way the time it may take on a busy machine.
await_leader() {
  local deadline=$((SECONDS + 20))
  until leader_index; do
    any_node_runs && ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

any_node_runs() {
  local index
  for index in $(started_nodes); do
    ! is_running "node-$index" || return 0
  done
  return 1
}

# Restarts one node at a time, each when the one before is ready again. The leader is last, so leadership changes once.
rolling_restart() {
  local index leader waiting
  mapfile -t waiting < <(seq "$NODES")
  while ((${#waiting[@]})); do
    leader=$(leader_index) || leader=''
    for index in "${waiting[@]}"; do
      [[ $index == "$leader" ]] || break
    done
    restart_node "$index"
    mapfile -t waiting < <(printf '%s\n' "${waiting[@]}" | grep -vx "$index")
  done
}

# --- Back from a fault

continue_stopped() {
  local file name
  for file in "$RUN"/*.pid; do
    [[ -e $file ]] || continue
    name=$(basename "$file" .pid)
    if is_stopped "$name"; then
      say "Continuing $name (pid $(pid_of "$name"))"
      send CONT "$name"
    fi
  done
}

# Nodes that were told to end will not be ready again, so this waits until each living node is settled or gone.
await_decided_nodes() {
  local index deadline
  for index in $(started_nodes); do
    deadline=$((SECONDS + 30))
    until node_is_settled "$index" || ! is_alive "node-$index" || ((SECONDS > deadline)); do
      [[ $(node_health "$index" | jq -r .state) != draining ]] || deadline=$((SECONDS + 30))
      sleep 0.1
    done
  done
}

# --- The view from outside

node_health() { ask -fs --max-time 1 "$(node_url "$1")/health"; } # INDEX

cluster_json() {
  local index leader='' nodes='[]' tokens='' shared='' front='' coordinator=''
  if [[ -n $PORT ]]; then
    leader=$(leader_index) || leader=''
    nodes=$(for ((index = 1; index <= NODES; index++)); do node_json "$index" "$leader"; done | jq -s .)
    tokens=$(tokens_file admin) || tokens=''
    shared=$STATE/cluster-token front=$(front_url) coordinator=$(coordinator_url)
  fi
  jq -n --arg tokens "$tokens" --arg shared "$shared" --argjson frontend "$(front_json "$front")" \
    --argjson coordinator "$(process_json coordinator "$coordinator")" --argjson redis "$(redis_json)" \
    --argjson nodes "$nodes" '
    def text: if . == "" then null else . end;
    {$frontend, $coordinator, $redis,
     adminTokenFile: ($tokens | text), clusterTokenFile: ($shared | text), $nodes}'
}

process_state() { # NAME
  if ! is_alive "$1"; then
    echo dead
  elif is_stopped "$1"; then
    echo stopped
  else
    echo running
  fi
}

process_json() { # NAME URL
  local pid
  pid=$(pid_of "$1") || pid=null
  jq -n --arg url "$2" --argjson pid "$pid" --arg state "$(process_state "$1")" \
    '{url: (if $url == "" then null else $url end), $pid, $state}'
}

node_json() { # INDEX LEADER
  local pid leader=false
  pid=$(pid_of "node-$1") || pid=null
  [[ $1 != "$2" ]] || leader=true
  jq -n --arg id "node-$1" --arg url "$(node_url "$1")" --arg state "$(process_state "node-$1")" --argjson pid "$pid" \
    --argjson reasons "$(node_obstacles "$1")" --argjson leader "$leader" \
    '{$id, $pid, $url, $state, ready: ($reasons == []), $leader, $reasons}'
}

print_status() {
  local status name pid url state
  status=$(cluster_json)
  jq -r '["PROCESS", "PID", "URL", "STATE"],
    ((.frontend | .id = "front"), (.coordinator | .id = "coordinator"),
     (.redis.servers[] | .id = .name | if .role then .state += ", " + .role else . end),
     (.nodes[] | if .ready then .state = "ready" elif .state == "running" then .state = "not ready" else . end
       | if .leader then .state += ", leader" else . end
       | if .ready then . else .state += ": " + (.reasons | join("; ")) end)
     | [.id, .pid // "-", .url, .state]) | @tsv' <<<"$status" |
    while IFS=$'\t' read -r name pid url state; do
      printf '%-11s %-9s %-28s %s\n' "$name" "$pid" "$url" "$state"
    done
  printf 'Admin tokens: %s\n' "$(jq -r '.adminTokenFile // "not from a file"' <<<"$status")"
}
