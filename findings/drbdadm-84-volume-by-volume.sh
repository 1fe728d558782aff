#!/usr/bin/env bash
# drbd-utils 9.22.0 (Debian 12), for DRBD 8.4: drbdadm promotes and demotes a resource of several volumes one by one, and stops at
# the first that fails. What it has done so far stays. The DRBD User's Guide 8.4 ("Resource roles"): every resource has a role,
# Primary or Secondary. So after a failed `drbdadm primary r` a part of r is Primary, and after a `drbdadm secondary r` whose first
# volume is in use the others, which nobody uses, are Primary still. For DRBD 9 it's one call for the whole resource.
#
#   drbdadm primary r, volume 1 refuses        primary 0, primary 1    exit code 17, volume 0 is Primary
#   drbdadm secondary r, volume 0 refuses      secondary 0             exit code 17, nobody asked volume 1
#   the same, DRBD 9                           secondary r
#
# What to do: after a failure look at the role of each volume (drbdadm role r has a line for each), and go back by hand.
# Needs Debian 12 with apt; no kernel module: drbdsetup-84 is a stand-in that tells what it was called with.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root drbd-utils=9.22.0-1
dpkg -x drbd-utils_*.deb .
host() { # host NAME ADDRESS [NODE-ID]
    echo "on $1 { address ipv4 $2:7788; $3"
    for volume in 0 1; do echo "volume $volume { device /dev/drbd$volume; disk /dev/loop$volume; meta-disk internal; }"; done
    echo "}"
}
{ echo "resource r {"; host "$(uname -n)" 192.0.2.1 ""; host peer 192.0.2.2 ""; echo "}"; } >r84.conf
{ echo "resource r {"; host "$(uname -n)" 192.0.2.1 "node-id 0;"; host peer 192.0.2.2 "node-id 1;"; echo "}"; } >r9.conf
mkdir stand-in # drbdadm-84 calls the drbdsetup-84 beside it
cp lib/drbd/drbdadm-84 stand-in
cat >stand-in/drbdsetup-84 <<'SH'
#!/bin/sh
echo "$*" >>calls
[ "$*" != "$REFUSES" ] || exit 17
SH
chmod +x stand-in/drbdsetup-84

says() { # says COMMAND WHAT-REFUSES EXPECTED
    local words code=0
    rm -f calls
    REFUSES=$2 stand-in/drbdadm-84 -c r84.conf "$1" r 2>said || code=$?
    words="$(paste -sd, calls), exit code $code"
    printf '%-10s refused: %-14s %s\n' "$1" "${2:-none}" "$words"
    [[ $words == "$3" ]] || { cat said; echo "This has changed: expected '$3'." >&2; exit 1; }
}
says primary "" "primary 0,primary 1, exit code 0"
says primary "primary 1" "primary 0,primary 1, exit code 17"
says secondary "secondary 0" "secondary 0, exit code 17"
for command in primary secondary; do
    call=$(DRBD_DRIVER_VERSION_OVERRIDE=9.2.18 sbin/drbdadm -c r9.conf -d "$command" r | sed 's/.*drbdsetup //')
    printf '%-10s DRBD 9: %s\n' "$command" "$call"
    [[ $call == "$command r" ]] || { echo "This has changed: expected '$command r'." >&2; exit 1; }
done
