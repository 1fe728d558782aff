#!/usr/bin/env bash
# drbd-utils 9.22.0 (Debian 12): with DRBD 9, `drbdadm outdate` calls drbdsetup in a way that drbdsetup does not know.
#
# drbdsetup's own usage says that outdate takes the minor alone. `drbdadm outdate r` hands it the resource and a number:
#
#   $ drbdadm -d outdate r           drbdsetup outdate r 0
#   $ drbdsetup help outdate         USAGE: drbdsetup outdate {minor}
#
# Its siblings that take a minor (detach, invalidate, suspend-io) are called with the minor alone, as their usage says, and
# the tool for DRBD 8.4 in the same package says `drbdsetup-84 outdate 0`. What to do: with DRBD 9 call `drbdsetup outdate MINOR`.
# Needs Debian 12 with apt; no kernel module: -d only prints what would be called.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root drbd-utils=9.22.0-1
dpkg -x drbd-utils_*.deb .
cat >r.conf <<CONF
resource r {
  device /dev/drbd0; disk /dev/null; meta-disk internal;
  on $(uname -n) { address ipv4 10.9.9.1:7788; node-id 0; }
  on peer-of-this-host { address ipv4 10.9.9.2:7788; node-id 1; }
}
CONF
sed 's/node-id [01];//' r.conf >r84.conf

says() { # says WHAT EXPECTED ACTUAL
    printf '%-28s %s\n' "$1" "$3"
    [[ $3 == "$2" ]] || { echo "This has changed: expected '$2'." >&2; exit 1; }
}
export DRBD_DRIVER_VERSION_OVERRIDE=9.2.18
first() { sbin/drbdadm -c r.conf -d "$1" r | grep -o 'drbdsetup .*' | head -n 1; }
usage() { sbin/drbdsetup help "$1" | sed -n 's/^USAGE: //p'; }
says "drbdadm -d outdate" "drbdsetup outdate r 0" "$(first outdate)"
says "drbdsetup's usage" "drbdsetup outdate {minor}" "$(usage outdate)"
says "drbdadm -d suspend-io" "drbdsetup suspend-io 0" "$(first suspend-io)"
says "drbdsetup's usage" "drbdsetup suspend-io {minor}" "$(usage suspend-io)"
says "drbdadm-84 -d outdate" "drbdsetup-84 outdate 0" "$(lib/drbd/drbdadm-84 -c r84.conf -d outdate r | grep -o 'drbdsetup-84 .*' | head -n 1)"
