# shellcheck shell=bash disable=SC2153 # the capitals are set by cluster.sh and settings.sh
# The commands that restart, break and move the private Redis.

command_restart_redis() {
  (($# == 0)) || bad_usage "restart-redis: takes nothing, not: $*"
  require_cluster
  stop_redis
  start_redis
}

command_kill_redis() {
  local name='' signal=KILL pid role
  while (($#)); do
    case $1 in
      --signal)
        (($# > 1)) || bad_usage 'kill-redis: --signal needs a value'
        signal=$(one_of "$1" "${2#SIG}" KILL STOP TERM)
        shift
        ;;
      *)
        [[ -z $name && $1 != -* ]] || bad_usage "kill-redis: takes the name of a server and --signal, not: $1"
        name=$1
        ;;
    esac
    shift
  done
  find_cluster
  if [[ -z $name ]]; then
    name=$(await_master) || die 1 'no Redis is master: there is none to hit (cluster.sh status; cluster.sh resume)'
  fi
  known_server kill-redis "$name"
  pid=$(pid_of "$name") || die 1 "$name does not run (cluster.sh resume starts it)"
  role=$(role_of "$name")
  kill -"$signal" "$pid"
  printf 'Sent SIG%s to %s (pid %s), %s\n' "$signal" "$name" "$pid" "${role:-which did not answer}"
  [[ $signal != KILL ]] || await_end 5 "$name"
}

command_failover() {
  local before after deadline=$((SECONDS + 60))
  find_cluster
  case $REDIS in
    single) die 1 "failover: Redis in mode $REDIS has no Sentinels to carry it out (up --redis sentinel)" ;;
    cluster)
      (($# < 2)) || bad_usage "failover: takes the name of one master, not: $*"
      (($# == 0)) || known_server failover "$1"
      fail_over_cluster "$@"
      return
      ;;
  esac
  (($# == 0)) || bad_usage "failover: takes nothing, not: $*"
  before=$(await_master) || die 1 'no Redis is master (cluster.sh status; cluster.sh resume)'
  # Sentinels give a failover up if the replica that they have chosen is slow, and then begin no other by themselves.
  until request_failover && after=$(await_other_master "$before"); do
    ((SECONDS < deadline)) || die 1 "$before is still the master (cluster.sh logs)"
  done
  printf '%s is the master now, in the place of %s\n' "$after" "$before"
}

command_reshard() {
  local slots name
  slots=$(number reshard "${1:-1000}" 1 16384)
  (($# < 2 || $# == 3)) || bad_usage "reshard: takes the number of slots, and two masters, not: $*"
  find_cluster
  [[ $REDIS == cluster ]] || die 1 "reshard: Redis in mode $REDIS has no slots to move (up --redis cluster)"
  for name in "${@:2}"; do known_server reshard "$name"; done
  reshard_cluster "$slots" "${@:2}"
}

known_server() { # COMMAND NAME
  local servers
  mapfile -t servers < <(redis_servers)
  one_of "$1" "$2" "${servers[@]}" >/dev/null
}
