# Prints what the kernel of a node holds: for the node itself, then for each of its named network namespaces. Counters, indexes and
# timeouts are left out: they change without anything being made or removed. So is whether a link has a carrier: the engine's
# bridge loses it some time after its last container has gone.
# Run as `sh -c "$SCRIPT"` with, in the environment, SCRIPT, this text, and DAEMON, the folder of the namespaces of the
# node's daemon.

carrierless() {
    sed -E 's/@if[0-9]*/@/; s/^([^ ]+) +(UP|DOWN|UNKNOWN) +/\1 /; s/NO-CARRIER,//; s/,LOWER_UP//; s/ *$//'
}

network() {
    echo "# $1: links"
    ip -br link | carrierless | sort
    echo "# $1: addresses"
    ip -br -4 address | carrierless | sort
    echo "# $1: routes"
    ip -4 route show table all | sed 's/ linkdown//; s/ *$//' | sort
    echo "# $1: rules"
    ip -4 rule
    echo "# $1: neighbours"
    ip -4 neigh show nud permanent | sort
    echo "# $1: forwarding"
    bridge fdb show | grep -v ' dev \(docker0\|docker_gwbridge\|eth0\)' | sort
    echo "# $1: nftables"
    nft -s list ruleset 2>/dev/null |
        sed -E 's/counter packets [0-9]+ bytes [0-9]+/counter/; s/ expires [0-9a-z]+//g'
}

if [ "$1" = one ]; then
    network "$2"
    exit
fi
network node
for file in /run/netns/* "$DAEMON"/*; do
    [ -e "$file" ] && nsenter --net="$file" sh -c "$SCRIPT" sh one "${file##*/}"
done
# The mounts and not the files: the engine removes its files up to a minute after the namespace is gone.
echo "# namespaces"
grep ' - nsfs ' /proc/self/mountinfo | cut -d ' ' -f 5 | sort
echo "# sockets of plugins"
ls /run/docker/plugins | sort
