# shellcheck shell=bash disable=SC2153 # the capitals are set by cluster.sh and settings.sh
# The private Redis in one of its modes:
#   single    one server, `redis`, on PORT+90
#   sentinel  a master and two replicas, redis-1 to redis-3, on PORT+91 to PORT+93, watched by three Sentinels,
#             sentinel-1 to sentinel-3, on PORT+81 to PORT+83
#   cluster   three masters and a replica of each, redis-1 to redis-6, on PORT+91 to PORT+96 (see redis_cluster.sh)
# The master is never read from a server's own configuration, which is rewritten at each start. The running servers name
# it. If none is the master, the files of the Sentinels do.

# shellcheck disable=SC2034 # read by cluster.sh
readonly REDIS_MODES=(single sentinel cluster)
readonly MASTER_NAME=holdfast # as which the Sentinels know the master

data_servers() {
  case $REDIS in
    single) echo redis ;;
    sentinel) printf 'redis-%s\n' 1 2 3 ;;
    cluster) printf 'redis-%s\n' 1 2 3 4 5 6 ;;
  esac
}

sentinels() { [[ $REDIS != sentinel ]] || printf 'sentinel-%s\n' 1 2 3; }

redis_servers() {
  data_servers
  sentinels
}

server_port() { # NAME
  case $1 in
    redis) printf '%s\n' "$((PORT + 90))" ;;
    redis-*) printf '%s\n' "$((PORT + 90 + ${1#redis-}))" ;;
    sentinel-*) printf '%s\n' "$((PORT + 80 + ${1#sentinel-}))" ;;
  esac
}

server_url() { printf 'redis://127.0.0.1:%s\n' "$(server_port "$1")"; } # NAME

server_directory() { # NAME
  local below=/$1
  [[ $1 != redis ]] || below=''
  printf '%s\n' "$STATE/redis$below"
}

# The URL of the store for nodes.
redis_url() {
  local name hosts=''
  case $REDIS in
    single) server_url redis ;;
    sentinel)
      for name in $(sentinels); do hosts+=,127.0.0.1:$(server_port "$name"); done
      printf 'redis+sentinel://%s/%s\n' "${hosts#,}" "$MASTER_NAME"
      ;;
    cluster)
      for name in $(data_servers); do hosts+=,127.0.0.1:$(server_port "$name"); done
      printf 'redis+cluster://%s\n' "${hosts#,}"
      ;;
  esac
}

# The mode of the data that `down` has left. Empty if there are none.
mode_of_data() {
  if [[ -f $STATE/redis/mode ]]; then
    cat "$STATE/redis/mode"
  elif [[ -d $STATE/redis/appendonlydir ]]; then
    echo single # of an earlier version, which knew no other
  fi
}

# --- Reports of the servers

redis_at() { # NAME COMMAND…
  timeout 2 env -u REDISCLI_AUTH redis-cli -h 127.0.0.1 -p "$(server_port "$1")" "${@:2}" 2>/dev/null
}

redis_answers() { [[ $(redis_at "$1" ping) == PONG ]]; } # NAME

# Prints the role that a server reports: master, replica or sentinel. Prints nothing if it does not answer.
role_of() { # NAME
  local role
  is_running "$1" && read -r role < <(redis_at "$1" role) || return 0
  case $role in
    slave) echo replica ;;
    master | sentinel) printf '%s\n' "$role" ;;
  esac
}

# Prints the name of the master. Fails if there is none. After a failover the old master believes that it is still the
# master until it is told otherwise. Then the Sentinels' latest decision counts.
present_master() {
  local name last masters=()
  for name in $(data_servers); do
    [[ $(role_of "$name") != master ]] || masters+=("$name")
  done
  ((${#masters[@]})) || return 1
  if ((${#masters[@]} > 1)); then
    last=$(last_master)
    [[ " ${masters[*]} " != *" $last "* ]] || masters=("$last")
  fi
  printf '%s\n' "${masters[0]}"
}

# Like `present_master`, but waits for a failover that may be under way.
await_master() {
  local deadline=$((SECONDS + 20))
  until present_master; do
    sentinels_can_choose && ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# Whether enough Sentinels run to agree on a new master, and some server may become it.
sentinels_can_choose() {
  local name sentinels=0 servers=0
  for name in $(sentinels); do ! is_running "$name" || sentinels=$((sentinels + 1)); done
  for name in $(data_servers); do ! is_running "$name" || servers=$((servers + 1)); done
  ((sentinels >= 2 && servers))
}

# Prints the last master, from the file of the Sentinel that knows the latest failover. It computes the number of the
# server from the difference of two ports, because all ports may have been different then.
last_master() {
  local name word key rest epoch own monitored number latest=-1 master
  master=$(data_servers | head -n 1)
  for name in $(sentinels); do
    [[ -f $(sentinel_conf "$name") ]] || continue
    epoch=0 own=0 monitored=0
    while read -r word key _ rest || [[ -n $word ]]; do # the last line may have no end
      case "$word $key" in
        'port '*) own=$key ;;
        'sentinel monitor') read -r _ monitored _ <<<"$rest" ;;
        'sentinel config-epoch') epoch=$rest ;;
      esac
    done <"$(sentinel_conf "$name")"
    number=$((monitored - own + ${name#sentinel-} - 10))
    if ((epoch > latest && number >= 1 && number <= 3)); then
      latest=$epoch master=redis-$number
    fi
  done
  printf '%s\n' "$master"
}

# Runs a command on the master.
redis() { # COMMAND…
  local master
  master=$(present_master) && redis_at "$master" "$@"
}

# Whether a server is as it should be: the master, a replica connected to it, or a Sentinel that knows them all.
server_is_settled() { # NAME
  local master port known words
  master=$(present_master) || return 1
  port=$(server_port "$master")
  known="name=$MASTER_NAME,status=ok,address=127.0.0.1:$port,slaves=2,sentinels=3"
  case $1 in
    "$master") ;;
    sentinel-*) [[ $(redis_at "$1" info sentinel) == *"$known"* ]] ;;
    *)
      mapfile -t words < <(redis_at "$1" role)
      [[ ${words[*]:0:4} == "slave 127.0.0.1 $port connected" ]]
      ;;
  esac
}

# --- Start and end

# No snapshots: the append-only file is the data. No eviction: stock must not vanish. A memory limit, so that nodes stop
# taking new holds before the machine runs out of memory.
write_server_conf() { # NAME MASTER
  local directory
  directory=$(server_directory "$1")
  directory=${directory//\\/\\\\}
  cat <<TEXT | write_private "$RUN/$1.conf"
bind 127.0.0.1
port $(server_port "$1")
dir "${directory//\"/\\\"}"
appendonly yes
appendfsync $FSYNC
save ""
maxmemory $MAXMEMORY
maxmemory-policy noeviction
$([[ $REDIS != sentinel ]] || replication_conf "$@")
$([[ $REDIS != cluster ]] || cluster_conf "$1")
TEXT
}

# `min-replicas-to-write 1`: a master that is cut off from its replicas takes no more writes after ten seconds. A
# failover would lose such writes. So a master whose replicas have both died takes none either. A sync does not wait for
# further replicas: that would add five seconds to each start.
replication_conf() { # NAME MASTER
  printf '%s\n' 'replica-read-only yes' 'min-replicas-to-write 1' 'min-replicas-max-lag 10' 'repl-diskless-sync-delay 0'
  [[ $1 == "$2" ]] || printf 'replicaof 127.0.0.1 %s\n' "$(server_port "$2")"
}

sentinel_conf() { printf '%s\n' "$(server_directory "$1")/sentinel.conf"; } # NAME

# A Sentinel keeps its knowledge and decisions in this file, so it is written only if it is missing or for other ports.
# On one machine a silence of 1.5 s is a fault. One second is also the pause between two pings. With that limit, every
# third new master was taken for dead and replaced a second after its promotion. A failover without success within
# failover-timeout is given up and tried again after twice that time. With the default of three minutes, a failed one
# would leave the shop without a master for six minutes. One replica syncs at a time, so that the other can still be
# chosen.
write_sentinel_conf() { # NAME MASTER
  local file
  file=$(sentinel_conf "$1")
  ! grep -qsx "port $(server_port "$1")" "$file" || return 0
  cat <<TEXT | write_private "$file"
bind 127.0.0.1
port $(server_port "$1")
sentinel monitor $MASTER_NAME 127.0.0.1 $(server_port "$2") 2
sentinel down-after-milliseconds $MASTER_NAME 1500
sentinel failover-timeout $MASTER_NAME 10000
sentinel parallel-syncs $MASTER_NAME 1
TEXT
}

# Starts servers that do not run, the master first, and waits until every server has its role.
start_redis() {
  local name master
  : "${MAXMEMORY:=$(default_maxmemory)}"
  for name in $(redis_servers); do
    ! is_stopped "$name" || die 1 "$name is stopped by a signal (cluster.sh resume continues it)"
  done
  printf '%s\n' "$REDIS" | write_private "$STATE/redis/mode"
  [[ $REDIS != cluster ]] || {
    start_redis_cluster
    return
  }
  # A master that has just died is not started as master while the Sentinels may be choosing another.
  master=$(await_master) || master=$(last_master)
  start_data_server "$master" "$master"
  for name in $(data_servers); do
    [[ $name == "$master" ]] || start_data_server "$name" "$master"
  done
  for name in $(sentinels); do
    is_alive "$name" || start_sentinel "$name" "$master"
  done
  for name in $(redis_servers); do
    [[ $REDIS == single ]] || await "$name" 60 server_is_settled "$name"
  done
}

# A running server gets the settings that may have changed.
start_data_server() { # NAME MASTER
  if is_alive "$1"; then
    redis_at "$1" config set appendfsync "$FSYNC" maxmemory "$MAXMEMORY" >/dev/null \
      || die 1 "$1 does not answer (cluster.sh restart-redis)"
    return
  fi
  write_server_conf "$@"
  start_server "$1" redis-server "$RUN/$1.conf"
  await "$1" 60 redis_answers "$1" # a long append-only file takes its time to load
}

start_sentinel() { # NAME MASTER
  mkdir -p "$(server_directory "$1")"
  write_sentinel_conf "$@"
  start_server "$1" redis-server "$(sentinel_conf "$1")" --sentinel --dir "$(server_directory "$1")"
}

start_server() { # NAME COMMAND…
  mkdir -p "$(server_directory "$1")"
  require_port "$1" "$(server_port "$1")"
  say "Starting $1 on port $(server_port "$1")"
  spawn "$@"
}

# The Sentinels end first. Otherwise the end of the master would make them choose another.
stop_redis() {
  stop_servers "$RUN"/sentinel-*.pid
  stop_servers "$RUN"/redis*.pid
}

# SIGTERM means SHUTDOWN to Redis, and it cannot reach another Redis that might have taken the port.
stop_servers() { # PIDFILE…
  local file name names=()
  for file; do
    name=$(basename "$file" .pid)
    ! is_alive "$name" || names+=("$name")
  done
  ((${#names[@]})) || return 0
  say "Stopping ${names[*]}"
  terminate "${names[@]}"
  await_end 20 "${names[@]}"
}

# --- Failover

# Makes a Sentinel start a failover. Repeats the command for a while: right after a start or a failover it may not know
# any replica well enough, and a Sentinel that was stopped decides nothing for 30 s (TILT mode).
request_failover() {
  local deadline=$((SECONDS + 40)) sentinel answer
  while true; do
    answer='no Sentinel runs that decides (cluster.sh resume)'
    if sentinel=$(watchful_sentinel); then
      answer=$(redis_at "$sentinel" sentinel failover "$MASTER_NAME") || answer='' # told below as no answer
    fi
    [[ $answer != OK && $answer != INPROG* ]] || return 0
    ((SECONDS < deadline)) || die 1 "no failover: ${answer:-$sentinel does not answer}"
    sleep 0.2
  done
}

watchful_sentinel() {
  local name
  for name in $(sentinels); do
    if is_running "$name" && [[ $(redis_at "$name" info sentinel) == *sentinel_tilt:0* ]]; then
      printf '%s\n' "$name"
      return
    fi
  done
  return 1
}

# Waits for another master than this one, and prints its name. Fails when a failover would have been given up.
await_other_master() { # NAME
  local master deadline=$((SECONDS + 15))
  until master=$(present_master) && [[ $master != "$1" ]]; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
  printf '%s\n' "$master"
}

# --- The view from outside

redis_json() {
  local main=redis name url='' servers='[]'
  if [[ -n $PORT ]]; then
    url=$(redis_url)
    # A Cluster has several masters: none stands for all.
    case $REDIS in
      sentinel) main=$(present_master) || main='' ;;
      cluster) main='' ;;
    esac
    servers=$(for name in $(redis_servers); do server_json "$name"; done | jq -s .)
  fi
  jq -n --arg mode "$REDIS" --arg url "$url" --arg main "$main" --argjson servers "$servers" '
    def text: if . == "" then null else . end;
    ([$servers[] | select(.name == $main)][0]) as $master |
    (if $mode != "cluster" then $master.state // "dead"
     elif all($servers[]; .state == "running") then "running" else "dead" end) as $state |
    {mode: ($mode | text), url: ($url | text), port: $master.port, pid: $master.pid, $state, $servers}'
}

# Its role is null while it does not answer.
server_json() { # NAME
  process_json "$1" "$(server_url "$1")" | jq --arg name "$1" --arg role "$(role_of "$1")" \
    --argjson port "$(server_port "$1")" \
    '{$name, role: (if $role == "" then null else $role end), url, $port, pid, state}'
}
