#!/usr/bin/env bash
# drbd-utils 9.22.0 (Debian 12): a resource with `floating` addresses vanishes for drbdadm while its interface is down,
# although the address is still on it. Then the resource can't be demoted by name just when the network was lost.
#
#   address there, interface up      drbdsetup secondary r
#   address there, no carrier        drbdsetup secondary r
#   address there, interface down    'r' not defined in your config (for this host).
#   address gone                     'r' not defined in your config (for this host).
#
# drbd.conf(5) says that the local addresses decide which section is this host's; it says nothing of the link. What to do:
# name the hosts (`on NAME`), or call drbdsetup, which needs no configuration.
# Needs Debian 12 with apt and root, for a network namespace with a pair of virtual interfaces.
set -euo pipefail
if [[ ${1:-} != inside ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    script=$(realpath "$0")
    cd "$folder"
    apt-get download -qq -o APT::Sandbox::User=root drbd-utils=9.22.0-1
    dpkg -x drbd-utils_*.deb .
    unshare --net "$script" inside
    exit
fi
cat >r.conf <<'CONF'
resource r {
  device /dev/drbd0; disk /dev/null; meta-disk internal;
  floating ipv4 10.9.9.1:7788 { node-id 0; }
  floating ipv4 10.9.9.2:7788 { node-id 1; }
}
CONF
export DRBD_DRIVER_VERSION_OVERRIDE=9.2.18
says() { # says SITUATION EXPECTED: what would drbdadm call to demote the resource? Nothing is called.
    local words
    words=$(sbin/drbdadm -c r.conf -d secondary r 2>&1 | grep -o "drbdsetup secondary r\|'r' not defined.*" || true)
    printf '%-34s %s\n' "$1" "$words"
    [[ $words == "$2" ]] || { echo "This has changed: expected '$2'." >&2; exit 1; }
}
known="drbdsetup secondary r" unknown="'r' not defined in your config (for this host)."
ip link add eth1 type veth peer name other
ip link set other up
ip link set eth1 up
ip address add 10.9.9.1/24 dev eth1
says "address there, interface up" "$known"
ip link set other down
says "address there, no carrier" "$known"
ip link set eth1 down
[[ $(ip -o -4 address show dev eth1) == *10.9.9.1/24* ]]
says "address there, interface down" "$unknown"
ip link set eth1 up
ip address del 10.9.9.1/24 dev eth1
says "address gone" "$unknown"
