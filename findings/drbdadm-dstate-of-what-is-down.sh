#!/usr/bin/env bash
# drbd-utils 9.22.0 (Debian 12): `drbdadm dstate` of a resource that is down answers, with exit code 0, as if it were up.
# It asks the kernel first, and where that knows nothing of the resource it reads the metadata on the disk. `role` and
# `cstate` of the same resource end with an error. The manual (drbdadm(8), dstate) says: "Show the current state of the
# backing storage devices. (local/peer)".
#
#   dstate, down, new metadata on the disk     Inconsistent, exit code 0: one word, no "/peer"
#   role, cstate, of the same                  exit code 20
#   dstate without metadata                    nothing, exit code 1
#
# What to do: ask `role` or `cstate` whether a resource is up. Of dstate trust only an answer with a "/".
# Needs Debian 12 with apt, root, a loop device, and a kernel that has no resource of this name. Nothing is loaded or brought up.
set -euo pipefail
folder=$(mktemp -d)
device=""
trap '[[ -z $device ]] || losetup -d "$device"; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root drbd-utils=9.22.0-1
dpkg -x drbd-utils_*.deb .
export PATH=$folder/sbin:$PATH
truncate -s 100M disk
device=$(losetup --find --show disk)
cat >down.res <<FILE
global { usage-count no; }
resource down {
    device /dev/drbd0;
    disk $device;
    meta-disk internal;
    on $(uname -n) { node-id 0; address ipv4 127.0.0.1:7788; }
    on peer { node-id 1; address ipv4 127.0.0.2:7788; }
}
FILE

says() { # says WHAT EXPECTED COMMAND: what it prints and its exit code
    local said code=0
    said=$(drbdadm --config-file=down.res "$3" down 2>errors </dev/null) || code=$?
    printf '%-40s %s\n' "$1" "${said:-nothing}, exit code $code"
    [[ "${said:-nothing}, exit code $code" == "$2" ]] || { cat errors; echo "This has changed: expected $2." >&2; exit 1; }
}
says "dstate without metadata" "nothing, exit code 1" dstate
drbdmeta --force 0 v09 "$device" internal create-md 1 >/dev/null 2>&1
says "dstate, down, new metadata" "Inconsistent, exit code 0" dstate
says "role of the same" "nothing, exit code 20" role
says "cstate of the same" "nothing, exit code 20" cstate
