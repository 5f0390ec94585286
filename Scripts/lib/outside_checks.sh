# shellcheck shell=bash
# The steps of `cluster.sh test` that look at a cluster from outside: through the front end, in a browser, as Prometheus
# does, and by its contract.

readonly CONTRACT_TOOLS=(schemathesis==4.32.5 openapi-spec-validator==0.9.0)
readonly VENV=$ROOT/.build-tools/venv

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

readonly KILLS=4

kill_nodes() {
  local kill
  for ((kill = 1; kill <= KILLS; kill++)); do
    kill -KILL "$(cluster front status --json | jq --argjson kill "$kill" '.nodes[$kill % 2].pid')"
    cluster front resume
  done
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
