# What the scripts of this repository share. Sourced by bash, from the top of the repository.

# The programs that are needed beside Rust, and the Debian packages that have them.
NEEDED="dockerd:docker.io docker:docker.io iptables:iptables nft:nftables ip:iproute2 cc:gcc strip:binutils curl:curl
qemu-system-x86_64:qemu-system-x86 busybox:busybox-static cpio:cpio depmod:kmod ipvsadm:ipvsadm
docker-registry:docker-registry pebble:pebble cfssl:golang-cfssl"

say() {
    printf '\033[1m==> %s\033[0m\n' "$*"
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

is_root() {
    [ "$(id -u)" = 0 ]
}

# Keeps how long the stages of a script take, and prints it when the script ends, also if a stage has failed. A script that another one
# has called adds to the table of that one.
keep_time() {
    [ -z "${STAGES:-}" ] || return 0
    STAGES=$(mktemp)
    STAGES_BEGAN=$EPOCHSECONDS
    export STAGES STAGES_BEGAN
    at_exit show_time
}

show_time() {
    say "where the time went"
    printf '%7s %7s\n' begun took
    sort -n "$STAGES"
    printf '%7s %5d s  all\n' "" $((EPOCHSECONDS - STAGES_BEGAN))
    rm -f "$STAGES"
}

# Runs a command as a stage of the script: stage TEXT COMMAND...
stage() {
    local what=$1 began=$EPOCHSECONDS status=0
    shift
    say "$what"
    "$@" || status=$?
    [ $status = 0 ] || what="$what: FAILED"
    printf '%5d s %5d s  %s\n' $((began - STAGES_BEGAN)) $((EPOCHSECONDS - began)) "$what" >>"$STAGES"
    return $status
}

# Has a command run when the script ends, before those that were given earlier.
at_exit() {
    AT_EXIT="$*${AT_EXIT:+; $AT_EXIT}"
    # shellcheck disable=SC2064 # As it is now.
    trap "$AT_EXIT" EXIT
}

# The packages of NEEDED whose programs are missing, one a line. The C library's own files are needed to link, and have no program.
missing_packages() {
    local pair
    {
        for pair in $NEEDED; do
            command -v "${pair%%:*}" >/dev/null || echo "${pair##*:}"
        done
        [ -e /usr/include/stdlib.h ] || echo libc6-dev
    } | sort -u
}

# Installs what is missing, without starting the Docker Engine that may come with it: the lab starts engines of its own.
install_missing() {
    local packages
    packages=$(missing_packages | tr '\n' ' ')
    [ -n "$packages" ] || return 0
    command -v apt-get >/dev/null || die "install these first: $packages"
    say "installing $packages"
    local policy=/usr/sbin/policy-rc.d
    local ours=
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        at_exit rm -f $policy
        ours=yes
    fi
    local status=0
    # shellcheck disable=SC2086 # The packages are separate words.
    apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $packages >/dev/null || status=$?
    [ -z "$ours" ] || rm -f $policy
    return $status
}

# Runs cargo as the user who called sudo, if there is one: that user has the tool chain, and should own what is built.
cargo() {
    if is_root && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then
        local home
        home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
        # shellcheck disable=SC2024
        runuser -u "$SUDO_USER" -- env HOME="$home" PATH="$home/.cargo/bin:$PATH" cargo "$@"
    else
        PATH="$PATH:$HOME/.cargo/bin" command cargo "$@"
    fi
}

check_cargo() {
    cargo --version >/dev/null 2>&1 || die "Rust is missing: see https://rustup.rs"
}

# The folder of what is built.
target_dir() {
    echo "${CARGO_TARGET_DIR:-$PWD/target}"
}

# Builds the workload as a static program and prints its path. It has a folder of its own, as its flags would make cargo build
# everything else again.
build_whoami() {
    local triple dir
    triple=$(cargo -vV | sed -n 's/^host: //p')
    dir=$(target_dir)/whoami
    RUSTFLAGS="-C target-feature=+crt-static" CARGO_TARGET_DIR="$dir" \
        cargo build --quiet --locked --package whoami --target "$triple"
    echo "$dir/$triple/debug/whoami"
}
