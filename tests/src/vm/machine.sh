# Makes the kernel and the files of the virtual machine. Run as `bash -c "$SCRIPT" bash CACHE OUT PROGRAM [ARGUMENT...]`: leaves
# in the folder OUT the files `kernel` and `initramfs`, of a machine that runs PROGRAM and ends. Debian's package of the kernel is
# kept unpacked in the folder CACHE.
set -euo pipefail
cache=$1 out=$2 program=$3
shift 2

# What the data plane needs of the kernel. What these depend on comes along, and the kernel asks for most by itself (expressions of
# nftables, schedulers), so that the machine has to be able to load them.
MODULES="ip_vs ip_vs_rr ip_vs_wrr ip_vs_lc ip_vs_wlc ip_vs_mh ip_vs_sh
    nf_conntrack nf_conntrack_netlink nf_nat nf_tables nft_chain_nat nft_compat nft_ct nft_fib_ipv4 nft_hash nft_limit nft_log nft_masq
    nft_nat nft_numgen nft_redir nft_reject_ipv4 nfnetlink xt_conntrack xt_addrtype xt_MASQUERADE xt_mark xt_nat xt_tcpudp
    vxlan veth dummy bridge"

# Programs beside busybox, which would take its own `ip` for the real one behind its own `nsenter`. Tests use ipvsadm as an administrator does: to look, and to do damage.
PROGRAMS="ip nft ipvsadm nsenter"

say() {
    echo "virtual machine: $*" >&2
}

# The name of Debian's newest package of a kernel for virtual machines.
newest() {
    apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p'
}

# Unpacks the kernel into the cache, if there is none, in one step at the end: an interrupted download leaves nothing that looks whole.
fetch_kernel() {
    local package new
    package=$(newest)
    if [ -z "$package" ]; then
        apt-get update -qq
        package=$(newest)
    fi
    [ -n "$package" ] || { say "there is no package linux-image-cloud-amd64 here"; exit 1; }
    new=$(mktemp -d "$cache/new.XXXXXX")
    (
        cd "$new"
        apt-get download -qq "$package" 2>/dev/null || { apt-get update -qq && apt-get download -qq "$package"; }
        dpkg -x "$package"_*.deb root
        # Newer packages have everything below /usr.
        [ -e root/lib ] || ln -s usr/lib root/lib
        depmod --basedir "$PWD/root" "${package#linux-image-}"
    ) >&2
    mv -T "$new/root" "$cache/$package"
    rm -r "$new"
}

kernel_folder() {
    find "$cache" -maxdepth 1 -type d -name 'linux-image-*' | sort -V | tail -n 1
}

# Copies the shared libraries that a program needs, to where it looks for them.
copy_libraries() {
    ldd "$1" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
        [ -e "$root$library" ] || cp --dereference --parents "$library" "$root"
    done || true
}

# Copies a program and what it needs: copy_program FILE NAME.
copy_program() {
    cp --dereference "$1" "$root/usr/sbin/$2"
    copy_libraries "$1"
}

mkdir -p "$cache" "$out"
[ -n "$(kernel_folder)" ] || fetch_kernel
kernel=$(kernel_folder)
version=$(basename "$kernel"/lib/modules/*)
cp "$kernel/boot/vmlinuz-$version" "$out/kernel"

root=$out/root
mkdir -p "$root"/{bin,usr/sbin,usr/lib64,etc,dev,proc,sys,run,tmp,root,usr/lib/modules/"$version"}
ln -s bin "$root/sbin"
ln -s usr/lib usr/lib64 "$root/"
cp --dereference "$(command -v busybox)" "$root/bin/busybox"
for name in $PROGRAMS; do
    file=$(command -v "$name") || { say "$name is missing"; exit 1; }
    copy_program "$file" "$name"
done
# One program with many names, which looks for its extensions in a folder.
if file=$(command -v xtables-nft-multi); then
    copy_program "$file" xtables-nft-multi
    ln -s xtables-nft-multi "$root/usr/sbin/iptables"
    cp --dereference --parents /usr/lib/*/xtables/libxt_standard.so "$root"
fi
# The shell of busybox takes its own `ip` for the real one.
copy_program "$(command -v dash)" sh
# Where the kernel and the agent look for it; busybox has one that knows fewer options.
copy_program "$(command -v modprobe)" modprobe
ln -s ../usr/sbin/modprobe "$root/bin/modprobe"
copy_program "$program" "$(basename "$program")"
# What is run is not debugged there, and is read from memory.
strip --strip-debug "$root/usr/sbin/$(basename "$program")"

# shellcheck disable=SC2086 # The modules are separate words.
modprobe --dirname "$kernel" --set-version "$version" --show-depends --all $MODULES >"$out/modules"
sed -n 's/^insmod \([^ ]*\).*/\1/p' "$out/modules" | sort -u | while read -r module; do
    cp "$module" "$root/lib/modules/$version/"
done
cp "$kernel/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$version/"
depmod --basedir "$root" "$version"

{
    cat <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
exec </dev/null >/dev/console 2>&1
/bin/busybox --install -s /bin
export PATH=/usr/sbin:/bin HOME=/root TMPDIR=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /run
mount -t tmpfs tmp /tmp
mkdir /dev/shm && mount -t tmpfs tmp /dev/shm
ip link set lo up
INIT
    shift
    printf '%q ' "$(basename "$program")" "$@"
    cat <<'INIT'

echo "swarmlite-vm: status $?"
reboot -f
INIT
} >"$root/init"
chmod +x "$root/init"
# Not compressed: an emulated processor needs longer to unpack it than to read it.
(cd "$root" && find . | cpio --quiet -o -H newc) >"$out/initramfs"
