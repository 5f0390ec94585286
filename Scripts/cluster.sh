#!/usr/bin/env bash
# The one entry to a Holdfast cluster on this machine: run it, look at it, break it, test it, measure it.
set -euo pipefail

ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
STATE=$(realpath -m "${HOLDFAST_STATE_DIR:-$ROOT/.cluster}")
LOGS=$STATE/logs
RUN=$STATE/run # exists while a cluster is wanted: `down` removes it, data and logs stay
CALLERS_UMASK=$(umask)
readonly ROOT STATE LOGS RUN CALLERS_UMASK
PATH=$PATH:/usr/sbin # where Debian has haproxy, and other users than root do not look
readonly EX_USAGE=64 EX_UNAVAILABLE=69

# Sixty nodes leave the other ports of PORT … PORT+99 to what stands beside them.
readonly MOST_NODES=60

say() { printf '%s\n' "$*" >&2; }

die() { # STATUS MESSAGE…
  say "cluster.sh: ${*:2}"
  exit "$1"
}

bad_usage() { die "$EX_USAGE" "$* (see: cluster.sh help)"; }

# shellcheck source=Scripts/lib/packages.sh
source "$ROOT/Scripts/lib/packages.sh"
# shellcheck source=Scripts/lib/processes.sh
source "$ROOT/Scripts/lib/processes.sh"
# shellcheck source=Scripts/lib/settings.sh
source "$ROOT/Scripts/lib/settings.sh"
# shellcheck source=Scripts/lib/redis.sh
source "$ROOT/Scripts/lib/redis.sh"
# shellcheck source=Scripts/lib/redis_cluster.sh
source "$ROOT/Scripts/lib/redis_cluster.sh"
# shellcheck source=Scripts/lib/redis_commands.sh
source "$ROOT/Scripts/lib/redis_commands.sh"
# shellcheck source=Scripts/lib/members.sh
source "$ROOT/Scripts/lib/members.sh"
# shellcheck source=Scripts/lib/coordinator.sh
source "$ROOT/Scripts/lib/coordinator.sh"
# shellcheck source=Scripts/lib/front.sh
source "$ROOT/Scripts/lib/front.sh"
# shellcheck source=Scripts/lib/earlier_build.sh
source "$ROOT/Scripts/lib/earlier_build.sh"
# shellcheck source=Scripts/lib/checks.sh
source "$ROOT/Scripts/lib/checks.sh"
# shellcheck source=Scripts/lib/cluster_checks.sh
source "$ROOT/Scripts/lib/cluster_checks.sh"
# shellcheck source=Scripts/lib/redis_checks.sh
source "$ROOT/Scripts/lib/redis_checks.sh"
# shellcheck source=Scripts/lib/outside_checks.sh
source "$ROOT/Scripts/lib/outside_checks.sh"
# shellcheck source=Scripts/lib/long_checks.sh
source "$ROOT/Scripts/lib/long_checks.sh"

usage() {
  cat <<'TEXT'
Usage: Scripts/cluster.sh COMMAND

  up [--nodes N] [--port PORT] [--profile release|debug] [--redis single|sentinel|cluster] [--fsync always|everysec]
     [--maxmemory SIZE]
                     installs what is missing, builds what changed, starts what does not run, and waits until
                     it is ready: a private Redis, the coordinator, N nodes (3) and HAProxy in front, on ports
                     PORT … PORT+99 (8080). A running cluster keeps the options that are not given.
                     Redis is a single server, or with sentinel a master (redis-1 at first), two replicas, and
                     three Sentinels that make a replica the master when that fails, or with cluster a Redis
                     Cluster of three masters and a replica of each. It stays what it was first, until
                     `down --wipe`.
                     SIZE, such as 4gb, is what each server of Redis may take at most (half of the memory,
                     shared by all that hold the data).
  status [--json]    processes, URLs, health, roles in Redis, leader
  kill-leader [--signal KILL|STOP|TERM]
                     kills the leader, stops it (as a suspended machine would), or asks it to end gracefully
  resume             continues what is stopped and starts what is dead, until all is ready again
  restart NODE       stops a node gracefully and starts it again
  rolling-restart    restarts all nodes one by one, the leader last, each when the one before is ready again
  kill-redis [NAME] [--signal KILL|STOP|TERM]
                     the same to a server of Redis (redis, redis-1, …) or a Sentinel (sentinel-1, …): the master,
                     if none is named
  failover [NAME]    has the Sentinels make another Redis the master, and waits until it is; in a Cluster, has the
                     replica of a master (NAME, or the first) take its place
  reshard [SLOTS] [FROM TO]
                     moves SLOTS (1000) slots of a Cluster from one master to another, while the shop sells
  restart-redis      starts the private Redis again with its data, all of its servers
  scale N            starts or gracefully stops nodes until N run
  logs [-f] [NAME]   the end of all logs, or of one process's (front, coordinator, node-1, redis, …);
                     -f follows
  down [--wipe]      a clean stop; data, logs and the admin token stay unless --wipe
  test [STEP…]       everything that CI runs, or some of its steps (shell lua format deploy build swift cluster
                     front page prometheus contract); the last lines tell why a step failed, and how many did.
                     Only if they are named: topologies (the tests with real nodes on Redis under Sentinels), sanitize (the
                     tests in builds that watch each access to memory), fuzz (what is read of clients and of Redis,
                     with inputs that are sought for)
  bench [reserve|failover|sweep|health|store] [--json]
                     the figures on this machine (bench SUBJECT --help lists the options; bench reserve --against REV
                     compares this build with that of an earlier commit)
  help               this text

Environment:
  HOLDFAST_STATE_DIR     data, logs and tokens (default: .cluster in the project). With other directories and
                         ports several clusters run side by side.
  HOLDFAST_REDIS_MAXMEMORY  as --maxmemory
  HOLDFAST_FUZZ_SECONDS  how long `test fuzz` runs each fuzzer (60)
  HOLDFAST_…             settings of the nodes, passed on to them and kept for later starts while any node runs
  HOLDFAST_ADMIN_TOKEN   used instead of the generated admin token; set but empty: admin calls are disabled

Exit status: 0 done, 1 failed, 64 bad usage, 69 something this needs is missing.
TEXT
}

require_swift() {
  command -v swift >/dev/null \
    || die "$EX_UNAVAILABLE" 'needs a Swift toolchain, 6.2 or later, on PATH: https://www.swift.org/install/linux/'
}

command_up() {
  local nodes='' port='' profile='' redis='' fsync='' maxmemory=''
  [[ -z ${HOLDFAST_REDIS_MAXMEMORY:-} ]] \
    || maxmemory=$(memory_size HOLDFAST_REDIS_MAXMEMORY "$HOLDFAST_REDIS_MAXMEMORY")
  while (($#)); do
    (($# > 1)) || bad_usage "up: unknown option, or one without its value: $1"
    case $1 in
      --nodes) nodes=$(number "$1" "$2" 1 "$MOST_NODES") ;;
      --port) port=$(number "$1" "$2" 1 65436) ;;
      --profile) profile=$(one_of "$1" "$2" release debug) ;;
      --redis) redis=$(one_of "$1" "$2" "${REDIS_MODES[@]}") ;;
      --fsync) fsync=$(one_of "$1" "$2" always everysec) ;;
      --maxmemory) maxmemory=$(memory_size "$1" "$2") ;;
      *) bad_usage "up: unknown option: $1" ;;
    esac
    shift 2
  done
  require_packages "${PACKAGES_TO_RUN[@]}"
  require_swift
  lock_state
  load_cluster
  [[ -z $port || -z $PORT || $port == "$PORT" ]] \
    || die 1 "the cluster in $STATE has its ports at $PORT: stop it first (cluster.sh down)"
  REDIS=${REDIS:-$(mode_of_data)}
  [[ -z $redis || -z $REDIS || $redis == "$REDIS" ]] \
    || die 1 "the cluster in $STATE has its data in Redis in mode $REDIS: wipe them first (cluster.sh down --wipe)"
  REDIS=${redis:-${REDIS:-single}}
  NODES=${nodes:-${NODES:-3}} PORT=${port:-${PORT:-8080}}
  PROFILE=${profile:-${PROFILE:-release}} FSYNC=${fsync:-${FSYNC:-always}}
  MAXMEMORY=${maxmemory:-${MAXMEMORY:-$(default_maxmemory)}}
  require_ports
  build holdfast-node holdfast-coordinator
  save_cluster
  start_redis
  start_coordinator
  start_missing_nodes
  replace_outdated_nodes
  stop_surplus_nodes
  start_front
  print_summary
}

print_summary() {
  local url header shop_header='' answer curl=curl
  url=$(front_url)
  printf '\nHoldfast is up: %s node(s), Redis in mode %s with appendfsync %s and at most %s MiB\n\n' \
    "$NODES" "$REDIS" "$FSYNC" "$((MAXMEMORY / 1024 / 1024))"
  print_status
  cat <<TEXT

The shop:   $url   (one URL for all calls, those of operators too, on this machine only)
Operators:  $(coordinator_url)
A real shop has two ways in, and so has this one beside its one URL: $(shop_url) for shoppers, with
limits for each address; $(operators_url) for stock, audit, health and metrics.

TEXT
  if ! header=$(write_header admin); then
    printf 'No admin token is set: admin calls are disabled, so stock cannot be changed.\n'
    return
  fi
  if shop_header=$(write_header client); then
    shop_header=" -H @$shop_header"
  fi
  answer=$(printf '%q' "$RUN/reservation.json")
  # As `ask` does it, where that matters.
  if [[ -n ${http_proxy:-}${all_proxy:-}${ALL_PROXY:-} || -e ${CURL_HOME:-${HOME:-}}/.curlrc ]]; then
    curl="curl -q --noproxy '*'"
  fi
  cat <<TEXT
Try it: stock an item, reserve one piece of it, confirm the reservation:

  $curl -sS -X PUT $url/inventory/demo -H @$header -H 'Content-Type: application/json' -d '{"total":100}' -w '\n'
  $curl -sS $url/inventory/reserve$shop_header -H "Idempotency-Key: \$(cat /proc/sys/kernel/random/uuid)" -H 'Content-Type: application/json' -d '{"sku":"demo","quantity":1}' -w '\n' | tee $answer
  $curl -sS $url/checkout/confirm$shop_header -H 'Content-Type: application/json' -d "\$(jq -c '{reservationId}' $answer)" -w '\n'
TEXT
}

command_status() {
  (($# == 0)) || [[ $* == --json ]] || bad_usage "status: takes --json or nothing, not: $*"
  load_cluster
  if (($#)); then
    cluster_json
  elif [[ -z $PORT ]]; then
    printf 'No cluster is up in %s\n' "$STATE"
  else
    print_status
  fi
}

command_restart() {
  local index
  (($# == 1)) || bad_usage 'restart: takes the name of one node'
  require_cluster
  index=${1#node-}
  [[ $index =~ ^[1-9][0-9]?$ && $index -le $NODES ]] || bad_usage "restart: no such node: $1 (node-1 … node-$NODES)"
  remember_settings
  restart_node "$index"
}

command_rolling_restart() {
  (($# == 0)) || bad_usage "rolling-restart: takes nothing, not: $*"
  require_cluster
  remember_settings
  rolling_restart
  say_who_leads
}

command_kill_leader() {
  local signal=KILL index pid
  if (($#)); then
    [[ $# == 2 && $1 == --signal ]] || bad_usage "kill-leader: takes --signal KILL|STOP|TERM or nothing, not: $*"
    signal=$(one_of "$1" "${2#SIG}" KILL STOP TERM)
  fi
  find_cluster
  index=$(await_leader) || die 1 'nobody leads: there is no leader to hit (cluster.sh status; cluster.sh resume)'
  pid=$(pid_of "node-$index") || die 1 "the leader, node-$index, has just ended"
  kill -"$signal" "$pid"
  printf 'Sent SIG%s to node-%s (pid %s), which led\n' "$signal" "$index" "$pid"
  [[ $signal != KILL ]] || await_end 5 "node-$index"
}

command_resume() {
  (($# == 0)) || bad_usage "resume: takes nothing, not: $*"
  require_cluster
  continue_stopped
  start_redis
  start_coordinator
  await_decided_nodes
  start_missing_nodes
  start_front
  say_who_leads
}

say_who_leads() {
  local index
  if index=$(await_leader); then
    say "node-$index leads"
  elif all_nodes_are_drained; then
    say 'Nobody leads, and nobody sweeps, for every node is drained, as an operator wants it'
  else
    die 1 'nobody leads (cluster.sh status; cluster.sh logs)'
  fi
}

all_nodes_are_drained() {
  local index
  for ((index = 1; index <= NODES; index++)); do
    node_is_drained "$index" || return 1
  done
}

command_scale() {
  (($# == 1)) || bad_usage 'scale: takes the number of nodes'
  local nodes
  nodes=$(number scale "$1" 1 "$MOST_NODES")
  require_cluster
  NODES=$nodes
  require_ports
  save_cluster
  start_missing_nodes
  stop_surplus_nodes
  start_front
}

command_logs() {
  local name files=() options=(-n 100)
  while (($#)); do
    case $1 in
      -f | --follow) options+=(-F) ;;
      -*) bad_usage "logs: unknown option: $1" ;;
      *) files+=("$LOGS/$1.log") ;;
    esac
    shift
  done
  ((${#files[@]})) || files=("$LOGS"/*.log)
  for name in "${files[@]}"; do
    [[ -f $name ]] || bad_usage "logs: there is no $name"
  done
  exec tail "${options[@]}" "${files[@]}"
}

command_down() {
  (($# == 0)) || [[ $* == --wipe ]] || bad_usage "down: takes --wipe or nothing, not: $*"
  [[ -d $STATE ]] || return 0
  lock_state
  stop_front
  stop_nodes_at_once
  stop_coordinator
  stop_redis
  rm -rf "$RUN"
  if (($#)); then
    # Only what is known to be ours, in case the state directory was there before and holds more.
    rm -rf "$STATE/redis" "$STATE/coordinator" "$LOGS" "$STATE/admin-tokens" "$STATE/cluster-token" "$STATE/lock"
    rmdir --ignore-fail-on-non-empty "$STATE"
  fi
}

command_bench() {
  local products=(holdfast-node) earlier
  [[ " $* " != *" --help "* ]] || exec "$ROOT/Benchmarks/run.sh" "$@"
  [[ ${1:---} != --* ]] || set -- reserve "$@"
  one_of bench "$1" reserve failover sweep health store >/dev/null
  require_packages "${PACKAGES_TO_RUN[@]}"
  case $1 in
    reserve) require_packages "${PACKAGES_TO_BENCH_RESERVE[@]}" ;;
    store) require_packages "${PACKAGES_TO_BENCH_STORE[@]}" ;;
    health)
      require_packages "${PACKAGES_TO_BENCH_HEALTH[@]}"
      products+=(holdfast-coordinator)
      ;;
  esac
  require_swift
  PROFILE=release
  earlier=$(option_value --against "$@")
  [[ -z $earlier ]] || build_earlier "$earlier"
  build "${products[@]}"
  HOLDFAST_EARLIER_NODE_BINARY=${EARLIER_BINARY:-} HOLDFAST_NODE_BINARY=$BINARIES/holdfast-node HOLDFAST_COORDINATOR_BINARY=$BINARIES/holdfast-coordinator \
    exec "$ROOT/Benchmarks/run.sh" "$@"
}

main() {
  local command=${1:-}
  [[ -n $command ]] || bad_usage 'which command?'
  shift
  [[ $command == bench || " $* " != *" --help "* ]] || command=help
  bypass_proxies
  case $command in
    up | status | kill-leader | resume | restart | rolling-restart | kill-redis | failover | reshard | restart-redis | scale \
      | logs | down | test | bench)
      "command_${command//-/_}" "$@"
      ;;
    help | -h | --help) usage ;;
    *) bad_usage "unknown command: $command" ;;
  esac
}

main "$@"
