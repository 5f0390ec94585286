# shellcheck shell=bash
# The release build of an earlier commit, beside the current one, for comparisons.

EARLIER_BINARY=''

option_value() { # --NAME ARGUMENT…
  local name=$1
  shift
  while (($#)); do
    case $1 in
      "$name=") bad_usage "$name needs a value" ;;
      "$name="*) printf '%s\n' "${1#*=}" ;;
      "$name")
        [[ ${2:---} != --* ]] || bad_usage "$name needs a value"
        printf '%s\n' "$2"
        ;;
    esac
    shift
  done
}

# Sets EARLIER_BINARY to the node of that commit. All commits share one checkout and one build folder, so that only
# differences are built again. Finished builds are kept under the commit's name.
build_earlier() { # REVISION
  local commit place=$ROOT/.build/earlier binaries
  commit=$(git -C "$ROOT" rev-parse --quiet --verify "$1^{commit}") || bad_usage "no such commit: $1"
  EARLIER_BINARY=$place/$commit/holdfast-node
  [[ ! -x $EARLIER_BINARY ]] || return 0
  mkdir -p "$place/$commit"
  [[ -d $place/source ]] || git clone --quiet --shared --no-checkout "$ROOT" "$place/source"
  git -C "$place/source" checkout --quiet --force --detach "$commit"
  [[ ! -e $ROOT/Package.resolved ]] || cp "$ROOT/Package.resolved" "$place/source/" # the same versions of all packages
  say "Building holdfast-node of $1 (release)"
  binaries=$(earlier_swift_build --show-bin-path)
  earlier_swift_build --product holdfast-node >&2
  cp "$binaries/holdfast-node" "$EARLIER_BINARY.new"
  mv "$EARLIER_BINARY.new" "$EARLIER_BINARY"
}

earlier_swift_build() { # OPTION…
  local place=$ROOT/.build/earlier
  swift build --package-path "$place/source" --scratch-path "$place/build" -c release \
    "${RELEASE_OPTIONS[@]}" "$@"
}
