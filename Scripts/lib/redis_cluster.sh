# shellcheck shell=bash
# The private Redis as a Cluster: six servers, redis-1 to redis-6, on PORT+91 to PORT+96. They talk to each other on PORT+81
# to PORT+86. At first redis-1 to redis-3 are masters. The servers keep in nodes.conf who is what.

bus_port() { printf '%s\n' "$((PORT + 80 + ${1#redis-}))"; } # NAME

# A silence of 1.5 s is a fault, as under Sentinels. The slots of a lost master do not stop the others. A master that is cut
# off from most others takes no more writes after that time.
cluster_conf() { # NAME
  cat <<TEXT
cluster-enabled yes
cluster-config-file nodes.conf
cluster-port $(bus_port "$1")
cluster-node-timeout 1500
cluster-require-full-coverage no
repl-diskless-sync-delay 0
TEXT
}

start_redis_cluster() {
  local name known
  for name in $(data_servers); do
    start_data_server "$name"
  done
  known=$(cluster_fact redis-1 cluster_known_nodes) || die 1 'redis-1 does not answer (cluster.sh restart-redis)'
  if [[ $known == 1 ]]; then
    form_cluster
  else
    # They find each other by their last ports, which may have been different.
    for name in $(data_servers); do
      redis_at redis-1 cluster meet 127.0.0.1 "$(server_port "$name")" "$(bus_port "$name")" >/dev/null \
        || die 1 'redis-1 does not answer (cluster.sh restart-redis)'
    done
  fi
  for name in $(data_servers); do
    await "$name" 60 cluster_server_is_settled "$name"
  done
}

form_cluster() {
  local name addresses=() answer
  for name in $(data_servers); do addresses+=("127.0.0.1:$(server_port "$name")"); done
  say 'Making a Cluster of them'
  answer=$(redis_tool --cluster create "${addresses[@]}" --cluster-replicas 1 --cluster-yes) || die 1 "no Cluster: $answer"
}

# Redis's own program for whole Clusters.
redis_tool() { env -u REDISCLI_AUTH redis-cli "$@" 2>&1 </dev/null; } # OPTION…

cluster_fact() { redis_at "$1" cluster info | tr -d '\r' | sed -n "s/^$2://p"; } # NAME FACT

# Whether a server knows all others, all slots are served, and a replica has its master's data.
cluster_server_is_settled() { # NAME
  local words
  [[ $(cluster_fact "$1" cluster_state) == ok && $(cluster_fact "$1" cluster_known_nodes) == 6 &&
    $(cluster_fact "$1" cluster_slots_ok) == 16384 ]] || return 1
  mapfile -t words < <(redis_at "$1" role)
  [[ ${words[0]:-} == master || ${words[3]:-} == connected ]]
}

cluster_id() { redis_at "$1" cluster myid; } # NAME

# Prints the name of a running replica of a master. Fails if there is none.
replica_of() { # NAME
  local name id
  id=$(cluster_id "$1") || return 1
  for name in $(data_servers); do
    if [[ $(role_of "$name") == replica && $(redis_at "$name" cluster nodes | awk '/myself/ {print $4}') == "$id" ]]; then
      printf '%s\n' "$name"
      return
    fi
  done
  return 1
}

# Hands a master's slots over to its replica, in good order: nothing is lost.
fail_over_cluster() { # [NAME]
  local master=${1:-} replica deadline=$((SECONDS + 60))
  [[ -n $master ]] || master=$(present_master) || die 1 'no Redis is master (cluster.sh status; cluster.sh resume)'
  [[ $(role_of "$master") == master ]] || die 1 "$master is no master (cluster.sh status)"
  replica=$(replica_of "$master") || die 1 "$master has no replica that runs (cluster.sh resume)"
  # A request can get lost among the servers, so it is repeated.
  until [[ $(role_of "$replica") == master ]]; do
    ((SECONDS < deadline)) || die 1 "$master is still the master (cluster.sh logs)"
    redis_at "$replica" cluster failover >/dev/null || true # it may just have become the master
    await_role "$replica" master 5 || true                  # asked again
  done
  printf '%s is a master now, in the place of %s\n' "$replica" "$master"
}

await_role() { # NAME ROLE SECONDS
  local deadline=$((SECONDS + $3))
  until [[ $(role_of "$1") == "$2" ]]; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# Moves slots with all that is in them from one master to another, while the shop sells.
reshard_cluster() { # SLOTS [FROM TO]
  local from=${2:-} to=${3:-} masters=() name answer before
  for name in $(data_servers); do
    [[ $(role_of "$name") != master ]] || masters+=("$name")
  done
  ((${#masters[@]} > 1)) || die 1 'fewer than two masters run (cluster.sh resume)'
  : "${from:=${masters[0]}}" "${to:=${masters[1]}}"
  for name in "$from" "$to"; do
    [[ " ${masters[*]} " == *" $name "* ]] || die 1 "$name is no master (cluster.sh status)"
  done
  before=$(slots_of "$from")
  answer=$(redis_tool --cluster reshard "127.0.0.1:$(server_port "$from")" --cluster-from "$(cluster_id "$from")" \
    --cluster-to "$(cluster_id "$to")" --cluster-slots "$1" --cluster-yes) \
    || die 1 "the slots could not be moved: $(tail -n 3 <<<"$answer")"
  printf 'Moved %s slots from %s to %s\n' "$((before - $(slots_of "$from")))" "$from" "$to"
}

# How many slots a master serves.
slots_of() { # NAME
  redis_at "$1" cluster nodes | awk '/myself/ {
    for (i = 9; i <= NF; i++) if ($i !~ /^\[/) { n = split($i, ends, "-"); sum += ends[n] - ends[1] + 1 }
  } END {print sum + 0}'
}
