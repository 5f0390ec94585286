# shellcheck shell=bash
# The steps of `cluster.sh test` that need a cluster. Each has its own, with real processes.

readonly CONTRACT_TOOLS=(schemathesis==4.32.5 openapi-spec-validator==0.9.0)
readonly VENV=$ROOT/.build-tools/venv

# Runs cluster.sh on a cluster of this test, by name.
cluster() { # NAME COMMAND…
  HOLDFAST_STATE_DIR=$SCRATCH/$1 "$ROOT/Scripts/cluster.sh" "${@:2}"
}

# For the EXIT trap of a step.
end_cluster() { # NAME
  local status=$?
  if ((status)); then
    tail -n 10 "$SCRATCH/$1"/logs/*.log
  fi
  cluster "$1" down --wipe
}

CLUSTER="a name longer than the path of a socket may be $(printf 'x%.0s' {1..80})"
readonly CLUSTER

# A newcomer's steps and some faults: the printed commands work, `up` restarts killed processes, and data stays.
check_cluster() {
  local port line answer before after
  trap 'end_cluster "$CLUSTER"' EXIT
  port=$(free_port_block)
  HOLDFAST_DRAIN_DELAY=1 HOLDFAST_REDIS_MAXMEMORY=300mb \
    cluster "$CLUSTER" up --nodes 2 --port "$port" --profile debug >"$SCRATCH/up.txt"
  check_private_state
  mislead_curl
  cluster "$CLUSTER" up | tee "$SCRATCH/up.txt"
  while read -r line; do
    answer=$(bash -c "$line")
    printf '%s\n' "$answer"
  done < <(grep '^ *curl ' "$SCRATCH/up.txt")
  expect 'the third printed line confirms' CONFIRMED "$(jq -r .status <<<"$answer")"

  before=$(cluster "$CLUSTER" status --json)
  until_true 'both nodes are ready' cluster_is "$CLUSTER" '[.nodes[].ready] == [true, true]'
  expect 'Redis has a bound of memory' "$((300 * 1024 * 1024))" \
    "$(redis-cli -p "$(jq .redis.port <<<"$before")" config get maxmemory | tail -n 1)"
  kill -KILL "$(jq .nodes[1].pid <<<"$before")" "$(jq .redis.pid <<<"$before")"
  until_true 'the dead are shown as such' cluster_is "$CLUSTER" '[.redis.pid, .nodes[1].pid] == [null, null]'
  until_true 'status tells why each node is not ready' check_reasons
  cluster "$CLUSTER" restart-redis
  cluster "$CLUSTER" up >"$SCRATCH/up-again.txt"
  after=$(cluster "$CLUSTER" status --json)
  expect 'the node that lived was left alone' "$(jq .nodes[0].pid <<<"$before")" "$(jq .nodes[0].pid <<<"$after")"
  expect 'what was sold stays sold' 1 "$(ask -fsS "$(jq -r .nodes[1].url <<<"$after")/inventory/demo" | jq .sold)"

  cluster "$CLUSTER" scale 3
  cluster "$CLUSTER" restart node-2
  check_change_of_leader
  cluster "$CLUSTER" scale 1
  expect 'one node is left' '["node-1"]' "$(cluster "$CLUSTER" status --json | jq -c '[.nodes[].id]')"
  cluster "$CLUSTER" kill-leader
  if cluster "$CLUSTER" kill-leader; then
    echo 'Broken: with no node running there is a leader to kill'
    return 1
  fi
  refuses 'a single Redis is not failed over' 'no Sentinels' failover
  refuses 'data in one mode are not left for another' 'in mode single' up --redis sentinel
  cluster "$CLUSTER" down --wipe
  check_sentinel "$port"
}

# Other users of this machine cannot read the data, the logs and the tokens.
check_private_state() {
  local state=$SCRATCH/$CLUSTER
  expect 'data, logs and tokens are private' '' "$(find "$state"/* -perm /077 -print)"
  expect 'the append-only file is there' 1 "$(find "$state/redis/appendonlydir" -name '*.incr.aof' | wc -l)"
}

# Whether the command fails and says why.
refuses() { # PROMISE REASON COMMAND…
  local answer
  if answer=$(cluster "$CLUSTER" "${@:3}" 2>&1) || [[ $answer != *"$2"* ]]; then
    printf 'Broken: %s: %s\n' "$1" "$answer"
    return 1
  fi
}

# A master with replicas and Sentinels. After any server dies or hands over, there is one master, and writes are kept.
check_sentinel() { # PORT
  local master
  cluster "$CLUSTER" up --redis sentinel --nodes 1 --port "$1" --profile debug >"$SCRATCH/up.txt"
  expect 'redis-1 is the master at first' redis-1 "$(redis_master)"
  expect 'data, logs and tokens are private' '' "$(find "$SCRATCH/$CLUSTER"/* -perm /077 -print)"
  until_true 'a node leads' cluster_is "$CLUSTER" '.nodes[0].leader'
  expect 'both replicas have what was written' $'OK\n2' "$(printf 'set promise kept\nwait 2 10000\n' | ask_master)"
  expect_whole 'the start'

  cluster "$CLUSTER" kill-redis sentinel-3
  expect 'the master is hit' 'Sent SIGKILL to redis-1' "$(cluster "$CLUSTER" kill-redis | cut -d ' ' -f 1-4)"
  until_true 'two Sentinels of three make another server the master' another_is_master redis-1
  cluster "$CLUSTER" resume
  expect_whole 'a kill of the master'

  master=$(redis_master)
  cluster "$CLUSTER" kill-redis --signal STOP
  until_true 'a master that holds still is replaced' another_is_master "$master"
  cluster "$CLUSTER" resume
  expect_whole 'a master that held still'

  master=$(redis_master)
  expect 'a failover tells who is the master, and who was' "$(cluster "$CLUSTER" failover)" \
    "$(redis_master) is the master now, in the place of $master"
  expect_whole 'a failover'

  master=$(redis_master)
  cluster "$CLUSTER" down
  cluster "$CLUSTER" up --nodes 1 --port "$1" --profile debug >"$SCRATCH/up.txt"
  expect 'the last master is the master again' "$master" "$(redis_master)"
  expect_whole 'a pause'
  cluster "$CLUSTER" restart-redis
  expect 'a restart of all servers is no failover' "$master" "$(redis_master)"
  expect_whole 'a restart of all servers'
  cluster "$CLUSTER" logs "$master" >"$SCRATCH/redis.log"

  cluster "$CLUSTER" down --wipe
  expect 'nothing is left' '' "$(find "$SCRATCH/$CLUSTER" 2>/dev/null)"
}

redis_master() {
  cluster "$CLUSTER" status --json | jq -r '.redis | .port as $port | .servers[] | select(.port == $port).name'
}

another_is_master() { # NAME
  local master
  master=$(redis_master)
  [[ -n $master && $master != "$1" ]]
}

ask_master() { # COMMAND…
  redis-cli -p "$(cluster "$CLUSTER" status --json | jq .redis.port)" "$@"
}

# All servers run, one is the master, a node serves, and the first written key still exists.
expect_whole() { # AFTER
  until_true "each server has its role after $1" cluster_is "$CLUSTER" \
    '[.redis.servers[] | .role] | sort == ["master", "replica", "replica", "sentinel", "sentinel", "sentinel"]'
  until_true "a node serves after $1" cluster_is "$CLUSTER" '.nodes[0].ready'
  expect "nothing is lost after $1" kept "$(ask_master get promise)"
}

# Sets a proxy in the environment and one in ~/.curlrc. Neither is meant for this machine, and both lead nowhere.
mislead_curl() {
  mkdir "$SCRATCH/curl"
  printf 'proxy = "http://127.0.0.1:9"\nfail\noutput = "%s"\n' "$SCRATCH/curl/stolen" >"$SCRATCH/curl/.curlrc"
  export CURL_HOME=$SCRATCH/curl http_proxy=http://127.0.0.1:9 all_proxy=http://127.0.0.1:9 ALL_PROXY=http://127.0.0.1:9
}

# Status shows the reasons in a cluster whose Redis and second node were killed.
check_reasons() {
  local status
  status=$(cluster "$CLUSTER" status --json)
  jq -e '.nodes[0].ready == false and (.nodes[0].reasons | any(test("Redis"))) and
    (.nodes[1].reasons | any(test("the process has ended")))' <<<"$status" >/dev/null &&
    cluster "$CLUSTER" status | grep '^node-1 .*not ready: .*Redis' >/dev/null
}

# Another node follows a leader that is killed, stopped or told to end. The old leader comes back as a follower.
check_change_of_leader() {
  local leader signal
  for signal in KILL STOP TERM; do
    leader=$(await_leader_but none)
    expect "the leader is hit by SIG$signal" "Sent SIG$signal to $leader" \
      "$(cluster "$CLUSTER" kill-leader --signal "$signal" | cut -d ' ' -f 1-4)"
    [[ $signal != STOP ]] || until_true 'a stopped node is shown as such, and does not lead' cluster_is "$CLUSTER" \
      ".nodes[] | select(.id == \"$leader\") | [.state, .ready, .leader] == [\"stopped\", false, false]"
    await_leader_but "$leader"
    cluster "$CLUSTER" resume
    until_true 'all nodes are back' cluster_is "$CLUSTER" '[.nodes[].ready] == [true, true, true]'
  done
  until_true 'the leader is restarted last' leader_is_restarted_last
}

# Ends the step if the restart fails, because a condition would be checked again.
leader_is_restarted_last() {
  local before after

  # By number, node-3 would be restarted last anyway.
  [[ $(await_leader_but none) != node-3 ]] || cluster "$CLUSTER" restart node-3
  before=$(cluster "$CLUSTER" status --json)
  cluster "$CLUSTER" rolling-restart 2>&1 | tee "$SCRATCH/rolling-restart.txt" || exit
  until_true 'all nodes are ready, and one leads' cluster_is "$CLUSTER" \
    '[.nodes[].ready] == [true, true, true] and ([.nodes[] | select(.leader)] | length) == 1' || exit
  after=$(cluster "$CLUSTER" status --json)
  expect 'all nodes were restarted' '[true,true,true]' \
    "$(jq -sc '[range(3) as $n | .[0].nodes[$n].pid != .[1].nodes[$n].pid]' <<<"$before $after")" || exit
  # On a busy machine another node may have become the leader before its turn.
  expect 'the leader was restarted last' "Stopping $(jq -r '.nodes[] | select(.leader).id' <<<"$before")" \
    "$(grep '^Stopping' "$SCRATCH/rolling-restart.txt" | tail -n 1)"
}

# Whether the status of the cluster meets the condition.
cluster_is() { # CLUSTER CONDITION
  cluster "$1" status --json | jq -e "$2" >/dev/null
}

# Waits until another node than this one leads, and prints its name.
await_leader_but() { # NAME
  local leader deadline=$((SECONDS + 60))
  while true; do
    leader=$(cluster "$CLUSTER" status --json | jq -r '.nodes[] | select(.leader).id')
    [[ -z $leader || $leader == "$1" ]] || break
    if ((SECONDS > deadline)); then
      say "Broken: no node but $1 leads in time"
      return 1
    fi
  done
  printf '%s\n' "$leader"
}

# Nodes come and go behind the front end, and one is killed, while shoppers reserve without a pause.
check_front() {
  local port
  export PYTHONDONTWRITEBYTECODE=1
  trap 'end_cluster front' EXIT
  port=$(free_port_block)
  python3 Tests/Front/address_limits.py deploy/haproxy.cfg "$port"
  echo 'A greedy client beside well-behaved ones: as promised'
  HOLDFAST_DRAIN_DELAY=2 HOLDFAST_LOG_REQUESTS=true \
    cluster front up --nodes 3 --port "$port" --profile debug >"$SCRATCH/up.txt"
  cluster front status --json >"$SCRATCH/status.json"
  python3 Tests/Front/front_contract.py "$SCRATCH/status.json" "$SCRATCH/front"
  cluster front resume
  check_all_drained
  ask -fsS -o /dev/null -X PUT "$(front_of front)/inventory/steady" -H "@$SCRATCH/front/run/admin-header" \
    -H 'Content-Type: application/json' -d '{"total":1000000}'

  under_load change_members
  expect 'not one request has failed while nodes came and went' '[]' "$(jq -c .failures "$SCRATCH/load.json")"
  expect_one_reservation_per_key

  under_load kill_nodes
  # Sixteen shoppers have at most sixteen requests under way at each kill.
  expect 'only requests under way on the killed nodes have failed' true \
    "$(jq --argjson kills "$KILLS" '.failures | length <= $kills * 16' "$SCRATCH/load.json")"
  expect 'a node that has come back serves from its first request on' 0 \
    "$(jq '[.failures[] | select(.why | startswith("503"))] | length' "$SCRATCH/load.json")"
  expect 'the retry through the front end has always been answered' 0 \
    "$(jq '.failures | length - (unique_by(.key) | length)' "$SCRATCH/load.json")"
  expect_one_reservation_per_key
}

change_members() {
  cluster front scale 5
  cluster front restart node-2
  wish node-1 drain
  # "Drained as wanted" is a valid state: no command waits for such a node to be ready, or makes it ready.
  cluster front up
  cluster front restart node-1
  cluster front resume
  cluster front rolling-restart
  until_true 'node-1 is still drained' node_has node-1 false
  expect 'status says that it is drained, and why' '["draining: an operator wants it"]' \
    "$(cluster front status --json | jq -c '.nodes[0].reasons')"
  wish node-1 undrain
  cluster front scale 2
}

# A cluster in which every node is drained as wanted is as it should be: no command hangs or reports a failure.
check_all_drained() {
  local name
  for name in node-1 node-2 node-3; do wish "$name" drain; done
  cluster front up >"$SCRATCH/up.txt"
  cluster front resume
  for name in node-1 node-2 node-3; do wish "$name" undrain; done
  cluster front resume
}

# Drains or undrains a node through the coordinator, as an operator does.
wish() { # NODE drain|undrain
  local ready=true
  [[ $2 == undrain ]] || ready=false
  ask -fsS -o /dev/null -X POST -H "@$SCRATCH/front/run/admin-header" \
    "$(cluster front status --json | jq -r .coordinator.url)/api/v1/nodes/$1/$2"
  until_true "$1 is as was wished, ready: $ready" node_has "$1" "$ready"
}

# Whether the coordinator and the shoppers see the node in this state.
node_has() { # NODE READY
  local state=UP status
  [[ $2 == true ]] || state=DRAINING
  status=$(cluster front status --json)
  ask -fsS "$(jq -r .coordinator.url <<<"$status")/api/v1/cluster" | jq -e --arg id "$1" --arg state "$state" \
    '.nodes[] | select(.id == $id) | .state == $state' >/dev/null &&
    jq -e --arg id "$1" --argjson ready "$2" '.nodes[] | select(.id == $id) | .ready == $ready' <<<"$status" >/dev/null
}

until_true() { # PROMISE COMMAND…
  local deadline=$((SECONDS + 120))
  until "${@:2}"; do
    if ((SECONDS > deadline)); then
      printf 'Never came true: %s\n' "$1"
      return 1
    fi
    sleep 0.2
  done
}

readonly KILLS=4

kill_nodes() {
  local kill
  for ((kill = 1; kill <= KILLS; kill++)); do
    kill -KILL "$(cluster front status --json | jq --argjson kill "$kill" '.nodes[$kill % 2].pid')"
    cluster front resume
  done
}

# The operator page of a real cluster in a real browser. PageBrowserTests has the states that can't be made on demand.
check_page() {
  local port command
  trap 'end_cluster page' EXIT
  port=$(free_port_block)
  HOLDFAST_DRAIN_DELAY=1 cluster page up --nodes 3 --port "$port" --profile debug >"$SCRATCH/up.txt"
  printf -v command 'HOLDFAST_STATE_DIR=%q %q' "$SCRATCH/page" "$ROOT/Scripts/cluster.sh"

  look_at node-down --do "kill -KILL $(cluster page status --json | jq '.nodes[1].pid')"
  look_at all-up --do "$command resume"
  look_at leader-changed --do "$command kill-leader --signal TERM"
  cluster page resume
  look_at operator --node node-1 --token-file "$SCRATCH/page/admin-tokens"
  look_at connection
  look_at redis-down --do "kill -KILL $(cluster page status --json | jq '.redis.pid')"
}

look_at() { # SCENE OPTION…
  PYTHONDONTWRITEBYTECODE=1 python3 Tests/Pages/pages.py "$(cluster page status --json | jq -r .coordinator.url)" "$@"
}

front_of() { cluster "$1" status --json | jq -r .frontend.url; } # CLUSTER

# Runs a command while shoppers reserve, and writes the results of their requests to load.json.
under_load() { # COMMAND
  local load
  python3 Tests/Front/steady_load.py "$(front_of front)" steady >"$SCRATCH/load.json" &
  load=$!
  "$1"
  kill -TERM "$load"
  wait "$load"
  jq -r '"\(.keys) reserved in \(.seconds) s, \(.failures | length) requests failed",
    (.failures | group_by(.why)[] | "  \(length) × \(.[0].why)")' "$SCRATCH/load.json"
}

# Exactly the reservations reported in this and earlier runs are held, and no key has two reservations.
expect_one_reservation_per_key() {
  TOLD=$((${TOLD:-0} + $(jq .reservations "$SCRATCH/load.json")))
  expect 'each key has a reservation of its own' "$(jq .keys "$SCRATCH/load.json")" \
    "$(jq .reservations "$SCRATCH/load.json")"
  expect 'what is held is what shoppers were told of' "$TOLD" \
    "$(ask -fsS "$(front_of front)/inventory/steady" | jq .reserved)"
}

expect() { # PROMISE EXPECTED FOUND
  if [[ $2 != "$3" ]]; then
    printf 'Broken: %s: expected %s, found %s\n' "$@"
    return 1
  fi
}

# The examples for Prometheus, in a real Prometheus: it finds all nodes and has every metric that an alert uses.
check_prometheus() {
  local port status metric
  trap 'end_cluster prometheus' EXIT
  port=$(free_port_block)
  cluster prometheus up --nodes 2 --port "$port" --profile debug >"$SCRATCH/up.txt"
  status=$(cluster prometheus status --json)
  cp deploy/prometheus/alerts.yml "$SCRATCH"
  sed "s/10.0.0.10:8070/$(jq -r '.coordinator.url | ltrimstr("http://")' <<<"$status")/; s/: [0-9]*s$/: 1s/" \
    deploy/prometheus/prometheus.yml >"$SCRATCH/prometheus.yml"
  PROMETHEUS=127.0.0.1:$((port + 99))
  prometheus --config.file "$SCRATCH/prometheus.yml" --storage.tsdb.path "$SCRATCH/tsdb" \
    --web.listen-address "$PROMETHEUS" --log.level error &
  until_true 'Prometheus scrapes both nodes and the coordinator' prometheus_says targets \
    '[.data.activeTargets[] | select(.health == "up")] | length == 3'
  while read -r metric; do
    until_true "$metric is known" prometheus_says "query?query=$metric" '.data.result != []'
  done < <(grep -oE 'holdfast_[a-z_]+' deploy/prometheus/alerts.yml | sort -u)
  until_true 'every rule can be evaluated' prometheus_says rules 'all(.data.groups[].rules[]; .health == "ok")'
  # This may take a while: on a busy machine a late node causes an alert.
  until_true 'no alert fires while all is well' prometheus_says alerts 'all(.data.alerts[]; .state != "firing")'
  kill -TERM %prometheus
  wait %prometheus
}

prometheus_says() { # PATH CONDITION
  ask -fsS "http://$PROMETHEUS/api/v1/$1" 2>/dev/null | jq -e "$2" >/dev/null
}

check_contract() {
  local port url token
  install_contract_tools
  trap 'end_cluster contract' EXIT
  port=$(free_port_block)
  cluster contract up --nodes 3 --port "$port" --profile debug >"$SCRATCH/up.txt"
  url=$(cluster contract status --json | jq -r '.nodes[0].url')
  token=$(cut -d : -f 2 "$SCRATCH/contract/admin-tokens")
  HOLDFAST_ADMIN_TOKEN=$token PATH=$VENV/bin:$PATH Tests/Contract/run.sh "$url"
  ask -fsS "$url/metrics" | promtool check metrics
}

install_contract_tools() {
  [[ ! -f $VENV/complete || $(<"$VENV/complete") != "${CONTRACT_TOOLS[*]}" ]] || return 0
  echo "Installing ${CONTRACT_TOOLS[*]} in ${VENV#"$ROOT/"}: they hold the nodes to openapi.yaml"
  rm -rf "$VENV"
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check "${CONTRACT_TOOLS[@]}"
  echo "${CONTRACT_TOOLS[*]}" >"$VENV/complete"
}
