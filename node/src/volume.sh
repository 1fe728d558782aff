# -------------------------------------------------------------------------------------------------------- file system
# Uses core, resources, and the numbers that replication gives the volumes.

# As the defaults are, until settings are read.
read_volumes

# By mount point: number and root of what it shows. From mountinfo (proc(5)), which answers also when a file system itself
# hangs. The last mount covers those before it. False when that can't be seen.
declare -A SHOWN=()
read_mounts() {
    local number root target
    SHOWN=()
    while read -r _ _ number root target _; do SHOWN["$target"]="$number $root"; done <"$ROOT/proc/self/mountinfo"
    ((${#SHOWN[@]} > 0))
}

# shows_volume DEVICE MOUNT_POINT: and not what else may be mounted there. As read_mounts saw it.
shows_volume() {
    [[ -n ${SHOWN["$2"]:-} && ${SHOWN["$2"]} == "$(volume_number "$1") /" ]]
}

# How many of the volumes are where they belong, in MOUNTED; false when that can't be seen.
count_mounted() {
    local number
    MOUNTED=0
    read_mounts || return 1
    for number in "${!MOUNT_POINTS[@]}"; do
        ! shows_volume "${REPLICATED_DEVICES[number]}" "${MOUNT_POINTS[number]}" || MOUNTED=$((MOUNTED + 1))
    done
}

# All of them; 2 when that can't be seen.
is_mounted() {
    count_mounted || return 2
    ((MOUNTED == ${#MOUNT_POINTS[@]}))
}

# None of them.
is_unmounted() {
    count_mounted && ((MOUNTED == 0))
}

# In their order, for a mount point may lie on a volume before it. XFS replays its log by itself when a crashed volume is
# mounted.
mount_volume() {
    local number device target
    is_mounted && return 0
    for number in "${!MOUNT_POINTS[@]}"; do
        device=${REPLICATED_DEVICES[number]} target=${MOUNT_POINTS[number]}
        shows_volume "$device" "$target" && continue
        [[ -d $ROOT$target ]] || mkdir -p "$ROOT$target" || return 1
        act "${CONFIG[MOUNT_SECONDS]}" mount "$device" "$target" || return 1
    done
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
    is_unmounted || await 20 sync
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

# unmount_everywhere DEADLINE: every mount of the devices in every mount namespace, with what is mounted on and below it,
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
    local process namespace known device
    local -a patterns=()
    for device in "${REPLICATED_DEVICES[@]}"; do patterns+=(-e " $(volume_number "$device") "); done
    MOUNTS=()
    find_mounts_of self
    known=$(stat -L -c %i /proc/self/ns/mnt)
    bounded 5 grep -ls "${patterns[@]}" "$ROOT"/proc/[0-9]*/mountinfo
    while read -r process; do
        process=${process%/mountinfo}
        namespace=$(stat -L -c %i "$process/ns/mnt" 2>/dev/null) || continue
        [[ " $known " == *" $namespace "* ]] && continue
        known+=" $namespace"
        find_mounts_of "${process##*/}"
    done < <(printf '%s\n' "$BOUNDED_OUTPUT")
}

find_mounts_of() {
    local number target path device volumes=" " ours=()
    for device in "${REPLICATED_DEVICES[@]}"; do volumes+="$(volume_number "$device") "; done
    while read -r _ _ number _ target _; do
        printf -v target %b "$target"
        # What covers a volume or lies below it goes first, too.
        for path in "$number" "${ours[@]+"${ours[@]}"}"; do
            [[ $volumes == *" $path "* || $target == "$path" || $target == "$path"/* ]] || continue
            ours+=("$target")
            MOUNTS+=("$1 $target")
            break
        done
    done <"$ROOT/proc/$1/mountinfo"
}

# HOLDERS: by process, what it has on a volume (its program, directory, root, a file), or the device itself. By the
# device's number, so that no other way to a file hides it. (fuser and lsof are not everywhere.)
declare -A HOLDERS=()
list_holders() {
    printf '%s\0' "$ROOT"/proc/[0-9]*/{exe,cwd,root} "$ROOT"/proc/[0-9]*/fd/* |
        xargs -0 stat -L -c '%d %t:%T %n' 2>/dev/null | grep -E "$1"
}

find_holders() {
    local number major minor path pid device pattern=""
    HOLDERS=()
    export -f list_holders
    export ROOT
    for device in "${REPLICATED_DEVICES[@]}"; do
        number=$(volume_number "$device") major=${number%:*} minor=${number#*:}
        printf -v number '%d |[0-9]+ %x:%x ' "$((major * 256 + minor))" "$major" "$minor"
        pattern+="|$number"
    done
    bounded 20 "$BASH" -c "list_holders '^(${pattern#|})'"
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
    timeout -k 1 "${CONFIG[LOOK_SECONDS]}" dd if=/dev/zero of="$ROOT$1/$WRITE_CHECK_FILE" \
        bs=512 count=1 conv=notrunc,fsync status=none && printf writable
}

# Of these looks: 0 when all wrote; 2 when one could not begin to, as `timeout` says (its exit codes 125 to 127).
is_volume_writable() {
    local code point worst=0
    for point in "${MOUNT_POINTS[@]}"; do
        answer "volume $point"
        code=$?
        [[ $ANSWER != *writable ]] || continue
        if [[ $ANSWER == trying* && $code != 12[567] ]]; then worst=1; elif ((worst == 0)); then worst=2; fi
    done
    return "$worst"
}
