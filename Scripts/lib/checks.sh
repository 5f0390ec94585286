# shellcheck shell=bash
# `cluster.sh test`: each step runs to its end, even if earlier steps failed. A process that outlives it is reported.

PASSED=0 FAILED=() STEP_PID='' SCRATCH='' MEMORY=''

readonly TELLS_A_FAILURE='✘|↳|error:|^Broken|^Left behind|^Never came true|AssertionError|^SUMMARY: '
readonly STEPS=(shell lua format deploy build swift cluster front page prometheus contract)
readonly LONG_STEPS=(topologies sanitize fuzz) # run only if they are named

command_test() { # [STEP…]
  local step
  for step; do
    one_of test "$step" "${STEPS[@]}" "${LONG_STEPS[@]}" >/dev/null
  done
  (($#)) || set -- "${STEPS[@]}"
  require_packages "${PACKAGES_TO_RUN[@]}" "${PACKAGES_TO_TEST[@]}"
  require_swift
  adopt_orphans "$@"
  FUZZ_SECONDS=$(number HOLDFAST_FUZZ_SECONDS "${HOLDFAST_FUZZ_SECONDS:-$FUZZ_SECONDS}" 1 86400)
  unset "${!HOLDFAST_@}" # the tests are to see only settings of their own
  SCRATCH=$(mktemp -d)
  # For data that a busy disk must not stall.
  MEMORY=$(mktemp -d -p /dev/shm 2>/dev/null) || MEMORY=$SCRATCH
  trap end_test EXIT
  trap 'exit 130' INT TERM
  cd "$ROOT"
  for step; do
    run_step "$step" "check_$step"
  done
  for step in "${FAILED[@]}"; do
    tell_why "$step"
  done
  printf '%s passed, %s failed\n' "$PASSED" "${#FAILED[@]}"
  ((${#FAILED[@]} == 0))
}

# Makes this process the parent of every descendant whose own parent ends. So each process that a step leaves behind is
# found as a child, even if it has left the session or changed its name and environment. The command is started again,
# because only another program can ask the kernel for that.
adopt_orphans() { # STEP…
  [[ -z ${CLUSTER_TEST_ADOPTS:-} ]] || return 0
  CLUSTER_TEST_ADOPTS=yes exec python3 -c '
import ctypes, os, random, signal, socket, sys
PR_SET_CHILD_SUBREAPER = 36
if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
    sys.exit("cluster.sh: the kernel does not let this process adopt its orphans")
# Claims five hundred ports that no other test on this machine has. The claim is a socket name in the kernel that only
# one process can hold, and that ends with that process. Ports from 20000 on are for the Swift tests.
for first in random.sample(range(10000, 20000, 500), 20):
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0holdfast-test-ports-{first}")
    except OSError:
        continue
    claim.set_inheritable(True)
    os.environ["CLUSTER_TEST_PORTS"] = str(first)
    break
else:
    sys.exit("cluster.sh: twenty other tests run on this machine")
signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and so would all that is started from here
os.execv(sys.argv[1], sys.argv[1:])' "$ROOT/Scripts/cluster.sh" test "$@"
}

# The step runs in the background, because a trap would otherwise have to wait for its end. It writes to a file that
# `tail` shows. A pipe would stay open as long as any process left behind held it.
run_step() { # NAME FUNCTION
  local status=0 began=$SECONDS tail log
  log=$(step_log "$1")
  printf '\n=== %s\n' "$1" | tee "$log"
  (
    trap - EXIT INT TERM
    set -e
    "$2"
  ) >>"$log" 2>&1 &
  STEP_PID=$!
  tail -n +3 -s 0.1 -f --pid "$STEP_PID" "$log" &
  tail=$!
  wait "$STEP_PID" || status=$?
  STEP_PID=''
  wait "$tail" || status=1
  end_strays 30 || status=1
  if ((status == 0)); then
    PASSED=$((PASSED + 1))
    printf -- '--- %s passed (%s s)\n' "$1" "$((SECONDS - began))"
  else
    FAILED+=("$1")
    printf -- '--- %s FAILED (%s s)\n' "$1" "$((SECONDS - began))"
  fi
}

step_log() { printf '%s/step-%s.log\n' "$SCRATCH" "$1"; } # NAME

# The important lines of a failed step, at the end, for readers who see only the last lines.
tell_why() { # NAME
  local log
  log=$(step_log "$1")
  printf '\n=== %s failed:\n' "$1"
  grep -aE "$TELLS_A_FAILURE" "$log" | tail -n 30 | grep . || tail -n 20 "$log"
}

# Ends processes that a step has left behind, after a moment for those that are just ending. Fails if there were any.
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
  rm -rf "$SCRATCH" "$MEMORY"
}

# --- The steps

check_shell() {
  local scripts
  mapfile -d '' scripts < <(
    find . -name '.?*' ! -name .ci -prune -o -type f \( -name '*.sh' -o -path ./.ci/run \) -print0
  )
  shellcheck "${scripts[@]}"
  # No test runs a whole bench. This only checks that each can be called.
  local subject
  for subject in reserve failover sweep health store; do
    Benchmarks/run.sh "$subject" --help >/dev/null
  done
}

check_lua() { luacheck --no-color Sources/Store/Lua; }

check_format() { swift format lint --strict --parallel --recursive Package.swift Sources Tests; }

# The steps `cluster` and `front` test the example for HAProxy.
check_deploy() {
  local unit
  promtool check config deploy/prometheus/prometheus.yml
  promtool test rules Tests/Deploy/alerts.test.yml
  for unit in deploy/systemd/*.service; do
    # The exposure is 0 to 10. Fewer rights give a lower value.
    systemd-analyze security --offline=yes --threshold=20 --no-pager "$unit" | tail -n 1
  done
}

# Warnings are searched in the log, because `-warnings-as-errors` for all targets conflicts with `-suppress-warnings`,
# which SwiftPM sets for dependencies. Warnings about those packages are ignored.
check_build() {
  swift build --build-tests 2>&1 | tee "$SCRATCH/build.log"
  if grep 'warning: ' "$SCRATCH/build.log" | grep -v -e '/checkouts/' -e "warning: 'swift-"; then
    echo 'The build must be without warnings'
    return 1
  fi
}

# Files left behind by killed tests are removed with the rest. Hundreds of tests start processes of their own. On a slow
# machine, all at once would delay each other past every deadline.
check_swift() {
  TMPDIR=$SCRATCH HOLDFAST_TEST_MEMORY=$MEMORY \
    swift test --experimental-maximum-parallelization-width "$((4 * $(nproc)))"
}
