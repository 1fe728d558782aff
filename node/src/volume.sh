# -------------------------------------------------------------------------------------------------------- file system
# Uses core.

# Whether the mount point shows the replicated volume, and not what else may be mounted there; 2 when that can't be seen.
# From mountinfo (proc(5)), which answers also when the file system itself hangs. The last mount covers those before it.
is_mounted() {
    local number root target minor=${CONFIG[REPLICATED_DEVICE]##*[!0-9]} found=2
    while read -r _ _ number root target _; do
        ((found == 2)) && found=1
        [[ $target == "${CONFIG[MOUNT_POINT]}" ]] || continue
        found=1
        [[ $number != "$DRBD_MAJOR:${minor:-0}" || $root != / ]] || found=0
    done <"$ROOT/proc/self/mountinfo"
    return "$found"
}

is_unmounted() {
    is_mounted
    (($? == 1))
}

# XFS replays its log by itself when a crashed volume is mounted.
mount_volume() {
    is_mounted && return 0
    [[ -d $ROOT${CONFIG[MOUNT_POINT]} ]] || mkdir -p "$ROOT${CONFIG[MOUNT_POINT]}" || return 1
    act "${CONFIG[MOUNT_SECONDS]}" mount "${CONFIG[REPLICATED_DEVICE]}" "${CONFIG[MOUNT_POINT]}" || return 1
    is_mounted
}

# In turns ever less gentle: NFS lets go of the file system, its holders are killed, the NFS server stops.
unmount_volume() {
    is_unmounted && return 0
    try_unmount && return 0
    act 10 exportfs -f
    kill_holders TERM && sleep 1
    try_unmount && return 0
    kill_holders KILL
    act 30 systemctl stop nfs-server
    # The kernel closes what its NFS server and killed processes had open a moment after they are gone.
    wait_until 5 try_unmount
}

try_unmount() {
    act 30 umount "${CONFIG[MOUNT_POINT]}" && is_unmounted
}

# kill_holders SIGNAL: signals every process that has its program, directory, root or a file on the volume; false when
# there is none. (fuser and lsof are not everywhere.)
kill_holders() {
    local process pid found=1
    for process in "$ROOT"/proc/[0-9]*; do
        pid=${process##*/}
        [[ $pid == "$$" || $pid == "$BASHPID" || $pid == 1 || ! -d $process ]] && continue
        if bounded "${CONFIG[LOOK_SECONDS]}" stat -c %N "$process"/{exe,cwd,root} "$process"/fd/* || [[ -n $BOUNDED_OUTPUT ]]; then
            [[ $BOUNDED_OUTPUT == *" -> "?"${CONFIG[MOUNT_POINT]}"[/\'\"]* ]] || continue
            log "process $pid holds ${CONFIG[MOUNT_POINT]}: sending SIG$1"
            kill -s "$1" "$pid" 2>/dev/null
            found=0
        fi
    done
    return "$found"
}

# Writes over what is there, which needs no room: a full volume is not a hung one, and would be as full on the peer.
look_at_volume() {
    printf 'trying '
    timeout -k 1 "${CONFIG[LOOK_SECONDS]}" dd if=/dev/zero of="$ROOT${CONFIG[MOUNT_POINT]}/$WRITE_CHECK_FILE" \
        bs=512 count=1 conv=notrunc,fsync status=none && printf writable
}

# Of that look: 0 when it wrote; 2 when it could not begin to, as `timeout` says (its exit codes 125 to 127).
is_volume_writable() {
    local code
    answer volume
    code=$?
    [[ $ANSWER == *writable ]] && return 0
    [[ $ANSWER == trying* && $code != 12[567] ]] && return 1
    return 2
}
