#!/usr/bin/env bash
# drbd-utils 9.22.0 (Debian 12): `drbdadm create-md --force`, which is `drbdmeta --force ... create-md`, only keeps it from asking.
# It still refuses to put its data over the end of a file system that it knows, with exit code 40. Its manual (drbdadm(8),
# create-md) says nothing of either.
#
#   XFS to the end of the device, with and without --force     exit code 40, Operation refused
#   XFS that leaves room, without a terminal                   exit code 1, it asks and nobody answers
#   the same with --force                                      exit code 0
#
# What to do: --force where no person answers; it is no danger to an XFS. Look for exit code 40, not for "not 0".
# Needs Debian 12 with apt, root and a loop device.
set -euo pipefail
folder=$(mktemp -d)
device=""
trap '[[ -z $device ]] || losetup -d "$device"; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root drbd-utils=9.22.0-1
dpkg -x drbd-utils_*.deb .
truncate -s 1G disk
device=$(losetup --find --show disk)

make_xfs() { # make_xfs BLOCKS: what drbdmeta reads of one (xfs(5): magic, size of a block, count of blocks)
    printf 'XFSB\0\0\20\0\0\0\0\0\0%b' "$(printf '%06x' "$1" | sed 's/../\\x&/g')" | dd of="$device" conv=notrunc status=none
}
says() { # says WHAT EXPECTED OPTION...
    local what=$1 expected=$2 code=0
    shift 2
    sbin/drbdmeta "$@" 0 v08 "$device" internal create-md >said 2>&1 </dev/null || code=$?
    printf '%-40s exit code %d\n' "$what" "$code"
    [[ $code == "$expected" ]] || { cat said; echo "This has changed: expected $expected." >&2; exit 1; }
}
make_xfs $((1 << 18))
says "XFS to the end" 40
says "XFS to the end, --force" 40 --force
make_xfs $(((1 << 18) - 1024))
says "XFS with room, nobody answers" 1
says "XFS with room, --force" 0 --force
