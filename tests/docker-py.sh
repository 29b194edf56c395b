#!/bin/bash
# docker-py's own integration tests of swarm mode and networks, run against a daemon that is in no swarm: what a client written by others
# expects.
#
#   sudo tests/docker-py.sh                    all files; prints what passed and what failed of each
#   sudo tests/docker-py.sh -k create_secret   with further options for pytest
#
# Both the tests and the library are those of docker-py's source package, the last one on PyPI that has tests. SWARMLITE_DOCKER_PY names the
# folder of another version's. Nothing is written there. The images that they ask for are made of Debian's busybox, as no registry is asked.
# SWARMLITE_LAB_SWARMLITE and SWARMLITE_LAB_WHOAMI are the programs, which are built if they are not set; SWARMLITE_E2E_LAB names the lab, so
# that two runs do not meet.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/common.sh

LAB=${SWARMLITE_E2E_LAB:-docker-py}
VERSION=6.1.3
SHA256=aa6d17830045ba5ef0168d5eaa34d37beeb113948c413affe1d5991fc11f9a20
FILES="api_service api_swarm api_secret api_config models_services models_swarm models_nodes api_network models_networks"
IMAGES="alpine:3.10 alpine:latest busybox:latest"
# How long the tests of one file may take, in minutes.
LIMIT=5

lab() {
    "$(target_dir)/debug/swarmlite-lab" "$@"
}

# Debian's, which has Debian's packages, whichever else there is.
python() {
    PYTHONPATH=$SOURCE PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$@"
}

install_python() {
    /usr/bin/python3 -c 'import paramiko, pip, pytest, requests, websocket' 2>/dev/null && return
    say "installing what docker-py needs"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        python3-paramiko python3-pip python3-pytest python3-requests python3-websocket >/dev/null
}

# Fetches the source package, unless it is there, and prints its folder.
fetch() {
    local folder
    folder=$(target_dir)/docker-py
    if [ ! -d "$folder/docker-$VERSION" ]; then
        mkdir -p "$folder"
        echo "docker==$VERSION --hash=sha256:$SHA256" >"$folder/requirements.txt"
        /usr/bin/python3 -m pip --quiet --disable-pip-version-check download --no-deps --no-binary docker --require-hashes \
            --requirement "$folder/requirements.txt" --dest "$folder"
        tar -C "$folder" -xf "$folder/docker-$VERSION.tar.gz"
    fi
    echo "$folder/docker-$VERSION"
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

# Makes the images in the engine that DOCKER_HOST names.
make_images() {
    local root image
    root=$(mktemp -d)
    mkdir -p "$root/bin" "$root/etc" "$root/tmp"
    cp "$(command -v busybox)" "$root/bin/busybox"
    busybox --list | while read -r applet; do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    echo "root:x:0:0:root:/:/bin/sh" >"$root/etc/passwd"
    echo "root:x:0:" >"$root/etc/group"
    for image in $IMAGES; do
        tar -C "$root" -c . | docker import --change 'CMD ["sh"]' - "$image" >/dev/null
    done
    rm -r "$root"
}

# Runs the tests of one file: what became of them on one line, and those that failed. That docker-py does not close all of its sockets is
# a warning of Python's, which the tests make an error and pytest finds in whichever test comes next: not looked for.
run_file() {
    local file=$1 log status=0
    shift
    log=$(mktemp)
    (
        cd "$SOURCE"
        DOCKER_HOST=$SWARMLITE_HOST timeout --kill-after=30 "${LIMIT}m" /usr/bin/env PYTHONPATH="$SOURCE" PYTHONDONTWRITEBYTECODE=1 \
            /usr/bin/python3 -m pytest -p no:cacheprovider -p no:unraisableexception -q --tb=short -rfE "$@" "tests/integration/${file}_test.py"
    ) >"$log" 2>&1 || status=$?
    case $status in
    0 | 5) ;; # 5: options have left no test.
    *) FAILED=1 ;;
    esac
    printf '%-16s %s\n' "$file" "$(tail -1 "$log")"
    grep -E '^(FAILED|ERROR) ' "$log" | sed 's/^/    /' || true
    if [ -n "${SWARMLITE_DOCKER_PY_LOGS:-}" ]; then
        cp "$log" "$SWARMLITE_DOCKER_PY_LOGS/$file.log"
    fi
    rm "$log"
}

is_root || die "the tests need a lab, and a lab needs root"
install_missing
install_python
SOURCE=$(realpath "${SWARMLITE_DOCKER_PY:-$(fetch)}")
[ -f "$SOURCE/tests/integration/api_swarm_test.py" ] || die "$SOURCE has no tests of docker-py"
build
say "one node, in no swarm"
at_exit lab down "$LAB"
lab up "$LAB" 1
eval "$(lab env "$LAB" node1)"
make_images
# The newest version that the node's engine speaks, too: containers and volumes are its business.
DOCKER_TEST_API_VERSION=$(DOCKER_HOST=$SWARMLITE_HOST docker version --format '{{.Server.APIVersion}}')
export DOCKER_TEST_API_VERSION
say "docker-py $(python -c 'import docker; print(docker.__version__)'), API $DOCKER_TEST_API_VERSION"
FAILED=
for file in $FILES; do
    run_file "$file" "$@"
done
[ -z "$FAILED" ]
