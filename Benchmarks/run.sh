#!/usr/bin/env bash
# Measures a subject on this machine: Benchmarks/run.sh reserve|failover|sweep|health|store [--json] … (--help tells the
# rest). Scripts/cluster.sh bench calls this, after it has installed what is needed and made the release builds.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

require_binary() { # VARIABLE
  if [[ ! -x ${!1:-} ]]; then
    echo "bench: $1 names no release build; use Scripts/cluster.sh bench" >&2
    exit 69
  fi
}

if [[ " $* " != *" --help "* ]]; then
  require_binary HOLDFAST_NODE_BINARY
  [[ ${1:-} != health ]] || require_binary HOLDFAST_COORDINATOR_BINARY
fi
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$root/Benchmarks/bench.py" "$@"
