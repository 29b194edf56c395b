#!/bin/bash
# The page of `swarmlite dashboard` in a real browser: a lab of three managers, every view, what it shows and what it does.
#
#   sudo tests/page.sh                 pictures of what was seen are in target/page
#
# Not part of tests/run.sh: Debian's chromium and its driver, which are installed if they are missing, are several hundred megabytes.
# SWARMLITE_LAB_SWARMLITE and SWARMLITE_LAB_WHOAMI are the programs, which are built if they are not set; SWARMLITE_E2E_LAB names the lab, so
# that two runs do not meet. SWARMLITE_E2E_KEEP=1 leaves its cluster running.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/common.sh

LAB=${SWARMLITE_E2E_LAB:-page}
PICTURES=$(target_dir)/page
# How long the browser may take, in minutes.
LIMIT=10

lab() {
    "$(target_dir)/debug/swarmlite-lab" "$@"
}

install_browser() {
    command -v chromium >/dev/null && command -v chromedriver >/dev/null && [ -x /usr/bin/python3 ] && return
    say "installing a browser"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium chromium-driver fonts-dejavu-core python3 >/dev/null
}

build() {
    if [ -z "${SWARMLITE_LAB_SWARMLITE:-}" ] || [ -z "${SWARMLITE_LAB_WHOAMI:-}" ]; then
        check_cargo
        say "building"
        cargo build --locked --workspace --bins
        SWARMLITE_LAB_SWARMLITE=$(target_dir)/debug/swarmlite
        SWARMLITE_LAB_WHOAMI=$(build_whoami)
    fi
    export SWARMLITE_LAB_SWARMLITE SWARMLITE_LAB_WHOAMI
}

# Runs the client against the daemon of a node: on NODE ARGUMENTS...
on() {
    local node=$1
    shift
    (
        eval "$(lab env "$LAB" "$node")"
        "$SWARMLITE_LAB_SWARMLITE" "$@"
    )
}

# Three managers and what they run: services that can be looked at, and one that no node can have.
make_cluster() {
    local first token node
    lab up "$LAB" 3
    first=$(lab address "$LAB" node1)
    on node1 init --advertise-addr "$first" >/dev/null
    token=$(on node1 join-token --quiet manager)
    for node in node2 node3; do
        on $node join --token "$token" --advertise-addr "$(lab address "$LAB" $node)" "$first:2377" >/dev/null
    done
    # What an engine says about images that no registry has is of no interest here.
    on node1 network create --driver overlay back >/dev/null
    on node1 service create --quiet --name web --publish 8080:8000 --replicas 6 --update-delay 5s --update-order start-first \
        --reserve-memory 64M --reserve-cpu 0.1 whoami:latest >/dev/null 2>&1
    on node1 service create --quiet --name api --network back --replicas 3 --label 'team=<b>blue</b>' whoami:latest >/dev/null 2>&1
    on node1 service create --quiet --name watch --mode global whoami:latest >/dev/null 2>&1
    on node1 service create --detach --quiet --name search --replicas 2 --constraint node.labels.disk==ssd whoami:latest >/dev/null 2>&1
}

# Starts `swarmlite dashboard` on a free port; ADDRESS is what it prints.
start_dashboard() {
    local printed
    printed=$(mktemp)
    # Not in a subshell that outlives it: what is ended at the end is the program itself.
    eval "$(lab env "$LAB" node1)"
    "$SWARMLITE_LAB_SWARMLITE" dashboard --listen 127.0.0.1:0 >"$printed" 2>/dev/null &
    at_exit kill $!
    while ! grep -q token= "$printed"; do
        kill -0 $! || die "swarmlite dashboard has ended"
        sleep 0.1
    done
    ADDRESS=$(head -1 "$printed")
    rm "$printed"
}

is_root || die "the test needs a lab, and a lab needs root"
install_missing
install_browser
build
say "three managers"
[ -n "${SWARMLITE_E2E_KEEP:-}" ] || at_exit lab down "$LAB"
make_cluster
start_dashboard
mkdir -p "$PICTURES"
say "the page"
LAB_PROGRAM=$(target_dir)/debug/swarmlite-lab
export SWARMLITE_E2E_LAB=$LAB LAB_PROGRAM PYTHONDONTWRITEBYTECODE=1
timeout --kill-after=30 "${LIMIT}m" /usr/bin/python3 tests/page/page.py "$ADDRESS" "$PICTURES"
