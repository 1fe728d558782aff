#!/usr/bin/env bash
# portblock of resource-agents 4.12.0 with iptables 1.8.9 (both of Debian 12): it no longer sees its own rule. It looks for the word
# "tcp" in what `iptables -n -L` prints, and since 1.8.9 that prints the protocol's number, 6. So the start of a portblock
# that unblocks says that all is well and leaves the port blocked, and each further start of one that blocks adds a rule.
# portblock's own meta-data: it blocks and unblocks the port, to fail over without a "connection refused". The cluster sees a
# database that runs, with its address, and no client reaches it.
#
#   start, action=block        0    1 rule
#   start, action=block        0    2 rules
#   start, action=unblock      0    2 rules: the surprise
#   monitor, action=unblock    0
#
# It's the same with iptables-nft and iptables-legacy. What to do: connect to the port, or read `iptables -S`, which has words.
# Needs Debian 12 with apt and root, for a network namespace.
set -euo pipefail
if [[ ${1:-} != inside ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    script=$(realpath "$0")
    cd "$folder"
    apt-get download -qq -o APT::Sandbox::User=root resource-agents=1:4.12.0-2 iptables=1.8.9-2 \
        libxtables12 libip4tc2 libip6tc2 libnftnl11 libmnl0
    for package in *.deb; do dpkg -x "$package" .; done
    unshare --net "$script" inside
    exit
fi
mkdir bin state
libraries=$(echo "$PWD"/usr/lib/*-linux-gnu)
export PATH=$PWD/bin:$PATH LD_LIBRARY_PATH=$libraries XTABLES_LIBDIR=$libraries/xtables
export OCF_ROOT=$PWD/usr/lib/ocf HA_RSCTMP=$PWD/state OCF_RESKEY_protocol=tcp OCF_RESKEY_portno=3306 OCF_RESKEY_ip=192.0.2.10

says() { # says ACTION-OF-THE-AGENT ACTION-OF-THE-RESOURCE EXPECTED
    local words code=0
    OCF_RESOURCE_INSTANCE=$2 OCF_RESKEY_action=$2 "$OCF_ROOT/resource.d/heartbeat/portblock" "$1" >log 2>&1 || code=$?
    words="$code, $(iptables -S INPUT | grep -c 'dports 3306 -j DROP') rules"
    printf '%-20s %-8s action=%-8s %s\n' "$kind" "$1" "$2" "$words"
    [[ $words == "$3" ]] || { cat log; echo "This has changed: expected '$3'." >&2; exit 1; }
}
for kind in iptables-nft iptables-legacy; do
    ln -sf "$PWD/usr/sbin/$kind" bin/iptables
    says start block "0, 1 rules"
    says start block "0, 2 rules"
    says start unblock "0, 2 rules"
    says monitor unblock "0, 2 rules"
    iptables -F INPUT
done
