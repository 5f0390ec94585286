# shellcheck shell=bash
# `cluster.sh test`: each step runs to its end, whatever became of those before it, and no process outlives it unseen.

readonly CONTRACT_TOOLS=(schemathesis==4.32.5 openapi-spec-validator==0.9.0)
readonly VENV=$ROOT/.build-tools/venv
PASSED=0 FAILED=0 STEP_PID='' SCRATCH=''

readonly STEPS=(shell lua format deploy build swift cluster front page contract)

command_test() { # [STEP…]
  local step
  for step; do
    one_of test "$step" "${STEPS[@]}" >/dev/null
  done
  (($#)) || set -- "${STEPS[@]}"
  require_packages "${PACKAGES_TO_RUN[@]}" "${PACKAGES_TO_TEST[@]}"
  require_swift
  adopt_orphans "$@"
  unset "${!HOLDFAST_@}" # the tests are to see only settings of their own
  SCRATCH=$(mktemp -d)
  trap end_test EXIT
  trap 'exit 130' INT TERM
  cd "$ROOT"
  for step; do
    run_step "$step" "check_$step"
  done
  printf '%s passed, %s failed\n' "$PASSED" "$FAILED"
  ((FAILED == 0))
}

# Makes this process the parent of every descendant whose own parent ends, so that whatever a step leaves behind is
# found as a child, even if it has left the session and changed its name and environment. Starts the command again,
# since only another program can ask the kernel for that.
adopt_orphans() { # STEP…
  [[ -z ${CLUSTER_TEST_ADOPTS:-} ]] || return 0
  CLUSTER_TEST_ADOPTS=yes exec python3 -c '
import ctypes, os, signal, sys
PR_SET_CHILD_SUBREAPER = 36
if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
    sys.exit("cluster.sh: the kernel does not let this process adopt its orphans")
signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and so would all that is started from here
os.execv(sys.argv[1], sys.argv[1:])' "$ROOT/Scripts/cluster.sh" test "$@"
}

# Waited for in the background, since a trap would else have to wait for the step's end.
run_step() { # NAME FUNCTION
  local status=0 began=$SECONDS
  printf '\n=== %s\n' "$1"
  (
    trap - EXIT INT TERM
    set -e
    "$2"
  ) &
  STEP_PID=$!
  wait "$STEP_PID" || status=$?
  STEP_PID=''
  end_strays 3 || status=1
  if ((status == 0)); then
    PASSED=$((PASSED + 1))
    printf -- '--- %s passed (%s s)\n' "$1" "$((SECONDS - began))"
  else
    FAILED=$((FAILED + 1))
    printf -- '--- %s FAILED (%s s)\n' "$1" "$((SECONDS - began))"
  fi
}

# Ends processes a step has left behind, after a moment for those that are just ending. Fails if there were any.
end_strays() { # SECONDS
  local deadline=$((SECONDS + $1)) children pid
  while true; do
    read -ra children <"/proc/$$/task/$$/children" || ((${#children[@]})) || return 0
    ((SECONDS < deadline)) || break
    sleep 0.1
  done
  for pid in "${children[@]}"; do
    printf 'Left behind: process %s: %s\n' "$pid" "$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")"
    kill -KILL "$pid" 2>/dev/null || continue # ended by itself meanwhile
  done
  return 1
}

end_test() {
  if [[ -n $STEP_PID ]]; then
    kill -KILL "$STEP_PID" || say 'The step had just ended'
    until end_strays 0; do :; done # one that was about to start another may have done so before it was ended
  fi
  rm -rf "$SCRATCH"
}

# --- The steps

check_shell() {
  local scripts
  mapfile -d '' scripts < <(
    find . -name '.?*' ! -name .ci -prune -o -type f \( -name '*.sh' -o -path ./.ci/run \) -print0
  )
  shellcheck "${scripts[@]}"
}

check_lua() { luacheck --no-color Sources/Node/Lua; }

check_format() { swift format lint --strict --parallel --recursive Package.swift Sources Tests; }

# HAProxy's example is what `cluster` and `front` run.
check_deploy() {
  local unit
  promtool check config deploy/prometheus/prometheus.yml
  promtool test rules Tests/Deploy/alerts.test.yml
  for unit in deploy/systemd/*.service; do
    # 0 to 10, the fewer rights the less.
    systemd-analyze security --offline=yes --threshold=20 --no-pager "$unit" | tail -n 1
  done
}

# Warnings are sought in the log: `-warnings-as-errors` for all targets contradicts the `-suppress-warnings` that
# SwiftPM gives to dependencies. What it says of the packages of those is left out.
check_build() {
  swift build --build-tests 2>&1 | tee "$SCRATCH/build.log"
  if grep 'warning: ' "$SCRATCH/build.log" | grep -v -e '/checkouts/' -e "warning: 'swift-"; then
    echo 'The build must be without warnings'
    return 1
  fi
}

check_swift() { swift test; }

# A cluster of this test's own, by its name.
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

# What a newcomer does, and what breaks: the printed lines work, `up` mends what was killed, data stays.
check_cluster() {
  local port line answer before after
  trap 'end_cluster cluster' EXIT
  port=$(free_port_block)
  HOLDFAST_DRAIN_DELAY=1 cluster cluster up --nodes 2 --port "$port" --profile debug | tee "$SCRATCH/up.txt"
  while read -r line; do
    answer=$(bash -c "$line")
    printf '%s\n' "$answer"
  done < <(grep '^ *curl ' "$SCRATCH/up.txt")
  expect 'the third printed line confirms' CONFIRMED "$(jq -r .status <<<"$answer")"

  before=$(cluster cluster status --json)
  expect 'both nodes are ready' '[true,true]' "$(jq -c '[.nodes[].ready]' <<<"$before")"
  kill -KILL "$(jq .nodes[1].pid <<<"$before")" "$(jq .redis.pid <<<"$before")"
  expect 'the dead are shown as such' '[null,null]' \
    "$(cluster cluster status --json | jq -c '[.redis.pid, .nodes[1].pid]')"
  cluster cluster restart-redis
  cluster cluster up >"$SCRATCH/up-again.txt"
  after=$(cluster cluster status --json)
  expect 'the node that lived was left alone' "$(jq .nodes[0].pid <<<"$before")" "$(jq .nodes[0].pid <<<"$after")"
  expect 'what was sold stays sold' 1 "$(curl -fsS "$(jq -r .nodes[1].url <<<"$after")/inventory/demo" | jq .sold)"

  cluster cluster scale 3
  cluster cluster restart node-2
  check_change_of_leader
  cluster cluster scale 1
  expect 'one node is left' '["node-1"]' "$(cluster cluster status --json | jq -c '[.nodes[].id]')"
  cluster cluster kill-leader
  if cluster cluster kill-leader; then
    echo 'Broken: with no node running there is a leader to kill'
    return 1
  fi
}

# A leader that is killed, stopped or told to end is followed by another, and comes back as one of many.
check_change_of_leader() {
  local leader signal before after
  for signal in KILL STOP TERM; do
    leader=$(await_leader_but none)
    expect "the leader is hit by SIG$signal" "Sent SIG$signal to $leader" \
      "$(cluster cluster kill-leader --signal "$signal" | cut -d ' ' -f 1-4)"
    [[ $signal != STOP ]] || expect 'a stopped node is shown as such, and does not lead' '["stopped",false,false]' \
      "$(cluster cluster status --json |
        jq -c --arg id "$leader" '.nodes[] | select(.id == $id) | [.state, .ready, .leader]')"
    await_leader_but "$leader"
    cluster cluster resume
    expect 'all nodes are back' '[true,true,true]' "$(cluster cluster status --json | jq -c '[.nodes[].ready]')"
  done

  # Whom the order of numbers would put last anyway.
  [[ $(await_leader_but none) != node-3 ]] || cluster cluster restart node-3
  before=$(cluster cluster status --json)
  cluster cluster rolling-restart 2>&1 | tee "$SCRATCH/rolling-restart.txt"
  after=$(cluster cluster status --json)
  expect 'the leader was restarted last' "Stopping $(jq -r '.nodes[] | select(.leader).id' <<<"$before")" \
    "$(grep '^Stopping' "$SCRATCH/rolling-restart.txt" | tail -n 1)"
  expect 'all nodes were restarted, are ready, and one leads' '[true,true,true,1]' \
    "$(jq -sc '[range(3) as $n | .[1].nodes[$n].ready and .[0].nodes[$n].pid != .[1].nodes[$n].pid]
      + [.[1].nodes | map(select(.leader)) | length]' <<<"$before $after")"
}

# Prints the name of the node that leads, once another than this one does.
await_leader_but() { # NAME
  local leader deadline=$((SECONDS + 10))
  while true; do
    leader=$(cluster cluster status --json | jq -r '.nodes[] | select(.leader).id')
    [[ -z $leader || $leader == "$1" ]] || break
    if ((SECONDS > deadline)); then
      say "Broken: no node but $1 leads in time"
      return 1
    fi
  done
  printf '%s\n' "$leader"
}

# Nodes that come and go behind the front end, and one that is killed, while shoppers reserve without a pause.
check_front() {
  local port
  trap 'end_cluster front' EXIT
  port=$(free_port_block)
  HOLDFAST_DRAIN_DELAY=2 cluster front up --nodes 3 --port "$port" --profile debug >"$SCRATCH/up.txt"
  curl -fsS -o /dev/null -X PUT "$(front_of front)/inventory/steady" -H "@$SCRATCH/front/run/admin-header" \
    -H 'Content-Type: application/json' -d '{"total":1000000}'

  under_load change_members
  expect 'not one request has failed while nodes came and went' '[]' "$(jq -c .failures "$SCRATCH/load.json")"
  expect_one_reservation_per_key

  under_load kill_nodes
  # Sixteen shoppers have at most as many requests under way at each of the kills.
  expect 'only requests under way on the killed nodes have failed' true \
    "$(jq --argjson kills "$KILLS" '.failures | length <= $kills * 16' "$SCRATCH/load.json")"
  expect 'the retry through the front end has always been answered' 0 \
    "$(jq '.failures | length - (unique_by(.key) | length)' "$SCRATCH/load.json")"
  expect_one_reservation_per_key
}

change_members() {
  cluster front scale 5
  cluster front restart node-2
  drain_and_undrain node-1
  cluster front rolling-restart
  cluster front scale 2
}

# As an operator does it, at the coordinator.
drain_and_undrain() { # NODE
  local url ready
  url=$(cluster front status --json | jq -r .coordinator.url)/api/v1
  for ready in false true; do
    curl -fsS -o /dev/null -X POST -H "@$SCRATCH/front/run/admin-header" \
      "$url/nodes/$1/$([[ $ready == true ]] && echo undrain || echo drain)"
    until_true "$1 is as was wished, ready: $ready" node_has "$url/cluster" "$1" "$ready"
  done
}

# Whether the coordinator sees it, and its shoppers do.
node_has() { # URL NODE READY
  local state=UP
  [[ $3 == true ]] || state=DRAINING
  curl -fsS "$1" | jq -e --arg id "$2" --arg state "$state" \
    '.nodes[] | select(.id == $id) | .state == $state' >/dev/null &&
    cluster front status --json | jq -e --arg id "$2" --argjson ready "$3" \
      '.nodes[] | select(.id == $id) | .ready == $ready' >/dev/null
}

until_true() { # PROMISE COMMAND…
  local deadline=$((SECONDS + 30))
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

# The operator page of a real cluster in a real browser; what can't be had on demand is in PageBrowserTests.
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
}

look_at() { # SCENE OPTION…
  PYTHONDONTWRITEBYTECODE=1 python3 Tests/Pages/pages.py "$(cluster page status --json | jq -r .coordinator.url)" "$@"
}

front_of() { cluster "$1" status --json | jq -r .frontend.url; } # CLUSTER

# Runs a command while shoppers reserve, and leaves what became of their requests in load.json.
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

# What shoppers were told of, in this run and those before, is what is held, and no key has been answered twice.
expect_one_reservation_per_key() {
  TOLD=$((${TOLD:-0} + $(jq .reservations "$SCRATCH/load.json")))
  expect 'each key has a reservation of its own' "$(jq .keys "$SCRATCH/load.json")" \
    "$(jq .reservations "$SCRATCH/load.json")"
  expect 'what is held is what shoppers were told of' "$TOLD" \
    "$(curl -fsS "$(front_of front)/inventory/steady" | jq .reserved)"
}

expect() { # PROMISE EXPECTED FOUND
  if [[ $2 != "$3" ]]; then
    printf 'Broken: %s: expected %s, found %s\n' "$@"
    return 1
  fi
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
  curl -fsS "$url/metrics" | promtool check metrics
}

install_contract_tools() {
  [[ ! -f $VENV/complete || $(<"$VENV/complete") != "${CONTRACT_TOOLS[*]}" ]] || return 0
  echo "Installing ${CONTRACT_TOOLS[*]} in ${VENV#"$ROOT/"}: they hold the nodes to openapi.yaml"
  rm -rf "$VENV"
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check "${CONTRACT_TOOLS[@]}"
  echo "${CONTRACT_TOOLS[*]}" >"$VENV/complete"
}
