# shellcheck shell=bash
# Steps of `cluster.sh test` that take too long for every run. They run only when named. Each builds into its own
# folder, and builds only what has changed when it is called again.

FUZZ_SECONDS=60

# --- Topologies: the suites with real nodes, on the kinds of Redis that ordinary runs do not use.

check_topologies() {
  local topology broken=()
  for topology in sentinel shards cluster; do
    printf -- '--- %s\n' "$topology"
    HOLDFAST_TEST_TOPOLOGY=$topology TMPDIR=$SCRATCH HOLDFAST_TEST_MEMORY=$MEMORY \
      swift test --experimental-maximum-parallelization-width "$((2 * $(nproc)))" \
      --filter "^ClusterTests\.($(suites_for "$topology"))" || broken+=("$topology")
  done
  ((!${#broken[@]})) || {
    printf 'error: broken on: %s\n' "${broken[*]}"
    return 1
  }
}

# Where keys have other names, or lie on several servers, those suites are left out that write keys of their own into
# Redis, or are about the one server.
suites_for() { # TOPOLOGY
  local suites=(
    Idempotency ReservationLife Caps StockListing Access BadBody BadHTTP Connection KeyForm
    HeavyTests/Sale HeavyTests/KilledNode HeavyTests/Cart HeavyTests/MixedLife HeavyTests/MalformedStorm
    HeavyTests/EndedNodes HeavyTests/LinkFaultTests/Disconnection HeavyTests/LinkFaultTests/LostScripts
  )
  case $1 in
    sentinel) echo . ;;
    shards) (IFS='|' && echo "${suites[*]}|HeavyTests/LinkFault|HeavyTests/RedisChaos") ;;
    cluster) (IFS='|' && echo "${suites[*]}|HeavyTests/RedisCluster") ;;
  esac
}

# --- Sanitizers: tests of code that shares memory between threads or with C, in a build that checks each access.

check_sanitize() {
  local sanitizer broken=()
  for sanitizer in thread address; do
    printf -- '--- %s\n' "$sanitizer"
    sanitize "$sanitizer" || broken+=("$sanitizer")
  done
  ((!${#broken[@]})) || {
    printf 'error: broken under: %s\n' "${broken[*]}"
    return 1
  }
}

# ClusterTests are left out: whole clusters of processes are too slow in such a build. So are tests that go through
# thousands of seeds: they run what other tests run, for an hour. CoordinatorTests start a few
# nodes and coordinators. SwiftPM puts those beside the tests, so they are of this build and are watched, too.
# AddressSanitizer ends such a process, which fails its test. ThreadSanitizer writes to its log and changes its exit
# status. At most one test runs per core, because everything is several times slower. A report of ThreadSanitizer in
# the tests themselves ends the run with status 66.
sanitize() { # SANITIZER
  local options=(--scratch-path ".build/sanitize-$1" --sanitize "$1")
  swift build --build-tests "${options[@]}" \
    && SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 TMPDIR=$SCRATCH HOLDFAST_TEST_MEMORY=$MEMORY \
      swift test --skip-build "${options[@]}" --experimental-maximum-parallelization-width "$(nproc)" \
      --skip 'Simulation|ModelTests|MutantTests|DamageTests|BatchScriptTests' \
      --filter '^(Common|RedisClient|Store|Node|Coordinator|StoreIntegration)Tests\.'
}

# --- Fuzzers: each looks for inputs that reach new code, and for one that breaks a promise. Inputs that reach new code
# stay in the build folder for the next run. Inputs that break a promise go into a folder named at the end.

check_fuzz() {
  local fuzzer broken=()
  local build=(--scratch-path .build/fuzz -c release --product Fuzz --sanitize fuzzer --sanitize address)
  # The build is optimised but keeps assertions. Testability is on, because our tests import internal declarations.
  build+=(-Xswiftc -enable-testing -Xswiftc -assert-config -Xswiftc Debug)
  # SwiftPM keeps sanitizers in a set. In another order, everything would be built again.
  SWIFT_DETERMINISTIC_HASHING=yes HOLDFAST_FUZZ=yes swift build "${build[@]}"
  for fuzzer in "$ROOT"/Tests/Fuzz/Corpus/*; do
    fuzz "${fuzzer##*/}" || broken+=("${fuzzer##*/}")
  done
  ((!${#broken[@]})) || {
    printf 'error: broken: %s. The inputs are in %s\n' "${broken[*]}" "$ROOT/.build/fuzz/findings"
    return 1
  }
}

# The runtime's own backtrace would come before libFuzzer has written its finding.
fuzz() { # NAME
  local reached=.build/fuzz/reached/$1 findings=.build/fuzz/findings
  mkdir -p "$reached" "$findings"
  printf -- '--- %s\n' "$1"
  SWIFT_BACKTRACE=enable=no \
    .build/fuzz/release/Fuzz "--$1" -max_total_time="$FUZZ_SECONDS" -max_len=4096 -timeout=10 -rss_limit_mb=4096 \
    -artifact_prefix="$findings/$1-" -print_final_stats=1 "$reached" "Tests/Fuzz/Corpus/$1"
}
