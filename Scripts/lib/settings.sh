# shellcheck shell=bash
# The settings of a cluster, kept from one command to the next: its shape in cluster.conf, the settings of its nodes in
# node-settings, and its tokens.

# shellcheck disable=SC2034 # read by cluster.sh and members.sh
NODES='' PORT='' PROFILE='' REDIS='' FSYNC='' MAXMEMORY='' BINARIES=''

number() { # OPTION VALUE LEAST MOST
  [[ $2 =~ ^[1-9][0-9]{0,4}$ && $2 -ge $3 && $2 -le $4 ]] || bad_usage "$1: a number from $3 to $4, not: $2"
  printf '%s\n' "$2"
}

one_of() { # OPTION VALUE CHOICE…
  local choice
  for choice in "${@:3}"; do
    if [[ $2 == "$choice" ]]; then
      printf '%s\n' "$2"
      return
    fi
  done
  bad_usage "$1: one of ${*:3}, not: $2"
}

# Prints an amount of memory, written as Redis reads it, in bytes.
memory_size() { # OPTION VALUE
  local text=${2,,} factor=1
  [[ $text =~ ^([1-9][0-9]{0,14})(k|kb|m|mb|g|gb|)$ ]] || bad_usage "$1: an amount like 512mb or 4gb, not: $2"
  case ${BASH_REMATCH[2]} in
    k) factor=1000 ;;
    kb) factor=1024 ;;
    m) factor=1000000 ;;
    mb) factor=$((1024 * 1024)) ;;
    g) factor=1000000000 ;;
    gb) factor=$((1024 * 1024 * 1024)) ;;
  esac
  # A smaller limit is full before it holds anything, and one above a petabyte is a typing error.
  ((BASH_REMATCH[1] <= (1 << 50) / factor && BASH_REMATCH[1] * factor >= 16 * 1024 * 1024)) \
    || bad_usage "$1: at least 16mb and at most 1048576gb, not: $2"
  printf '%s\n' "$((BASH_REMATCH[1] * factor))"
}

# Half of the memory of this machine or container. While Redis rewrites its append-only file, it may need up to twice
# its memory. The servers that hold the data share it.
default_maxmemory() {
  local name amount limit bytes=0
  while read -r name amount _; do
    [[ $name != MemTotal: ]] || bytes=$((amount * 1024))
  done </proc/meminfo
  for limit in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
    if [[ -r $limit ]] && read -r amount <"$limit" && [[ $amount =~ ^[0-9]{1,15}$ ]] && ((amount < bytes)); then
      bytes=$amount
    fi
  done
  ((bytes >= 128 * 1024 * 1024)) || bytes=$((128 * 1024 * 1024))
  printf '%s\n' "$((bytes / 2 / $(data_servers | wc -l)))"
}

# One command at a time changes a cluster. Its contents (tokens, logs, data) are for its owner only. The directory
# itself may have existed before and may hold other files, so its rights are not changed.
lock_state() {
  mkdir -p "$(dirname "$STATE")"
  umask 077
  mkdir -p "$STATE"
  exec {LOCK}>"$STATE/lock"
  if ! flock -n "$LOCK"; then
    say 'Another command changes this cluster: waiting for it'
    flock "$LOCK"
  fi
  mkdir -p "$RUN" "$LOGS" "$STATE/redis" "$STATE/coordinator"
  # Files made by an earlier version were open to others.
  chmod -R go= "$RUN" "$LOGS" "$STATE/redis" "$STATE/coordinator" "$STATE/lock"
}

# Writes its input to a file that only the owner can read, all of it or nothing.
write_private() { # FILE
  (
    umask 077
    cat >"$1.new"
  )
  mv "$1.new" "$1"
}

load_cluster() {
  local name value
  [[ -f $RUN/cluster.conf ]] || return 0
  while IFS='=' read -r name value; do
    printf -v "$name" '%s' "$value"
  done <"$RUN/cluster.conf"
  : "${REDIS:=single}" # written by an earlier version, which knew no other
}

save_cluster() {
  local name
  for name in NODES PORT PROFILE REDIS FSYNC MAXMEMORY BINARIES; do
    printf '%s=%s\n' "$name" "${!name}"
  done | write_private "$RUN/cluster.conf"
  remember_settings
  make_tokens
}

require_cluster() {
  find_cluster
  lock_state
  load_cluster
}

# For commands that change only processes and need not wait for another command.
find_cluster() {
  [[ -f $RUN/cluster.conf ]] || die 1 "no cluster is up in $STATE (cluster.sh up)"
  load_cluster
}

# The HOLDFAST_* variables of this caller, and those of earlier callers that this one does not set. So a node that is
# started again has the settings of its neighbours. With no neighbour left, as after a bad value, nothing is kept from
# before. Settings that the cluster itself decides are left out.
remember_settings() {
  local -A settings=()
  local entry name
  any_node_lives || rm -f "$RUN/node-settings"
  while IFS= read -r -d '' entry; do
    settings[${entry%%=*}]=${entry#*=}
  done < <(remembered_settings; env -0 | grep -z '^HOLDFAST_')
  for name in STATE_DIR NODE_ID HOST PORT REDIS_URL REDIS_MAXMEMORY COORDINATOR_URL CLUSTER_TOKEN CLUSTER_TOKEN_FILE; do
    unset "settings[HOLDFAST_$name]"
  done
  for name in "${!settings[@]}"; do
    printf '%s=%s\0' "$name" "${settings[$name]}"
  done | write_private "$RUN/node-settings"
}

# As NAME=VALUE, each ended by a zero byte.
remembered_settings() {
  if [[ -f $RUN/node-settings ]]; then
    cat "$RUN/node-settings"
  fi
}

# Prints a remembered setting. Fails if there is none of that name.
setting() { # NAME
  local entry
  while IFS= read -r -d '' entry; do
    if [[ ${entry%%=*} == "$1" ]]; then
      printf '%s\n' "${entry#*=}"
      return
    fi
  done < <(remembered_settings)
  return 1
}

make_tokens() {
  [[ -f $STATE/admin-tokens ]] || printf 'operator:%s\n' "$(make_secret)" | write_private "$STATE/admin-tokens"
  [[ -f $STATE/cluster-token ]] || make_secret | write_private "$STATE/cluster-token"
}

make_secret() { od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'; }

# Whether the caller decided about the admin token, even if the decision was to have none.
admin_token_is_given() { setting HOLDFAST_ADMIN_TOKENS_FILE >/dev/null || setting HOLDFAST_ADMIN_TOKEN >/dev/null; }

# Prints the file from which the nodes read these tokens. Fails if they come from no file.
tokens_file() { # admin|client
  if [[ $1 == admin ]] && ! admin_token_is_given; then
    printf '%s\n' "$STATE/admin-tokens"
  else
    setting "HOLDFAST_${1^^}_TOKENS_FILE"
  fi
}

# Writes a token as a header for `curl -H @FILE` and prints the file's path, quoted for a shell. Fails if there is no
# token. A file is used because every user of the machine can see a command line.
write_header() { # admin|client
  local token file
  if file=$(tokens_file "$1"); then
    token=$(sed -n '/^[^#]*:/{s/^[^:]*://p;q}' "$file") || return 1
  else
    token=$(setting "HOLDFAST_${1^^}_TOKEN") || return 1
  fi
  [[ -n $token ]] || return 1
  printf 'Authorization: Bearer %s\n' "$token" | write_private "$RUN/$1-header"
  printf '%q\n' "$RUN/$1-header"
}
