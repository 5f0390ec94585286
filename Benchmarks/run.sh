#!/usr/bin/env bash
# Measures a subject on this machine: Benchmarks/run.sh reserve [--json] [--seconds N] … (--help tells the rest).
# Needs the release build of the node, which Scripts/cluster.sh bench makes first.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

packages=()
need() { # package, reason, path or command
  command -v "$3" >/dev/null || [[ -e $3 ]] || {
    packages+=("$1")
    echo "bench: $1 is missing: $2" >&2
  }
}
need python3 'runs the bench' python3
need redis-server 'the store' redis-server
need redis-tools 'redis-benchmark' redis-benchmark
need wrk 'puts load on HTTP' wrk
need nodejs 'runs the Express baseline' /usr/bin/node
need node-express 'the baseline to compare with' /usr/share/nodejs/express
need node-redis "the baseline's Redis client" /usr/share/nodejs/redis
if ((${#packages[@]})); then
  install=(apt-get install -y --no-install-recommends "${packages[@]}")
  if ((EUID)); then
    echo "bench: please run: sudo ${install[*]}" >&2
    exit 69
  fi
  echo "bench: ${install[*]}" >&2
  DEBIAN_FRONTEND=noninteractive "${install[@]}" >&2
fi

if [[ -z ${HOLDFAST_NODE_BINARY:-} ]]; then
  HOLDFAST_NODE_BINARY=$(swift build --package-path "$root" -c release --show-bin-path)/holdfast-node
fi
if [[ ! -x $HOLDFAST_NODE_BINARY ]]; then
  echo "bench: no release build of the node at $HOLDFAST_NODE_BINARY; run: swift build -c release" >&2
  exit 69
fi
export HOLDFAST_NODE_BINARY PYTHONDONTWRITEBYTECODE=1
exec python3 "$root/Benchmarks/bench.py" "$@"
