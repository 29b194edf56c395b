#!/bin/bash
# The test command: unit and property tests, then the lab, on which everything runs as users run it.
#
#   sudo tests/run.sh           everything; installs from Debian packages what is missing
#   sudo tests/run.sh NAME      of the tests on the lab those whose name contains NAME, and nothing else
#   sudo tests/docker-py.sh     those that docker-py has
#   tests/run.sh                what needs no root, and says what it left out
#   sudo SWARMLITE_LOAD=full tests/run.sh load::      what is done under load as often as is promised, in about an hour
#
# Every stage has a limit, so that a hang is a failure. In the end stands where the time went.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/common.sh
WORK=$(mktemp -d)
at_exit rm -rf "$WORK"
keep_time

# Runs a command of at most MINUTES: limited MINUTES COMMAND...
limited() {
    local minutes=$1 status=0
    shift
    timeout --kill-after=30 "${minutes}m" "$@" || status=$?
    [ $status != 124 ] || die "not done after $minutes minutes: $*"
    return $status
}

# Runs a stage beside those that follow: beside TEXT COMMAND... What it prints comes when it is waited for, by `join`.
beside() {
    stage "$@" >"$WORK/beside" 2>&1 &
    BESIDE=$!
    # `timeout` passes the signal on to all that it runs.
    at_exit kill_beside
}

kill_beside() {
    [ -z "$BESIDE" ] || pkill --signal TERM --parent "$BESIDE" || true
}

join() {
    local status=0
    wait "$BESIDE" || status=$?
    BESIDE=
    cat "$WORK/beside"
    return $status
}

# All programs and all tests in one go, as cargo would compile the dependencies of a single package once more, with fewer features.
# What cargo says of them is kept for `test_program`.
build() {
    cargo build --locked --workspace --bins --tests --message-format=json-render-diagnostics >"$WORK/built"
}

# Prints the path of a test program. Such programs are built by whoever owns the tree, but run by root.
test_program() {
    sed -n "s/.*\"kind\":\[\"test\"\].*\"name\":\"$1\".*\"executable\":\"\([^\"]*\)\".*/\1/p" "$WORK/built"
}

unit_tests() {
    limited 10 bash -c 'cargo test --locked --workspace --lib --bins --test repository --test simulation && cargo test --locked --workspace --doc'
}

if is_root; then
    stage "what is missing" install_missing
fi
check_cargo

# A snapshot that differs is a failure and not a new file.
export INSTA_UPDATE=no
export -f cargo is_root

stage "building" build
stage "building the workload" build_whoami >"$WORK/whoami"
E2E=$(test_program e2e)
SWARMLITE_LAB_SWARMLITE=$(target_dir)/debug/swarmlite
SWARMLITE_LAB_NEXT=$(target_dir)/debug/swarmlite-next
SWARMLITE_LAB_WHOAMI=$(tail -1 "$WORK/whoami")
SWARMLITE_LAB_DATAPLANE=$(test_program dataplane)
export SWARMLITE_LAB_SWARMLITE SWARMLITE_LAB_NEXT SWARMLITE_LAB_WHOAMI SWARMLITE_LAB_DATAPLANE

# A stage that fails does not keep the others from being run: all that is wrong is seen at once.
status=0
# The machine's processor is emulated, on one core for most of the time.
beside "the data plane in a virtual machine, whose kernel has IPVS" limited 30 "$(test_program vm)" "$@"
if [ $# = 0 ]; then
    stage "unit and property tests" unit_tests || status=$?
fi
stage "the data plane on this machine's kernel" limited 5 "$SWARMLITE_LAB_DATAPLANE" "$@" || status=$?
stage "the lab" limited 3 "$(test_program lab)" "$@" || status=$?
if [ $# = 0 ] && is_root; then
    stage "the tests of docker-py" limited 6 tests/docker-py.sh || status=$?
elif [ $# = 0 ]; then
    say "left out, as this is not root: the tests of docker-py"
fi
join || status=$?

[ "${SWARMLITE_LOAD:-}" = full ] && minutes=90 || minutes=25
end_to_end() {
    SWARMLITE_E2E_GROUP=$1 SWARMLITE_E2E_LAB=$1 limited $minutes "$E2E" "${@:2}"
}
# On three managers and a worker, twice side by side.
beside "end to end: clusters in trouble" end_to_end trouble "$@"
stage "end to end: clusters that are used" end_to_end use "$@" || status=$?
join || status=$?
exit $status
