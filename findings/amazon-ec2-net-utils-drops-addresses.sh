#!/usr/bin/env bash
# amazon-ec2-net-utils 2.3.0 (Debian 12) gives an interface the secondary private addresses that the instance's metadata lists, anew
# each minute. If the metadata does not answer, it takes that for an empty list: it empties its file for systemd-networkd and lets it
# reload (networkctl(1): interfaces whose file was modified are reconfigured), which takes the addresses off, a cluster's too. The
# EC2 User Guide ("Query throttling"): the metadata service may refuse a query; it shall be tried again with a growing pause. Here
# ten tries follow each other at once. EC2 still has the address at this interface, so its API says that all is well.
#
#   metadata          addresses in the file    systemd-networkd
#   192.0.2.10        192.0.2.10/32            reload
#   the same          192.0.2.10/32            -
#   does not answer   none                     reload: the surprise
#
# What to do: disable refresh-policy-routes@INTERFACE.timer where a cluster moves an address, and let its agent set it.
# Needs Debian 12 with apt and root, for a namespace of mounts and one of the network. The metadata (curl), networkctl and logger are
# stand-ins; the script is a copy that does not wait for the network to be online, and finds the package's files here.
set -euo pipefail
if [[ ${1:-} != inside ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    script=$(realpath "$0")
    cd "$folder"
    apt-get download -qq -o APT::Sandbox::User=root amazon-ec2-net-utils=2.3.0-3
    dpkg -x amazon-ec2-net-utils_*.deb .
    unshare --mount --net "$script" inside
    exit
fi
mount -t tmpfs tmpfs /run
mount -t sysfs sysfs /sys # of this network namespace
mkdir bin
cat >bin/curl <<'SH'
#!/bin/sh
[ "$METADATA" != silent ] || exit 22
case $* in
*api/token*) echo token ;;
*device-number*) echo 1 ;;
*interface-id*) echo eni-0123456789abcdef0 ;;
*local-ipv4s*) printf '192.0.2.4\n%s\n' "$METADATA" ;;
*meta-data/mac*) echo 02:00:00:00:00:01 ;;
*) exit 22 ;;
esac
SH
printf '#!/bin/sh\necho "$*" >>calls\n' >bin/networkctl
printf '#!/bin/sh\n' >bin/logger
chmod +x bin/*
sed '/systemd-networkd-wait-online -i/d' usr/bin/setup-policy-routes >setup-policy-routes
sed -i "s|/usr/lib/systemd/network|$PWD/usr/lib/systemd/network|" usr/share/amazon-ec2-net-utils/lib.sh
export PATH=$PWD/bin:$PATH LIBDIR_OVERRIDE=$PWD/usr/share/amazon-ec2-net-utils
ip link add eth1 address 02:00:00:00:00:02 type veth peer name other
ip link set other up
ip link set eth1 up
ip address add 192.0.2.4/24 dev eth1

says() { # says METADATA EXPECTED
    local words
    rm -f calls
    METADATA=$1 bash ./setup-policy-routes eth1 start >log 2>&1 || { cat log; exit 1; }
    words=$(sed -n 's/^Address=//p' /run/systemd/network/70-eth1.network.d/ec2net_alias.conf)
    words+=", networkd: $(cat calls 2>/dev/null || true)"
    printf 'metadata %-12s %s\n' "$1" "$words"
    [[ $words == "$2" ]] || { cat log; echo "This has changed: expected '$2'." >&2; exit 1; }
}
says 192.0.2.10 "192.0.2.10/32, networkd: reload"
says 192.0.2.10 "192.0.2.10/32, networkd: "
says silent ", networkd: reload"
