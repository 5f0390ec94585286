# shellcheck shell=bash disable=SC2153 # the capitals are set by cluster.sh and checks.sh
# The private Redis under Sentinels and as a Cluster: parts of the step `cluster` (see cluster_checks.sh).

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

# A Redis Cluster. After any master dies, hands over or gives slots away, all slots are served, and stock is kept.
check_redis_cluster() { # PORT
  cluster "$CLUSTER" up --redis cluster --nodes 2 --port "$1" --profile debug >"$SCRATCH/up.txt"
  expect 'data, logs and tokens are private' '' "$(find "$SCRATCH/$CLUSTER"/* -perm /077 -print)"
  set_stock_of_many
  expect_cluster_whole 'the start'

  expect 'the server that is named is hit' 'Sent SIGKILL to redis-2' \
    "$(cluster "$CLUSTER" kill-redis redis-2 | cut -d ' ' -f 1-4)"
  until_true 'a replica takes the place of a dead master' cluster_is "$CLUSTER" \
    '[.redis.servers[] | select(.role == "master")] | length == 3'
  cluster "$CLUSTER" resume
  expect_cluster_whole 'a kill of a master'

  expect 'a failover tells who is a master, and who was' 'is a master now, in the place of redis-1' \
    "$(cluster "$CLUSTER" failover redis-1 | cut -d ' ' -f 2-)"
  expect_cluster_whole 'a failover'
  expect 'slots move' 'Moved 500 slots' "$(cluster "$CLUSTER" reshard 500 | cut -d ' ' -f 1-3)"
  expect_cluster_whole 'a move of slots'
  until_true 'a node leads' cluster_is "$CLUSTER" '[.nodes[].leader] | any'
  cluster "$CLUSTER" kill-leader
  cluster "$CLUSTER" resume

  cluster "$CLUSTER" down
  cluster "$CLUSTER" up --nodes 1 --port "$1" --profile debug >"$SCRATCH/up.txt"
  expect_cluster_whole 'a pause'
  cluster "$CLUSTER" restart-redis
  expect_cluster_whole 'a restart of all servers'
  refuses 'a name that is none' 'one of redis-1' failover redis-7
  refuses 'a Cluster stays one' 'in mode cluster' up --redis single
  cluster "$CLUSTER" down --wipe
}

readonly SKUS_OF_MANY=30

# Stock on all masters.
set_stock_of_many() {
  local number
  for ((number = 1; number <= SKUS_OF_MANY; number++)); do
    ask -fsS -o /dev/null -X PUT -H "@$SCRATCH/$CLUSTER/run/admin-header" -H 'Content-Type: application/json' \
      -d "{\"total\":$number}" "$(front_of "$CLUSTER")/inventory/many-$number"
  done
}

# All servers have their roles, all nodes serve, and each SKU is found.
expect_cluster_whole() { # AFTER
  until_true "each server has its role after $1" cluster_is "$CLUSTER" \
    '[.redis.servers[] | .role] | sort == ["master", "master", "master", "replica", "replica", "replica"]'
  until_true "the nodes serve after $1" cluster_is "$CLUSTER" '[.nodes[].ready] | all'
  until_true "all stock is there after $1" stock_of_many_is_there
}

stock_of_many_is_there() {
  local number url
  url=$(front_of "$CLUSTER")
  for ((number = 1; number <= SKUS_OF_MANY; number++)); do
    [[ $(ask -sS "$url/inventory/many-$number" | jq .total) == "$number" ]] || return 1
  done
}
