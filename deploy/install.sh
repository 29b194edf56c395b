#!/bin/bash
# Installs swarmlite on this Debian machine: the program, its service, its shell completion.
#
#   sudo deploy/install.sh                    builds the program first, which needs Rust
#   sudo deploy/install.sh --binary PATH      installs that program
#   sudo deploy/install.sh --witness ...      the same on a machine that is to be a witness, without what runs and reaches containers
#   sudo deploy/install.sh --uninstall        removes all three; the node's state in /var/lib/swarmlite stays
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/common.sh

PROGRAM=/usr/local/bin/swarmlite
UNIT=/etc/systemd/system/swarmlite.service
COMPLETION=/usr/share/bash-completion/completions/swarmlite

has_systemd() {
    [ -d /run/systemd/system ]
}

# What the daemon works with: the engine, and the programs that write the kernel's packet rules.
install_needs() {
    local packages=()
    command -v dockerd >/dev/null || packages+=(docker.io)
    command -v nft >/dev/null || packages+=(nftables)
    command -v iptables >/dev/null || packages+=(iptables)
    [ ${#packages[@]} != 0 ] || return 0
    command -v apt-get >/dev/null || die "install these first: ${packages[*]}"
    say "installing ${packages[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "${packages[@]}" >/dev/null
}

uninstall() {
    if has_systemd && [ -e $UNIT ]; then
        systemctl disable --now swarmlite
    fi
    rm -f $PROGRAM $UNIT $COMPLETION
    if has_systemd; then systemctl daemon-reload; fi
    say "removed; the node's state is still in /var/lib/swarmlite"
}

install_files() {
    local binary=$1
    install -m 755 "$binary" $PROGRAM
    install -D -m 644 deploy/systemd/swarmlite.service $UNIT
    mkdir -p "$(dirname $COMPLETION)"
    $PROGRAM completion bash >$COMPLETION
    if has_systemd; then
        systemctl daemon-reload
        systemctl enable swarmlite
        systemctl restart swarmlite
        say "installed and running: now \`swarmlite init\`, or \`swarmlite join\` with the token of a cluster"
    else
        say "installed; there is no systemd here: start \`swarmlite daemon\` yourself"
    fi
}

is_root || die "installing needs root: sudo deploy/install.sh"
witness=false
if [ "${1:-}" = --witness ]; then
    witness=true
    shift
fi
case ${1:-} in
    --uninstall)
        uninstall
        exit
        ;;
    --binary)
        [ -f "${2:-}" ] || die "there is no program ${2:-}"
        binary=$2
        ;;
    "")
        check_cargo
        say "building (some minutes)"
        cargo build --locked --release --package swarmlite-cli
        binary=$(target_dir)/release/swarmlite
        ;;
    *) die "unknown option $1" ;;
esac
$witness || install_needs
install_files "$binary"
