#!/usr/bin/env bash
# Measures a subject on this machine: Benchmarks/run.sh reserve|failover|sweep [--json] … (--help tells the rest).
# Scripts/cluster.sh bench calls this, after it has installed what is needed and made the release build of the node.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

if [[ ! -x ${HOLDFAST_NODE_BINARY:-} && " $* " != *" --help "* ]]; then
  echo 'bench: HOLDFAST_NODE_BINARY names no release build of the node; use Scripts/cluster.sh bench' >&2
  exit 69
fi
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$root/Benchmarks/bench.py" "$@"
