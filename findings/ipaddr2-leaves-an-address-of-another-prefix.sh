#!/usr/bin/env bash
# IPaddr2 of resource-agents 4.12.0 (Debian 12) knows its address only with its own prefix length. If the interface has it with
# another one (aws-vpc-move-ip and amazon-ec2-net-utils add /32), monitor says "not running", and so stop has nothing to do: it
# succeeds, and the address stays. The agent's meta-data: the resource is the IP address; its prefix may be left out. The OCF
# Resource Agent Developer's Guide: stop does all in its power. To the cluster the address is free, and this host goes on
# answering for it.
#
#   on the interface        cidr_netmask   monitor   stop   on the interface after it
#   192.0.2.10/24           24             0         0      nothing
#   192.0.2.10/32           24             7         0      192.0.2.10/32: the surprise
#   192.0.2.10/32           none           7         0      192.0.2.10/32
#
# What to do: after stop look for the address without a prefix (ip address show to 192.0.2.10).
# Needs Debian 12 with apt and root, for a network namespace.
set -euo pipefail
if [[ ${1:-} != inside ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    script=$(realpath "$0")
    cd "$folder"
    apt-get download -qq -o APT::Sandbox::User=root resource-agents=1:4.12.0-2
    dpkg -x resource-agents_*.deb .
    unshare --net "$script" inside
    exit
fi
export OCF_ROOT=$PWD/usr/lib/ocf HA_RSCTMP=$PWD OCF_RESOURCE_INSTANCE=vip OCF_RESKEY_ip=192.0.2.10 OCF_RESKEY_nic=eth1
ip link add eth1 type veth peer name other
ip link set other up
ip link set eth1 up
agent() { "$OCF_ROOT/resource.d/heartbeat/IPaddr2" "$1" >log 2>&1; }
there() { ip -o -4 address show dev eth1 to 192.0.2.10 | awk '{print $4}' | paste -sd " " -; }

says() { # says PREFIX-ON-THE-INTERFACE CIDR-NETMASK EXPECTED
    local words monitor=0 stop=0
    export OCF_RESKEY_cidr_netmask=$2
    ip address flush dev eth1
    ip address add 192.0.2.4/24 dev eth1
    ip address add "192.0.2.10/$1" dev eth1
    agent monitor || monitor=$?
    agent stop || stop=$?
    words="monitor $monitor, stop $stop, then there: $(there)"
    printf '/%s, cidr_netmask %-6s %s\n' "$1" "${2:-none}" "$words"
    [[ $words == "$3" ]] || { cat log; echo "This has changed: expected '$3'." >&2; exit 1; }
}
says 24 24 "monitor 0, stop 0, then there: "
says 32 24 "monitor 7, stop 0, then there: 192.0.2.10/32"
says 32 "" "monitor 7, stop 0, then there: 192.0.2.10/32"
