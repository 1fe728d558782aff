#!/usr/bin/env bash
# aws-vpc-move-ip of resource-agents 4.12.0 (Debian 12), with monapi=true ("Enable enhanced monitoring using AWS API calls to check
# route table entry"): as soon as the route leads elsewhere, monitor says "not running", and so stop has nothing to do. It succeeds,
# and the address stays on the interface. The OCF Resource Agent Developer's Guide: OCF_NOT_RUNNING is for a resource that has
# stopped; stop does all in its power. Whatever runs on this host still reaches itself under the cluster's address.
#
#   monapi   the route leads   stop   address on the interface after it
#   false    elsewhere         0      no
#   true     here              0      no
#   true     elsewhere         0      yes: the surprise, when another host has taken the route over
#   true     (EC2 is silent)   0      yes
#
# What to do: leave monapi off, or look for the address itself after stop (ip address show to ADDRESS).
# Needs Debian 12 with apt and root, for a network namespace. The AWS CLI and the instance's metadata are stand-ins of a few lines.
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
mkdir bin
cat >bin/curl <<'SH'
#!/bin/sh
case $* in *api/token*) echo token ;; *instance-id*) printf i-0123456789abcdef0 ;; *interface-id*) printf eni-0123456789abcdef0 ;; esac
SH
cat >bin/aws <<'SH'
#!/bin/sh
case $* in *describe-route-tables*) [ "$ROUTE" != silent ] || exit 255; echo "$ROUTE" ;; esac
SH
chmod +x bin/curl bin/aws
export PATH=$PWD/bin:$PATH OCF_ROOT=$PWD/usr/lib/ocf HA_RSCTMP=$PWD OCF_RESOURCE_INSTANCE=vip OCF_RESKEY_awscli=$PWD/bin/aws
export OCF_RESKEY_ip=192.0.2.10 OCF_RESKEY_routing_table=rtb-0123456789abcdef0 OCF_RESKEY_interface=eth1
ip link add eth1 type veth peer name other
ip link set other up
ip link set eth1 up

says() { # says MONAPI ROUTE EXPECTED
    local words stop=0 address=no
    export OCF_RESKEY_monapi=$1 ROUTE=$2
    ip address replace 192.0.2.10/32 dev eth1
    "$OCF_ROOT/resource.d/heartbeat/aws-vpc-move-ip" stop >log 2>&1 || stop=$?
    [[ -z $(ip -o address show to 192.0.2.10) ]] || address=yes
    words="stop $stop, address there: $address"
    printf 'monapi %-6s route %-20s %s\n' "$1" "$2" "$words"
    [[ $words == "$3" ]] || { cat log; echo "This has changed: expected '$3'." >&2; exit 1; }
}
says false i-fedcba98765432100 "stop 0, address there: no"
says true i-0123456789abcdef0 "stop 0, address there: no"
says true i-fedcba98765432100 "stop 0, address there: yes"
says true silent "stop 0, address there: yes"
