# -------------------------------------------------------------------------------------------------------- file system
# Uses core, and the number that replication gives the volume.

# Whether the mount point shows the replicated volume, and not what else may be mounted there; 2 when that can't be seen.
# From mountinfo (proc(5)), which answers also when the file system itself hangs. The last mount covers those before it.
is_mounted() {
    local number root target found=2
    while read -r _ _ number root target _; do
        ((found == 2)) && found=1
        [[ $target == "${CONFIG[MOUNT_POINT]}" ]] || continue
        found=1
        [[ $number != "$(volume_number)" || $root != / ]] || found=0
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

# How long what is not written back yet may take, at 1 MB/s.
flush_seconds() {
    local name kilobytes dirty=0
    while read -r name kilobytes _; do
        [[ $name != Dirty: && $name != Writeback: ]] || dirty=$((dirty + kilobytes))
    done <"$ROOT/proc/meminfo"
    printf '%d' "$((CONFIG[RELEASE_SECONDS] + dirty / 1024))"
}

# While users still work: what is written back now need not be when they wait. (RHEL 7's sync knows only all file systems.)
flush_volume() {
    ! is_mounted || await 20 sync
}

# In turns ever less gentle: the volume's holders get TERM, then KILL, the NFS server stops. What is reached counts: umount
# may end late or badly though the volume is gone.
unmount_volume() {
    local deadline=$(($(now_seconds) + $(flush_seconds))) turn=0
    until unmount_everywhere "$deadline"; do
        # On a slow machine one turn may take the whole time.
        if (($(now_seconds) >= deadline && turn > 4)); then
            LAST_ERROR+=$(describe_holders)
            return 1
        fi
        turn=$((turn + 1))
        case $turn in
        1)
            act 10 exportfs -f
            signal_holders TERM
            ;;
        4) act 30 systemctl stop nfs-server ;;
        *) signal_holders KILL ;;
        esac
        # The kernel closes what they had open a moment after they are gone.
        sleep 0.5
    done
}

# unmount_everywhere DEADLINE: every mount of the device in every mount namespace, with what is mounted on and below it,
# the last first. After the deadline what needs no time is still let go of.
unmount_everywhere() {
    local index left pid target
    find_mounts
    for ((index = ${#MOUNTS[@]} - 1; index >= 0; index--)); do
        pid=${MOUNTS[index]%% *} target=${MOUNTS[index]#* } left=$(($1 - $(now_seconds)))
        ((left >= 5)) || left=5
        if [[ $pid == self ]]; then
            await "$left" umount "$target"
        else
            await "$left" nsenter -t "$pid" -m umount "$target"
        fi
    done
    find_mounts
    ((${#MOUNTS[@]} == 0)) && is_unmounted
}

# MOUNTS: "self /mnt/DIR1", or "PID TARGET" for the namespace of that process.
MOUNTS=()
find_mounts() {
    local process namespace known
    MOUNTS=()
    find_mounts_of self
    known=$(stat -L -c %i /proc/self/ns/mnt)
    bounded 5 grep -ls " $(volume_number) " "$ROOT"/proc/[0-9]*/mountinfo
    while read -r process; do
        process=${process%/mountinfo}
        namespace=$(stat -L -c %i "$process/ns/mnt" 2>/dev/null) || continue
        [[ " $known " == *" $namespace "* ]] && continue
        known+=" $namespace"
        find_mounts_of "${process##*/}"
    done < <(printf '%s\n' "$BOUNDED_OUTPUT")
}

find_mounts_of() {
    local number target path volume ours=()
    volume=$(volume_number)
    while read -r _ _ number _ target _; do
        printf -v target %b "$target"
        # What covers the volume or lies below it goes first, too.
        for path in "$number" "${ours[@]+"${ours[@]}"}"; do
            [[ $path == "$volume" || $target == "$path" || $target == "$path"/* ]] || continue
            ours+=("$target")
            MOUNTS+=("$1 $target")
            break
        done
    done <"$ROOT/proc/$1/mountinfo"
}

# HOLDERS: by process, what it has on the volume (its program, directory, root, a file), or the device itself. By the
# device's number, so that no other way to a file hides it. (fuser and lsof are not everywhere.)
declare -A HOLDERS=()
list_holders() {
    printf '%s\0' "$ROOT"/proc/[0-9]*/{exe,cwd,root} "$ROOT"/proc/[0-9]*/fd/* |
        xargs -0 stat -L -c '%d %t:%T %n' 2>/dev/null | grep -E "$1"
}

find_holders() {
    local number major minor path pid
    number=$(volume_number) major=${number%:*} minor=${number#*:} HOLDERS=()
    export -f list_holders
    export ROOT
    printf -v number '^(%d |[0-9]+ %x:%x )' "$((major * 256 + minor))" "$major" "$minor"
    bounded 20 "$BASH" -c "list_holders '$number'"
    while read -r _ _ path; do
        path=${path#"$ROOT/proc/"}
        pid=${path%%/*}
        [[ $pid =~ ^[0-9]+$ ]] && HOLDERS[$pid]=${path#*/}
    done < <(printf '%s\n' "$BOUNDED_OUTPUT")
}

# E.g. ", held by sleep (process 4711, fd/3)"; nothing when nobody is found.
describe_holders() {
    local pid name words="" mount
    find_holders
    for pid in "${!HOLDERS[@]}"; do
        name="?"
        { read -r name <"$ROOT/proc/$pid/comm"; } 2>/dev/null
        words+=", held by $name (process $pid, ${HOLDERS[$pid]})"
    done
    find_mounts
    for mount in "${MOUNTS[@]+"${MOUNTS[@]}"}"; do
        [[ $mount == self* ]] || words+=", mounted on ${mount#* } for process ${mount%% *}"
    done
    printf '%s' "${words:0:200}"
}

# parent_of PID: in PARENT; 0 when there is none.
parent_of() {
    local line=""
    { IFS= read -r line <"$ROOT/proc/$1/stat"; } 2>/dev/null
    line=${line##*) ? }
    PARENT=${line%% *}
    [[ $PARENT =~ ^[0-9]+$ ]] || PARENT=0
}

# By process, those of its children that were signalled.
declare -A SIGNALLED=()
# signal_holders SIGNAL: supervisors before what they would start anew: a holder with a child that is one, too; and a
# parent outside the volume once it has put another child in the place of one that was signalled. This script, and what
# it runs under, is left alone.
signal_holders() {
    local pid own=" 0 1 " first="" rest="" children=()
    PARENT=$$
    while ((PARENT > 1)); do
        own+="$PARENT "
        parent_of "$PARENT"
    done
    find_holders
    for pid in "${!HOLDERS[@]}"; do
        rest+=" $pid"
        parent_of "$pid"
        children+=("$PARENT $pid")
        [[ -z ${HOLDERS[$PARENT]:-} ]] || first+=" $PARENT"
        [[ -z ${SIGNALLED[$PARENT]:-} || ${SIGNALLED[$PARENT]} == *" $pid "* ]] || first+=" $PARENT"
    done
    for pid in "${children[@]+"${children[@]}"}"; do
        SIGNALLED[${pid% *}]+=" ${pid#* } "
    done
    for pid in $first $rest; do
        [[ $own != *" $pid "* ]] || continue
        own+="$pid "
        log "process $pid keeps the volume (${HOLDERS[$pid]:-respawns}): SIG$1"
        kill -s "$1" "$pid" 2>/dev/null
    done
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
