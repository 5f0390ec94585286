#!/usr/bin/env bash
# Checks a running node against its contract: the document is valid OpenAPI, the node serves it byte for byte, and
# schemathesis finds no answer that the document does not allow. It takes about half a minute. The node must be an open
# shop (no client token) with a Redis that may be filled with test data, and must have no other audits to do.
set -euo pipefail

if [[ $# -lt 1 || $# -gt 2 ]]; then
  echo "usage: $0 URL [ADMIN_TOKEN]    (the token may come as HOLDFAST_ADMIN_TOKEN instead)" >&2
  exit 64
fi
url=${1%/}
# From here on the token is in the environment, because arguments show in the process list.
export HOLDFAST_ADMIN_TOKEN=${2:-${HOLDFAST_ADMIN_TOKEN:?no admin token given}}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
document=$(cd "$here/../../Sources/Node/OpenAPI" && pwd)/openapi.yaml
schemathesis=$(command -v "${SCHEMATHESIS:-schemathesis}") || {
  echo "schemathesis not found: pip install schemathesis==4.32.5 openapi-spec-validator==0.9.0 (or set SCHEMATHESIS)" >&2
  exit 69
}
# Both tools come from one virtual environment, which need not be on the PATH.
PATH=$(dirname "$schemathesis"):$PATH

# schemathesis writes into its working directory.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

fetch() {
  curl -q --noproxy '*' --fail-with-body --silent --show-error --max-time 60 "$@"
}

openapi-spec-validator "$document"

fetch --output served.yaml "$url/openapi.yaml"
cmp "$document" served.yaml

member() {  # the quoted value of the string member $1 of the JSON on standard input
  grep --only-matching --extended-regexp "\"$1\" *: *\"[^\"]+\"" | grep --only-matching '"[^"]*"$' || {
    echo "no $1 in an answer of $url" >&2
    return 1
  }
}

# Reservations and a cursor for the calls that take one. Every fifth reservation expires at once.
printf 'Authorization: Bearer %s\n' "$HOLDFAST_ADMIN_TOKEN" >admin-header
for sku in moka-pot-6 grinder-burr.steel; do
  fetch --request PUT --header @admin-header --json '{"total":500000000}' --output stock.json "$url/inventory/$sku"
done
for ((i = 0; i < 40; i++)); do
  ttl=$((i % 5 ? 3600 : 1))
  fetch --json "{\"items\":[{\"sku\":\"moka-pot-6\",\"quantity\":1},{\"sku\":\"grinder-burr.steel\",\"quantity\":2}],\"ttlSeconds\":$ttl}" \
    "$url/inventory/reserve" | member reservationId
done >reservations.txt
fetch --header @admin-header "$url/inventory?limit=1" | member nextCursor >cursors.txt

cp "$here/schemathesis.toml" .
export SCHEMATHESIS_HOOKS=$here/hooks.py PYTHONDONTWRITEBYTECODE=1
# The time limits are for a node that hangs. Reaching one is a failure.
timeout --signal=INT --kill-after=60 1200 \
  "$schemathesis" run "$document" --url "$url" --request-timeout 60 --phases examples,coverage,fuzzing,stateful --no-color
