#!/bin/bash
# The data volume of a database server: found by its id, named by udev, and made into the replica, if it is empty.
# Uses common.sh.

readonly BLOCKS=/sys/class/block
readonly DISK=/dev/xvdb PARTITION=/dev/xvdb1 REPLICATED=/dev/drbd0 MOUNT_POINT=/mnt/DIR1
readonly RECORD=/var/lib/garoon-environment/volume RESOURCE=garoon
readonly RULES=/etc/udev/rules.d/90-garoon.rules
# What is read at either end. A first partition begins one MiB in, so that its beginning is among it; DRBD's own data and
# the backup of a GPT lie in the last MiB, ZFS's labels and md's in the first and the last.
readonly END_BYTES=$((4 * 1024 * 1024))
readonly CONTROLLER=/usr/local/sbin/garoon-node
readonly ATTACH_SECONDS=600 PEER_SECONDS=1200
readonly RESOURCE_MARK="# Written by garoon-node, which changes nothing in it but the protocol, to the stack's ReplicationProtocol."

# find_volume ID: the kernel's name of that volume's disk, in NAME. An NVMe disk's serial number is the id of its EBS volume,
# without the hyphen (EC2 User Guide, "Map Amazon EBS volumes to NVMe device names"). Other virtual disks may have it, too.
find_volume() {
    local path file serial
    NAME=""
    for path in "$BLOCKS"/*; do
        [[ ! -e $path/partition ]] || continue
        for file in "$path/device/serial" "$path/serial"; do
            serial=""
            { read -r serial <"$file"; } 2>/dev/null || [[ -n $serial ]] || continue
            [[ ${serial//[- ]/} != "${1//-/}" ]] || NAME=${path##*/}
        done
    done
    # Without NVMe, on the Xen types of before, the disk bears the name that it was attached by.
    [[ -n $NAME || ! -b $DISK || -L $DISK ]] || NAME=${DISK##*/}
    [[ -n $NAME ]]
}

# The volume is attached after the server has been launched.
wait_for_volume() {
    local deadline=$((SECONDS + ATTACH_SECONDS))
    until find_volume "$1"; do
        ((SECONDS < deadline)) || refuse "The volume $1 is not attached to this server. Attach it, then run this again."
        sleep 2
    done
}

# name_volume ID: the same names on every type of instance, whatever the kernel calls the disk and in whatever order it finds it.
name_volume() {
    [[ $NAME != "${DISK##*/}" ]] || return 0
    put_file "$RULES" 0644 "# The data volume $1.
SUBSYSTEM==\"block\", ENV{DEVTYPE}==\"disk\", ATTRS{serial}==\"${1//-/}\", SYMLINK+=\"${DISK##*/}\"
SUBSYSTEM==\"block\", ENV{DEVTYPE}==\"partition\", ATTRS{serial}==\"${1//-/}\", SYMLINK+=\"${DISK##*/}%n\""
    settle "$WROTE"
}

# settle true: with rules that have changed. Where no udevd runs, as in an image that is being made, there is nothing to wait for.
settle() {
    [[ -S /run/udev/control ]] || return 0
    if [[ $1 == true ]]; then
        udevadm control --reload
        udevadm trigger --subsystem-match=block --action=change
    fi
    udevadm settle
}

# partition_name NAME: of the first partition of that disk (nvme1n1p1, vdb1).
partition_name() {
    printf '%s%s1' "$1" "$([[ $1 != *[0-9] ]] || printf p)"
}

# why_not_empty NAME: what is on that device, in words; nothing when it is proven that nothing is.
why_not_empty() {
    local device=/dev/$1 found code size path
    [[ -b $device ]] || { printf 'there is no %s' "$device"; return; }
    for path in "$BLOCKS/$1"/*/partition; do [[ ! -e $path ]] || { printf 'it has partitions'; return; }; done
    for path in "$BLOCKS/$1"/holders/*; do [[ ! -e $path ]] || { printf '%s uses it' "${path##*/}"; return; }; done
    ! grep -qs "^$device " /proc/mounts /proc/swaps || { printf 'it is mounted, or swap'; return; }
    # All signatures that libblkid knows, without a cache.
    found=$(wipefs --no-act --noheadings --output TYPE "$device" 2>&1) || { printf 'wipefs can not read it: %s' "$found"; return; }
    [[ -z $found ]] || { printf 'it holds %s' "${found//$'\n'/, }"; return; }
    # 0: something is found, of a partition at least its entry in the disk's table; 2: nothing; 8: things that contradict
    # (blkid(8)).
    code=0
    found=$(blkid --probe --match-tag TYPE --match-tag PTTYPE "$device" 2>&1) || code=$?
    [[ $code == [02] ]] || found+=" (blkid: $code)"
    [[ -z $found ]] || { printf 'it holds %s' "$found"; return; }
    ! drbdmeta 0 v08 "$device" internal dump-md >/dev/null 2>&1 || { printf 'it holds metadata of DRBD'; return; }
    size=$(blockdev --getsize64 "$device")
    ((size >= 2 * END_BYTES)) || { printf 'it has only %d bytes' "$size"; return; }
    # What nobody knows is something, too.
    cmp --quiet --bytes="$END_BYTES" "$device" /dev/zero || { printf 'its beginning is not empty'; return; }
    cmp --quiet --bytes="$END_BYTES" --ignore-initial="$((size - END_BYTES)):0" "$device" /dev/zero || printf 'its end is not empty'
}

# has_done STEP: of what was done to the volume ID by this server. Everything goes on the record before it is done, or after,
# so that what is found there is either ours or untouched.
has_done() {
    [[ -f $RECORD && $'\n'$(<"$RECORD")$'\n' == *$'\n'"$VOLUME_ID $1"$'\n'* ]]
}

note_done() {
    mkdir -p "${RECORD%/*}"
    printf '%s %s\n' "$VOLUME_ID" "$1" >>"$RECORD"
    sync "$RECORD"
}

# make_replica: one partition, with DRBD's own data at its end.
make_replica() {
    local why partition
    partition=$(partition_name "$NAME")
    if ! has_done proven-empty || [[ ! -e $BLOCKS/$partition ]]; then
        why=$(why_not_empty "$NAME")
        [[ -z $why ]] || refuse "The volume $VOLUME_ID is not empty: $why. Nothing on it was changed. If it holds a replica that shall be used, set DataVolumes to Kept; if it holds nothing of worth, attach a new volume."
        note_done proven-empty
    fi
    if [[ ! -e $BLOCKS/$partition ]]; then
        # A GPT, for volumes beyond 2 TiB. sfdisk asks the kernel to read the table anew; partx tells it what is in there.
        printf 'label: gpt\nstart=2048\n' | sfdisk --quiet "/dev/$NAME"
        partx --update "/dev/$NAME"
        changed "Made a partition on the volume $VOLUME_ID, which was empty."
    fi
    settle false
    if ! has_done replica; then
        if ! is_replica "$partition"; then
            why=$(why_not_empty "$partition")
            [[ -z $why ]] || refuse "The partition of the volume $VOLUME_ID is not empty: $why. Nothing in it was changed."
            drbdadm --force create-md "$RESOURCE"
            changed "Made a replica in it."
        fi
        note_done replica
    fi
}

is_replica() {
    drbdmeta 0 v08 "/dev/$1" internal dump-md >/dev/null 2>&1 || drbdmeta 0 v09 "/dev/$1" internal dump-md >/dev/null 2>&1
}

is_drbd_9() {
    [[ -r /proc/drbd && $(</proc/drbd) == *"version: 9"* ]]
}

# resource_file: word for word the one that garoon-node would write, which keeps it (node/src/replication_drbd.sh).
resource_file() {
    local settings="" own_id="" peer_id=""
    if is_drbd_9; then
        settings="    options { auto-promote no; }"$'\n'
        own_id="        node-id 0;"$'\n' peer_id="        node-id 1;"$'\n'
        [[ $NODE_NAME < $PEER_NAME ]] || { own_id=${own_id/0/1} peer_id=${peer_id/1/0}; }
    fi
    cat <<FILE
$RESOURCE_MARK
resource $RESOURCE {
$settings    net {
        protocol C;
        ping-int 3;
        ping-timeout 5;
        timeout 20;
    }
    disk { on-io-error detach; }
    device $REPLICATED;
    disk $PARTITION;
    meta-disk internal;
    on $(uname -n) {
        address ipv4 $ETH1_ADDRESS:7788;
$own_id    }
    on peer-$PEER_NAME {
        address ipv4 $PEER_ETH1_ADDRESS:7788;
$peer_id    }
}
FILE
}

install_drbd() {
    if is_debian; then
        install_packages drbd-utils fdisk xfsprogs
    else
        command -v drbdadm >/dev/null || dnf install --assumeyes --quiet drbd9x-utils kmod-drbd9x ||
            refuse "DRBD is not among the packages of this server. RHEL has none: add ELRepo (https://elrepo.org/), or LINBIT's repository, then run this again."
        install_packages xfsprogs
    fi
    # It would bring the replica up at boot, and connect a node that must first be asked. garoon-node's own unit does that.
    disable_units drbd.service
    put_file /etc/modules-load.d/garoon.conf 0644 drbd
    modprobe drbd
    # What is there may hold an operator's tuning, or the protocol of the failover controller's stack.
    [[ -e /etc/drbd.d/$RESOURCE.res ]] || put_file /etc/drbd.d/$RESOURCE.res 0644 "$(resource_file)"
}

# Whether DRBD has the replica. `drbdadm dstate` does not tell: of one that is down it reads the disk.
is_replica_up() {
    if is_drbd_9; then
        drbdsetup status "$RESOURCE" >/dev/null 2>&1
    else
        grep -q '^ *0: cs:' /proc/drbd && ! grep -q '^ *0: cs:Unconfigured' /proc/drbd
    fi
}

bring_replica_up() {
    is_replica_up || drbdadm up "$RESOURCE"
}

# Neither replica has data until one is said to have it, once: home's.
synchronise_first() {
    local deadline=$((SECONDS + PEER_SECONDS)) states
    # Of this node and of the peer (DRBD user's guide, "Disk states").
    until states=$(drbdadm dstate "$RESOURCE") && [[ $states == UpToDate/* || $states == Inconsistent/Inconsistent ]]; do
        ((SECONDS < deadline)) || refuse "$PEER_NAME has no new replica: this node and that one say $states. When $PEER_NAME is set up, run this again."
        sleep 2
    done
    if [[ $states == Inconsistent/* ]]; then
        drbdadm primary --force "$RESOURCE"
        changed "Began the first synchronisation."
    fi
}

# make_file_system: on home, which tells it to its peer.
make_file_system() {
    local why
    has_done file-system && return
    drbdadm primary "$RESOURCE"
    why=$(why_not_empty "${REPLICATED##*/}")
    [[ -z $why ]] || refuse "The replica is not empty: $why. Nothing in it was changed."
    mkfs.xfs -q "$REPLICATED"
    note_done file-system
    changed "Made an XFS in it."
}

# fill_volume FUNCTION: Garoon's part on the volume, put there once.
fill_volume() {
    has_done garoon && return
    drbdadm primary "$RESOURCE"
    mkdir -p "$MOUNT_POINT"
    mountpoint --quiet "$MOUNT_POINT" || mount -t xfs "$REPLICATED" "$MOUNT_POINT"
    "$1"
    umount "$MOUNT_POINT"
    drbdadm secondary "$RESOURCE"
    note_done garoon
    changed "Put Garoon's part on it."
}

# set_up_volume FUNCTION: that function puts Garoon's part on the volume.
set_up_volume() {
    mkdir -p "$MOUNT_POINT"
    if [[ $DATA_VOLUMES == Kept ]]; then
        say "The volume $VOLUME_ID is kept as it is."
        return
    fi
    if has_done garoon || [[ $IS_HOME != Yes ]] && has_done replica; then
        # From then on its unit does that at boot, as is right for the node's role.
        [[ -e $CONTROLLER ]] || bring_replica_up
        return
    fi
    [[ ! -e $CONTROLLER ]] || refuse "The volume $VOLUME_ID is not ready, and the failover controller is installed already: it decides what happens to a replica. Bring the replica up by hand (docs/operations.md, DRBD)."
    make_replica
    bring_replica_up
    [[ $IS_HOME == Yes ]] || return 0
    synchronise_first
    make_file_system
    fill_volume "$1"
}
