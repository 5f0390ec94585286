# shellcheck shell=bash
# Starts, finds and ends processes that outlive this script, by name. Also checks their ports.

# curl for servers on this machine. A ~/.curlrc or a proxy in the environment is not meant for them.
ask() { curl -q --noproxy '*' "$@"; } # OPTION… URL

# The same for programs started from here, such as Python and a browser.
bypass_proxies() {
  local name
  for name in no_proxy NO_PROXY; do
    export "$name=127.0.0.1,localhost,::1${!name:+,${!name}}"
  done
}

# Fields of /proc/PID/stat after the name. The start time, in ticks since boot, tells a process from a later one with
# the same pid.
readonly STAT_STATE=0 STAT_START=19

# Prints a field. Fails for a dead process, also if it is not reaped yet.
process_stat() { # PID FIELD
  local stat fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }" # from the state on: the name before it may hold blanks and brackets
  [[ ${fields[STAT_STATE]} != [ZX] ]] || return 1
  printf '%s\n' "${fields[$2]}"
}

# Prints the pid of a living process. Fails if there is none.
pid_of() { # NAME
  local pid recorded actual
  { read -r pid recorded <"$RUN/$1.pid"; } 2>/dev/null || return 1
  actual=$(process_stat "$pid" "$STAT_START") && [[ $actual == "$recorded" ]] || return 1
  printf '%s\n' "$pid"
}

is_alive() { pid_of "$1" >/dev/null; }

# Whether it lives but is stopped by SIGSTOP.
is_stopped() { # NAME
  local pid state
  pid=$(pid_of "$1") && state=$(process_stat "$pid" "$STAT_STATE") && [[ $state == [Tt] ]]
}

is_running() { is_alive "$1" && ! is_stopped "$1"; }

# Starts a command in a new session with no open file except its log. So it does not depend on the terminal, and does
# not keep a pipe of the caller or the lock of this script open.
spawn() { # NAME COMMAND…
  local name=$1 fd
  shift
  (
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      ((fd <= 2)) || exec {fd}>&-
    done
    exec setsid "$@" </dev/null >>"$LOGS/$name.log" 2>&1
  ) &
  printf '%s %s\n' "$!" "$(process_stat "$!" "$STAT_START")" >"$RUN/$name.pid"
}

# Starts a command with only the settings that a function prints, and none of this shell's. They are exported and not
# given to `env`, because its arguments would show secrets in the process list.
spawn_with() { # 'FUNCTION ARGUMENTS' NAME COMMAND…
  (
    unset "${!HOLDFAST_@}"
    while IFS= read -r -d '' entry; do
      export "${entry?}"
    done < <($1)
    spawn "${@:2}"
  )
}

# Whether a process runs from the latest build of this binary, with the settings that a function prints.
is_current() { # NAME BINARY 'FUNCTION ARGUMENTS'
  local pid
  pid=$(pid_of "$1") || return 1
  [[ "/proc/$pid/exe" -ef $2 ]] || return 1
  cmp -s <($3 | sort -z) <(grep -z '^HOLDFAST_' "/proc/$pid/environ" | sort -z)
}

# Waits until a probe succeeds. If it does not, or the process dies, shows the end of the log and ends the script.
await() { # NAME SECONDS PROBE…
  local name=$1 deadline=$((SECONDS + $2)) problem='' why
  shift 2
  until "$@"; do
    is_alive "$name" || problem='ended at its start'
    ((SECONDS < deadline)) || problem='is not ready in time'
    if [[ -n $problem ]]; then
      tail -n 15 "$LOGS/$name.log" >&2
      why=$(why_not_ready "$name")
      die 1 "$name $problem${why:+ ($why)}; its log ends as above ($LOGS/$name.log)"
    fi
    sleep 0.1
  done
}

send() { # SIGNAL NAME
  local pid
  if pid=$(pid_of "$2"); then
    # The process may have ended meanwhile.
    kill -"$1" "$pid" 2>/dev/null || return 0
  fi
}

# Asks processes to end, all at once.
terminate() { # NAME…
  local name
  for name; do
    send TERM "$name"
    send CONT "$name" # one that is stopped hears nothing else before
  done
}

# Waits for processes that were asked to end, and kills those that do not end.
await_end() { # SECONDS NAME…
  local bound=$1 deadline=$((SECONDS + $1)) name
  shift
  for name; do
    while is_alive "$name" && ((SECONDS < deadline)); do
      sleep 0.1
    done
    if is_alive "$name"; then
      say "$name (pid $(pid_of "$name")) did not end within $bound s: killed"
      send KILL "$name"
      while is_alive "$name"; do sleep 0.1; done
    fi
    rm -f "$RUN/$name.pid"
  done
}

# The process that listens on a port. Prints nothing if there is none.
port_holder() { # PORT
  local listeners pattern='"([^"]*)",pid=([0-9]+)'
  listeners=$(ss -Hltnp "sport = :$1")
  if [[ $listeners =~ $pattern ]]; then
    printf 'process %s (%s)\n' "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}"
  elif [[ -n $listeners ]]; then
    printf 'a process of another user\n'
  fi
}

# Ends the script if the port of a process that is to be started is taken.
require_port() { # NAME PORT
  local holder
  is_alive "$1" && return
  holder=$(port_holder "$2")
  [[ -z $holder ]] \
    || die 1 "port $2, meant for $1, is taken by $holder: end that, or choose other ports (up --port)"
}

# The first of a hundred consecutive free ports, from those that this test has claimed (see adopt_orphans).
free_port_block() {
  local port
  while true; do
    port=$((CLUSTER_TEST_PORTS + RANDOM % 5 * 100))
    [[ -n $(ss -Hltn "sport >= :$port and sport <= :$((port + 99))") ]] || break
  done
  printf '%s\n' "$port"
}
