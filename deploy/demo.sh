#!/bin/bash
# A cluster of three managers on this machine, each with a Docker Engine of its own, and a service that every node answers for.
#
#   sudo deploy/demo.sh           bring it up (what an earlier run left is replaced)
#   sudo deploy/demo.sh status    show it, and ask every node
#   sudo deploy/demo.sh down      take it down, with all its files
#
# The nodes are namespaces. This machine's own Docker Engine, if it has one, is neither used nor changed.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/common.sh

LAB=demo
NODES="node1 node2 node3"
PORT=8000

lab() {
    "$(target_dir)/debug/swarmlite-lab" "$@"
}

# Runs the client against the daemon of a node: on NODE ARGUMENTS...
on() {
    local node=$1
    shift
    (
        eval "$(lab env $LAB "$node")"
        "$(target_dir)/debug/swarmlite" "$@"
    )
}

# How many containers of the service a node runs, as its own engine knows it.
replicas_on() {
    (
        eval "$(lab env $LAB "$1")"
        docker ps --quiet --filter name=whoami | wc -l
    )
}

build() {
    check_cargo
    say "building (the development profile: minutes less than the release profile, and fast enough for this)"
    cargo build --locked --workspace --bins
    WHOAMI=$(build_whoami)
}

up() {
    install_missing
    build
    say "three nodes, each with a Docker Engine of its own"
    lab up $LAB 3 --host-access --swarmlite "$(target_dir)/debug/swarmlite" --whoami "$WHOAMI"

    local first token node
    first=$(lab address $LAB node1)
    say "node1: swarmlite init"
    on node1 init --advertise-addr "$first" >/dev/null
    token=$(on node1 join-token --quiet manager)
    for node in node2 node3; do
        say "$node: swarmlite join --token SWMTKN-1-... $first:2377"
        on $node join --token "$token" --advertise-addr "$(lab address $LAB $node)" "$first:2377"
    done
    say "node1: swarmlite service create --name whoami -p $PORT:8000 --replicas 2 whoami:latest"
    on node1 service create --name whoami --publish $PORT:8000 --replicas 2 whoami:latest
    status
    usage
}

status() {
    say "swarmlite node ls"
    on node1 node ls
    say "swarmlite service ps whoami"
    on node1 service ps whoami
    local node address
    for node in $NODES; do
        address=$(lab address $LAB "$node")
        say "curl $address:$PORT    (twice; $node runs $(replicas_on "$node") of the 2 replicas)"
        answer curl "$address:$PORT"
        answer curl "$address:$PORT"
    done
    for node in $NODES; do
        if [ "$(replicas_on "$node")" = 0 ]; then
            say "curl 127.0.0.1:$PORT    (on $node, which runs none)"
            answer lab exec $LAB "$node" curl "127.0.0.1:$PORT"
        fi
    done
}

# Runs a curl command and shows who answered and whom it saw.
answer() {
    "$@" --silent --show-error --max-time 10 | grep -E '^(Hostname|RemoteAddr):'
}

usage() {
    local program
    program=$(target_dir)/debug
    cat <<END

The cluster runs. To use it from this shell (you have to be root):

    eval "\$($program/swarmlite-lab env $LAB node1)"    # or node2, node3
    alias swarmlite=$program/swarmlite
    swarmlite service scale whoami=5
    curl $(lab address $LAB node3):$PORT
    swarmlite dashboard                         # and open the address that it prints

To see it lose a node, and find it again:

    $program/swarmlite-lab kill $LAB node1      # kill -9 of its daemon
    $program/swarmlite-lab start $LAB node1
    $program/swarmlite-lab cut $LAB node3       # as if its cable were pulled
    $program/swarmlite-lab heal $LAB node3

To take it down:

    sudo deploy/demo.sh down
END
}

is_root || die "the nodes are namespaces, which needs root: sudo deploy/demo.sh"
case ${1:-up} in
    up) up ;;
    down) if [ -e "$(target_dir)/debug/swarmlite-lab" ]; then lab down $LAB; fi ;;
    status) status ;;
    *) die "give up, down or status" ;;
esac
