#!/usr/bin/env bash
# drbd-utils 9.22.0 (Debian 12): `drbdadm net-options r` hands on what the resource's file says when DRBD 9 is loaded, and nothing
# of it when DRBD 8.4 is: there the same command succeeds and changes nothing.
#
#   DRBD 9     drbdsetup net-options r 1 --_name=peer --ping-int=3 --protocol=A
#   DRBD 8.4   drbdsetup-84 net-options ipv4:10.9.9.1:7788 ipv4:10.9.9.2:7788
#
# What to do: give the options on the command line (`drbdadm net-options --protocol=A r`), which both hand on, or `drbdadm
# adjust`, which connects as well.
# Needs Debian 12 with apt; no kernel module: -d only prints what would be called.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root drbd-utils=9.22.0-1
dpkg -x drbd-utils_*.deb .
cat >r.conf <<CONF
resource r {
  net { protocol A; ping-int 3; }
  device /dev/drbd0; disk /dev/null; meta-disk internal;
  on $(uname -n) { address ipv4 10.9.9.1:7788; node-id 0; }
  on peer { address ipv4 10.9.9.2:7788; node-id 1; }
}
CONF
sed 's/node-id [01];//' r.conf >r84.conf

says() { # says WHAT EXPECTED ACTUAL
    printf '%-28s %s\n' "$1" "$3"
    [[ $3 == "$2" ]] || { echo "This has changed: expected '$2'." >&2; exit 1; }
}
for_drbd_9() { DRBD_DRIVER_VERSION_OVERRIDE=9.2.18 sbin/drbdadm -c r.conf -d net-options r | grep -o 'drbdsetup .*'; }
for_drbd_84() { lib/drbd/drbdadm-84 -c r84.conf -d net-options "$@" r | grep -o 'drbdsetup-84 .*'; }
addresses="ipv4:10.9.9.1:7788 ipv4:10.9.9.2:7788"
says "DRBD 9, from the file" "drbdsetup net-options r 1 --_name=peer --ping-int=3 --protocol=A" "$(for_drbd_9)"
says "DRBD 8.4, from the file" "drbdsetup-84 net-options $addresses" "$(for_drbd_84)"
says "DRBD 8.4, as an option" "drbdsetup-84 net-options $addresses --protocol=A" "$(for_drbd_84 --protocol=A)"
