#!/bin/bash
# Makes the replicated volume with Garoon on it, once, in a machine of its own; both nodes start with a copy of the disk,
# whose DRBD generation is then the same on both, so that they need no first resync.
set -eu
readonly MOUNT_POINT=/mnt/DIR1 TEMPLATE=/usr/local/lib/garoon-lab/volume

printf 'label: dos\nstart=2048, type=83\n' | sfdisk --quiet /dev/vdb
udevadm settle
mkdir -p /etc/drbd.d
cat >/etc/drbd.d/garoon.res <<'RESOURCE'
resource garoon {
    device /dev/drbd0;
    disk /dev/vdb1;
    meta-disk internal;
    floating ipv4 127.0.0.1:7788;
    floating ipv4 127.0.0.2:7788;
}
RESOURCE
modprobe drbd
drbdadm create-md --force garoon
drbdadm up garoon
drbdadm disconnect garoon
drbdadm primary --force garoon
mkfs.xfs -q /dev/drbd0
mkdir -p "$MOUNT_POINT"
mount /dev/drbd0 "$MOUNT_POINT"
cp -a "$TEMPLATE/." "$MOUNT_POINT/"
umount "$MOUNT_POINT"
drbdadm secondary garoon
# What was written without a peer is marked as out of sync; with two copies of the same disk, nothing is. With blocks still
# marked, a node that returns would be resynced as a whole.
drbdadm new-current-uuid --clear-bitmap garoon/0
grep --quiet ' oos:0' /proc/drbd
drbdadm down garoon
# Nor is there a generation that the peer lacks. With one noted, DRBD would begin no new one when the nodes lose each
# other, and not see that they diverged.
generations=$(drbdmeta 0 v08 /dev/vdb1 internal get-gi)
current=${generations%%:*}
drbdmeta --force 0 v08 /dev/vdb1 internal set-gi "$current:0:0:0:1:1:0:0:0:0:0"
drbdmeta 0 v08 /dev/vdb1 internal get-gi
sync
