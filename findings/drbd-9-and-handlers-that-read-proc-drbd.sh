#!/usr/bin/env bash
# drbd-utils 9.22.0 (Debian 12): two of its handlers read /proc/drbd, in which DRBD 9 has no status (Linux, commit a55bbd375d18: "In
# drbd9 no status information is exposed through /proc/drbd"). snapshot-resync-target-lvm.sh then takes the blocks to resync for
# 0, without a word: its snapshot has room for a tenth of the volume, and LVM drops one that is full. The resync needs it just then:
# drbd.conf(5), before-resync-target, says that reverting to it can restore a consistent state. stonith_admin-fence-peer.sh also
# wants DRBD_PEERS, which drbdadm gives it for 8.4 alone: it never fences.
#
#   100 GiB, all of it to resync       DRBD 8.4: snapshot of 110 GiB            DRBD 9: 10 GiB
#   fence-peer, all volumes UpToDate   DRBD 8.4: stonith_admin, exit code 7     DRBD 9: nothing, exit code 1
#
# What to do: with DRBD 9 give --percent 110, and fence by crm-fence-peer.9.sh.
# Needs Debian 12 with apt; no kernel module. drbdadm calls copies of the handlers that read a file instead of /proc/drbd; LVM's
# commands, logger and stonith_admin are stand-ins.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root drbd-utils=9.22.0-1
dpkg -x drbd-utils_*.deb .
mkdir bin
for handler in snapshot-resync-target-lvm.sh stonith_admin-fence-peer.sh; do
    sed "s|/proc/drbd|$folder/proc-drbd|" "usr/lib/drbd/$handler" >"$handler"
    chmod +x "$handler"
done
printf '#!/bin/sh\ncat >>log\n' >bin/logger
printf '#!/bin/sh\necho "vg lv %d"\n' $((100 * 1024 * 1024 * 2)) >bin/lvs # in sectors
for command in lvcreate stonith_admin; do printf '#!/bin/sh\necho %s "$@" >>calls\n' "$command" >"bin/$command"; done
printf '#!/bin/sh\nexec %s/%s "$@"\n' "$folder" "\$DRBDADM" >bin/drbdadm
chmod +x bin/*
export PATH=$folder/bin:$PATH
configure() { # configure NODE-IDS: of this host and its peer
    cat <<CONF
resource r {
  handlers { before-resync-target "$folder/snapshot-resync-target-lvm.sh"; fence-peer "$folder/stonith_admin-fence-peer.sh"; }
  on $(uname -n) { $1 address ipv4 192.0.2.1:7788; device /dev/drbd0; disk /dev/vg/lv; meta-disk internal; }
  on peer { $2 address ipv4 192.0.2.2:7788; device /dev/drbd0; disk /dev/vg/lv; meta-disk internal; }
}
CONF
}
configure "node-id 0;" "node-id 1;" >r.conf
configure "" "" >r84.conf

old="lib/drbd/drbdadm-84 -c $folder/r84.conf" new="sbin/drbdadm -c $folder/r.conf"

says() { # says VERSION HANDLER DRBDADM-AND-CONFIGURATION EXPECTED
    local words code=0
    rm -f calls
    # What the module hands to drbdadm, for both versions: of which volume it speaks.
    DRBDADM=$3 DRBD_DRIVER_VERSION_OVERRIDE=$1 DRBD_VOLUME=0 DRBD_LL_DISK=/dev/vg/lv drbdadm "$2" r >said 2>&1 || code=$?
    words="$(cat calls 2>/dev/null || echo nothing), exit code $code"
    printf '%-8s %-22s %s\n' "$1" "$2" "$words"
    [[ $words == "$4" ]] || { cat said log; echo "This has changed: expected '$4'." >&2; exit 1; }
}
cat >proc-drbd <<'PROC'
version: 8.4.11 (api:1/proto:86-101)

 0: cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate C r-----
    ns:0 nr:0 dw:0 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:104857600
PROC
says 8.4.11 before-resync-target "$old" "lvcreate -s -n lv-before-resync -L 115353600k vg/lv, exit code 0"
printf '%s\n' "version: 8.4.11 (api:1/proto:86-101)" "" " 0: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C r-----" >proc-drbd
says 8.4.11 fence-peer "$old" "stonith_admin --tolerance 5s --tag drbd --fence peer, exit code 7"
printf '%s\n' "version: 9.2.18 (api:2/proto:118-123)" "Transports (api:21): tcp (9.2.18)" >proc-drbd
says 9.2.18 before-resync-target "$new" "lvcreate -s -n lv-before-resync -L 10496000k vg/lv, exit code 0"
says 9.2.18 fence-peer "$new" "nothing, exit code 1"
