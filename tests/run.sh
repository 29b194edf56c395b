#!/bin/bash
# The test command: unit and property tests, then the lab, on which everything runs as users run it.
#
#   sudo tests/run.sh           everything; installs from Debian packages what is missing
#   sudo tests/run.sh NAME      of the tests on the lab those whose name contains NAME, and nothing else
#   tests/run.sh                what needs no root, and says what it left out
#   sudo SWARMLITE_LOAD=full tests/run.sh load::      what is done under load as often as is promised, in about an hour
#
# Every stage has a limit, so that a hang is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/common.sh

# Runs a command of at most MINUTES: limited MINUTES COMMAND...
limited() {
    local minutes=$1 status=0
    shift
    timeout --kill-after=30 "${minutes}m" "$@" || status=$?
    [ $status != 124 ] || die "not done after $minutes minutes: $*"
    return $status
}

if is_root; then
    install_missing
fi
check_cargo

# A snapshot that differs is a failure and not a new file.
export INSTA_UPDATE=no

say "building"
cargo build --locked --workspace --all-targets
WHOAMI=$(build_whoami)

if [ $# = 0 ]; then
    say "unit and property tests"
    export -f cargo is_root
    limited 10 bash -c 'cargo test --locked --workspace --lib --bins && cargo test --locked --workspace --doc'
fi

# Prints the path of a test program: test_program PACKAGE NAME. Such programs are built by whoever owns the tree, but run by root.
test_program() {
    cargo test --locked --package "$1" --test "$2" --no-run --message-format=json 2>/dev/null |
        sed -n "s/.*\"name\":\"$2\".*\"executable\":\"\([^\"]*\)\".*/\1/p"
}

export SWARMLITE_LAB_SWARMLITE="$(target_dir)/debug/swarmlite" SWARMLITE_LAB_WHOAMI="$WHOAMI"
export SWARMLITE_LAB_DATAPLANE="$(test_program swarmlite-agent dataplane)"
say "the data plane on this machine's kernel"
limited 5 "$SWARMLITE_LAB_DATAPLANE" "$@"
say "the data plane in a virtual machine, whose kernel has IPVS"
limited 22 "$(test_program swarmlite-tests vm)" "$@"
say "the lab"
limited 3 "$(test_program swarmlite-tests lab)" "$@"
say "end to end, on three managers and a worker, twice side by side: clusters that are used, and clusters in trouble"
[ "${SWARMLITE_LOAD:-}" = full ] && minutes=90 || minutes=25
E2E=$(test_program swarmlite-tests e2e)
TROUBLE=$(mktemp)
SWARMLITE_E2E_GROUP=trouble SWARMLITE_E2E_LAB=trouble limited $minutes "$E2E" "$@" >"$TROUBLE" 2>&1 &
status=0
SWARMLITE_E2E_GROUP=use limited $minutes "$E2E" "$@" || status=$?
wait $! || status=$?
cat "$TROUBLE"
rm -f "$TROUBLE"
exit $status
