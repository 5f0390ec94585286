# shellcheck shell=bash disable=SC2153 # the capitals are set by cluster.sh and settings.sh
# HAProxy in front of the nodes: deploy/haproxy.cfg with this cluster's ports and nodes. Shoppers use PORT+2, operators
# use PORT+3. PORT is the one URL for newcomers, which serves everything.

shop_port() { printf '%s\n' "$((PORT + 2))"; }
operators_port() { printf '%s\n' "$((PORT + 3))"; }
front_url() { printf 'http://127.0.0.1:%s\n' "$PORT"; }
shop_url() { printf 'http://127.0.0.1:%s\n' "$(shop_port)"; }
operators_url() { printf 'http://127.0.0.1:%s\n' "$(operators_port)"; }

front_json() { # URL
  local shop='' operators=''
  [[ -z $1 ]] || { shop=$(shop_url) && operators=$(operators_url); }
  process_json front "$1" | jq --arg shop "$shop" --arg operators "$operators" \
    '. + ({shopUrl: $shop, operatorsUrl: $operators} | map_values(if . == "" then null else . end))'
}

# Replaces the lines after each mark with those of this cluster. Every possible node has a line, so that nodes come and
# go without a reload. A reload would end idle connections of clients.
write_front_conf() {
  local index servers='' line skips='' indent='  ' disabled=''
  for ((index = 1; index <= MOST_NODES; index++)); do
    ((index <= NODES)) || disabled=' disabled'
    printf -v servers '%s%sserver node-%s 127.0.0.1:%s%s\n' \
      "$servers" "$indent" "$index" "$(node_port "$index")" "$disabled"
  done
  while IFS= read -r line; do
    case $line in
      global)
        # A reload hands the listening socket on, so that no connection is refused. The path is relative to HAProxy's
        # directory, because the kernel allows at most 107 bytes for the path of a socket.
        printf '%s\n%sstats socket unix@front.sock mode 600 level admin expose-fd listeners\n' "$line" "$indent"
        ;;
      *'# >>> bind shop')
        skips=bind
        printf '%sbind 127.0.0.1:%s name one-url\n' "$indent" "$PORT"
        printf '%sbind 127.0.0.1:%s\n' "$indent" "$(shop_port)"
        ;;
      *'# >>> bind operators') skips=bind && printf '%sbind 127.0.0.1:%s\n' "$indent" "$(operators_port)" ;;
      *'# >>> servers') skips=server && printf '%s' "$servers" ;;
      *) [[ -n $skips && $line == "$indent$skips "* ]] || printf '%s\n' "$line" ;;
    esac
  done <"$ROOT/deploy/haproxy.cfg" | write_private "$RUN/haproxy.cfg"
}

# Starts it, or tells it the current nodes. Requests under way at a removed node are still served.
start_front() {
  local before=''
  [[ ! -f $RUN/haproxy.cfg ]] || before=$(sed 's/ disabled$//' "$RUN/haproxy.cfg")
  write_front_conf
  # A front end of an earlier version runs in another directory and would look for its socket there.
  [[ $(readlink "/proc/$(pid_of front)/cwd") == "$RUN" ]] || stop_front
  haproxy -q -c -C "$RUN" -f "$RUN/haproxy.cfg" || die 1 "HAProxy does not take $RUN/haproxy.cfg"
  if ! is_alive front; then
    say "Starting the front end (HAProxy) on port $PORT"
    # -W: a master process that reloads its worker. -db: stay in the foreground.
    spawn front haproxy -W -db -C "$RUN" -f "$RUN/haproxy.cfg"
  elif [[ $before != "$(sed 's/ disabled$//' "$RUN/haproxy.cfg")" ]]; then
    send USR2 front
  else
    tell_front_of_nodes
  fi
  await front 60 front_serves
}

tell_front_of_nodes() {
  local index state=ready commands=''
  for ((index = 1; index <= MOST_NODES; index++)); do
    ((index <= NODES)) || state=maint
    commands+="set server ready/node-$index state $state; set server live/node-$index state $state; "
  done
  front_ask "$commands" >/dev/null || die 1 'the front end does not take its orders (cluster.sh logs front)'
}

# Whether this front end answers and takes as many nodes for ready as are ready.
front_serves() {
  ask -fs -o /dev/null --max-time 1 "$(front_url)/health/live" && [[ $(front_servers) == "$(count_ready_nodes)" ]]
}

count_ready_nodes() {
  local index count=0
  for ((index = 1; index <= NODES; index++)); do
    ! node_is_ready "$index" || count=$((count + 1))
  done
  printf '%s\n' "$count"
}

# How many servers the current worker takes for ready.
front_servers() {
  local answer
  answer=$(front_ask 'show stat ready 4 -1') || return 1
  grep -c ',UP,' <<<"$answer"
}

# Asks the current worker. With Python, because Debian's tools for Unix sockets are not installed everywhere.
front_ask() { # COMMAND
  python3 -c '
import os, socket, sys
os.chdir(sys.argv[1])
with socket.socket(socket.AF_UNIX) as connection:
    connection.settimeout(10)
    connection.connect("front.sock")
    connection.sendall(sys.argv[2].encode() + b"\n")
    while data := connection.recv(65536):
        sys.stdout.write(data.decode())' "$RUN" "$1" 2>/dev/null
}

stop_front() {
  is_alive front || return 0
  say 'Stopping the front end'
  terminate front
  await_end 10 front
}
