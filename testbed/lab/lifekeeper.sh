#!/bin/bash
# Stands for LifeKeeper and DataKeeper on a database server, by the names of their commands (it is each of them):
#
#   lkstart       starts LifeKeeper and, on the node that was in service last, brings the hierarchy into service
#   lkstop        takes the hierarchy out of service, and stops LifeKeeper
#   lcdstatus     says what is in service
#   mirror_action TAG fullresync SOURCE TARGET    copies the volume as a whole
#
# The mirror is the kernel's RAID 1 over a network block device without a superblock, so that the file system fills the
# partition to its end, with its bitmap in a file and asynchronous to the peer (`--write-behind`).
set -eu
readonly SETTINGS=/etc/default/LifeKeeper
# shellcheck source=/dev/null
. "$SETTINGS" # PEER_ADDRESS
readonly DEVICE=/dev/xvdb1 MIRROR=/dev/md0 REMOTE=/dev/nbd0 PORT=10809 MOUNT_POINT=/mnt/DIR1 VIRTUAL_IP=10.1.0.10/32
readonly STATE=/opt/LifeKeeper/config BITMAP=/opt/LifeKeeper/bitmap-DIR1

is_source() {
    [[ -e $STATE/in-service ]]
}

connect_peer() {
    modprobe nbd
    nbd-client -check "$REMOTE" >/dev/null || timeout 120 nbd-client -timeout 10 -name DIR1 "$PEER_ADDRESS" "$PORT" "$REMOTE" >/dev/null
}

# What the peer has is the same when both were stopped in good order.
assemble() {
    local peer=missing
    modprobe raid1
    ! connect_peer || peer=$REMOTE
    rm -f "$BITMAP"
    if [[ $peer == missing ]]; then
        mdadm --build "$MIRROR" --force --run --level=1 --raid-devices=2 --bitmap="$BITMAP" "$DEVICE" missing
    else
        mdadm --build "$MIRROR" --run --level=1 --raid-devices=2 --bitmap="$BITMAP" --write-behind=256 --assume-clean \
            "$DEVICE" --write-mostly "$peer"
    fi
}

bring_into_service() {
    assemble
    [[ ! -x /opt/LifeKeeper/make-file-system ]] || /opt/LifeKeeper/make-file-system "$MIRROR"
    mount "$MIRROR" "$MOUNT_POINT"
    /etc/init.d/cyde_5_0 start
    /etc/init.d/cyss_cbgrn start
    exportfs -ra
    ip addr add "$VIRTUAL_IP" dev eth0
}

take_out_of_service() {
    ip addr del "$VIRTUAL_IP" dev eth0
    /etc/init.d/cyss_cbgrn stop
    /etc/init.d/cyde_5_0 stop
    exportfs -ua
    # What a service leaves behind may keep it for some seconds.
    for _ in {1..30}; do ! umount "$MOUNT_POINT" 2>/dev/null || break; sleep 1; done
    if mountpoint -q "$MOUNT_POINT"; then exit 1; fi
    mdadm --stop "$MIRROR"
    nbd-client -d "$REMOTE" >/dev/null || :
}

serve_disk() {
    printf '[generic]\nport = %s\nuser = root\ngroup = root\n[DIR1]\nexportname = %s\n' "$PORT" "$DEVICE" >"$STATE/nbd.conf"
    # It closes every descriptor that it might have, one by one.
    ulimit -n 256
    nbd-server -C "$STATE/nbd.conf" -p /run/lifekeeper-nbd.pid
}

case ${0##*/} in
lkstart)
    mkdir -p "$STATE"
    if is_source; then bring_into_service; else serve_disk; fi
    ;;
lkstop)
    if is_source; then take_out_of_service; else pkill -F /run/lifekeeper-nbd.pid; fi
    ;;
lcdstatus)
    if is_source && mountpoint -q "$MOUNT_POINT"; then echo "in service"; else echo "out of service"; fi
    ;;
mirror_action)
    [[ $# == 4 && $2 == fullresync ]]
    connect_peer
    mdadm "$MIRROR" --fail "$REMOTE" --remove "$REMOTE" 2>/dev/null || :
    mdadm "$MIRROR" --add --write-mostly "$REMOTE"
    mdadm --wait "$MIRROR" || :
    grep -F '[UU]' /proc/mdstat
    ;;
*) exit 2 ;;
esac
