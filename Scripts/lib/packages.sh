# shellcheck shell=bash disable=SC2034 # the lists are read by cluster.sh and checks.sh
# The Debian packages that a command needs, each with a reason. They are installed if the user may do that, and
# otherwise only named.

readonly PACKAGES_TO_RUN=(redis-server haproxy libhiredis-dev libcurl4-openssl-dev jq curl iproute2 python3)
readonly PACKAGES_TO_TEST=(shellcheck lua-check prometheus openssl python3-venv systemd chromium chromium-driver)
readonly PACKAGES_TO_BENCH_RESERVE=(wrk nodejs node-express node-redis)
readonly PACKAGES_TO_BENCH_HEALTH=(wrk)
readonly PACKAGES_TO_BENCH_STORE=(wrk)
# Debian starts these as system services after their installation.
readonly PACKAGES_WITH_SERVICE=(redis-server haproxy prometheus)
readonly SERVICE_POLICY=/usr/sbin/policy-rc.d

package_reason() {
  case $1 in
    redis-server) echo 'the store' ;;
    haproxy) echo 'the load balancer in front of the nodes' ;;
    python3) echo 'asks the load balancer which nodes it takes for ready' ;;
    libhiredis-dev) echo 'the Redis protocol library that a node is linked with' ;;
    libcurl4-openssl-dev) echo 'the HTTP client library of the health probes' ;;
    jq) echo 'reads and writes JSON in the scripts' ;;
    curl) echo 'asks the nodes whether they are ready' ;;
    iproute2) echo 'its ss tells whether a port is taken, and by whom' ;;
    shellcheck) echo 'checks the shell scripts' ;;
    lua-check) echo 'checks the Lua scripts' ;;
    prometheus) echo 'scrapes a cluster as the examples in deploy say; its promtool checks metrics and alerts' ;;
    openssl) echo 'makes certificates for the tests of TLS to Redis' ;;
    systemd) echo 'its systemd-analyze judges the units in deploy' ;;
    chromium) echo 'the browser that looks at the operator page' ;;
    chromium-driver) echo 'lets the tests steer that browser' ;;
    python3-venv) echo 'holds the tools that test the nodes against openapi.yaml' ;;
    wrk) echo 'the HTTP load generator' ;;
    nodejs) echo 'runs the Express program that the figures are compared with' ;;
    node-express) echo 'the framework of that program' ;;
    node-redis) echo 'the Redis client of that program' ;;
  esac
}

# A tool counts as installed wherever it came from. For libraries, Debian's package database decides.
package_present() {
  case $1 in
    lib*-dev | node-*) dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed ;;
    lua-check) command -v luacheck >/dev/null ;;
    prometheus) command -v promtool >/dev/null ;;
    nodejs) [[ -x /usr/bin/node ]] ;; # Debian's own, which finds Debian's libraries
    chromium-driver) command -v chromedriver >/dev/null ;;
    iproute2) command -v ss >/dev/null ;;
    systemd) command -v systemd-analyze >/dev/null ;;
    python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

require_packages() { # PACKAGE…
  local package missing=() services=()
  for package; do
    package_present "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  for package in "${missing[@]}"; do
    say "Needs the package $package: $(package_reason "$package")"
    [[ " ${PACKAGES_WITH_SERVICE[*]} " != *" $package "* ]] || services+=("$package")
  done
  command -v apt-get >/dev/null || die "$EX_UNAVAILABLE" 'no apt-get here: install what these packages bring by other means'
  ((EUID == 0)) || explain_installation "${missing[@]}"
  say "Installing ${missing[*]}"
  (install_packages "${missing[@]}") || die "$EX_UNAVAILABLE" 'the packages could not be installed'
  for package in "${missing[@]}"; do
    package_present "$package" || die "$EX_UNAVAILABLE" "$package is installed, but what it should bring is not found"
  done
}

# Prints the command to type, and ends. Uses the `services` of its caller.
explain_installation() {
  say 'Installing needs root. Run this, then try again:'
  say "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
  if ((${#services[@]})); then
    say 'Debian starts these as services; Holdfast does not use them as such, so they may be turned off:'
    say "  sudo systemctl disable --now ${services[*]}"
  fi
  exit "$EX_UNAVAILABLE"
}

# Runs in a subshell because of its trap. `--no-remove`: fail rather than remove packages that others use.
install_packages() {
  local service lock
  # One at a time: another installation must not remove the policy file during this one.
  exec {lock}>/run/lock/holdfast-packages.lock || return
  flock "$lock" || return
  if [[ ! -e $SERVICE_POLICY ]]; then
    trap 'rm -f "$SERVICE_POLICY"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$SERVICE_POLICY" # 101: no service is started on installation
    chmod +x "$SERVICE_POLICY"
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update >&2 || return
  apt-get -qq install -y --no-install-recommends --no-remove "$@" >&2 || return
  # Only services that did not exist before, so that nobody relies on them.
  for service in "${services[@]}"; do
    service "$service" stop >&2 || say "The service $service did not run"
    update-rc.d "$service" disable >&2 || say "The service $service could not be disabled: it may start at boot"
  done
}
