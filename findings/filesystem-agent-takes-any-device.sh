#!/usr/bin/env bash
# Filesystem of resource-agents 4.12.0 (Debian 12) looks only whether something is mounted on its directory, not what. With another
# device there (the disk beneath DRBD, an old copy) monitor says that the resource runs, start succeeds without a mount, and the
# two deeper checks of monitor pass: one reads the device that is mounted, the other writes its status file there. Its own
# meta-data: it manages a file system, and "device" is the block device of it. So a database starts on the wrong data.
#
#   device 1, on the directory is   monitor, depth 0, 10, 20   start   mounted afterwards
#   nothing                         7, 7, 7                    0       device 1
#   device 2                        0, 0, 0                    0       device 2: the surprise
#
# What to do: compare the mounted device (findmnt --noheadings --output SOURCE) with the one that it shall be.
# Needs Debian 12 with apt and root, for a mount namespace and two loop devices.
set -euo pipefail
if [[ ${1:-} != inside ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    script=$(realpath "$0")
    cd "$folder"
    apt-get download -qq -o APT::Sandbox::User=root resource-agents=1:4.12.0-2
    dpkg -x resource-agents_*.deb .
    unshare --mount "$script" inside
    exit
fi
devices=()
trap 'losetup -d "${devices[@]}"' EXIT
mkdir bin data
printf '#!/bin/sh\n' >bin/modprobe # the kernel has ext4, or mount fails
chmod +x bin/modprobe
for number in 1 2; do
    truncate -s 32M "disk$number"
    mkfs.ext4 -q "disk$number"
    devices+=("$(losetup --find --show "disk$number")")
done
export PATH=$PWD/bin:$PATH OCF_ROOT=$PWD/usr/lib/ocf HA_RSCTMP=$PWD OCF_RESOURCE_INSTANCE=data
export OCF_RESKEY_device=${devices[0]} OCF_RESKEY_directory=$PWD/data OCF_RESKEY_fstype=ext4
agent() { "$OCF_ROOT/resource.d/heartbeat/Filesystem" "$1" >log 2>&1; }

says() { # says WHAT EXPECTED
    local words="" code depth source
    for depth in 0 10 20; do
        code=0
        OCF_CHECK_LEVEL=$depth agent monitor || code=$?
        words+="$code "
    done
    code=0
    agent start || code=$?
    source=$(findmnt --noheadings --output SOURCE data)
    [[ $source != "${devices[0]}" ]] || source="device 1"
    [[ $source != "${devices[1]}" ]] || source="device 2"
    words="monitor ${words}start $code, mounted: $source"
    printf '%-28s %s\n' "$1" "$words"
    umount data
    [[ $words == "$2" ]] || { cat log; echo "This has changed: expected '$2'." >&2; exit 1; }
}
says "nothing on the directory" "monitor 7 7 7 start 0, mounted: device 1"
mount -t ext4 "${devices[1]}" data
says "device 2 on the directory" "monitor 0 0 0 start 0, mounted: device 2"
