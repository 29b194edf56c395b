#!/bin/bash
# Measures the data plane: what balancing costs, with each balancer. Prints tables and asserts no seconds.
#
#   sudo tests/bench.sh         on this machine's kernel, then in the virtual machine, whose kernel has IPVS
#
# Figures of the virtual machine are those of an emulated processor: they tell balancers from each other and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/common.sh

is_root || die "network namespaces need root"
install_missing
check_cargo

say "building"
cargo build --locked --workspace --bins
BENCH=$(cargo bench --locked --workspace --bench dataplane --no-run --message-format=json |
    sed -n 's/.*"name":"dataplane".*"executable":"\([^"]*\)".*/\1/p')

say "the data plane on this machine's kernel"
timeout --kill-after=30 5m "$BENCH" --bench
say "the data plane in a virtual machine, whose kernel has IPVS"
timeout --kill-after=30 15m "$(target_dir)/debug/swarmlite-lab" machine --minutes 14 "$BENCH" -- --bench
