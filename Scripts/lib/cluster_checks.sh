# shellcheck shell=bash
# The step `cluster` of `cluster.sh test`, and what all steps with a cluster share. Each step has its own, with real
# processes.

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

expect() { # PROMISE EXPECTED FOUND
  if [[ $2 != "$3" ]]; then
    printf 'Broken: %s: expected %s, found %s\n' "$@"
    return 1
  fi
}

# Whether the status of the cluster meets the condition.
cluster_is() { # CLUSTER CONDITION
  cluster "$1" status --json | jq -e "$2" >/dev/null
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
  check_redis_cluster "$port"
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
