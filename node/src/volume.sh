# -------------------------------------------------------------------------------------------------------- file system
# Uses core.

# Whether the mount point shows the replicated volume, and not what else may be mounted there; 2 when that can't be seen.
# From mountinfo (proc(5)), which answers also when the file system itself hangs. The last mount covers those before it.
is_mounted() {
    local number root target volume found=2
    volume=$(volume_number)
    while read -r _ _ number root target _; do
        ((found == 2)) && found=1
        [[ $target == "${CONFIG[MOUNT_POINT]}" ]] || continue
        found=1
        [[ $number != "$volume" || $root != / ]] || found=0
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

# While users still work: what is written back now need not be when they wait. (`sync -f` is of coreutils 8.24; RHEL 7
# has 8.22, whose sync knows only all file systems.)
flush_volume() {
    is_mounted || return 0
    await 20 sync -f "${CONFIG[MOUNT_POINT]}" || await 20 sync
}

# In turns ever less gentle: the volume's holders get TERM, then KILL, the NFS server stops. What is reached counts: umount
# may end late or badly though the volume is gone.
unmount_volume() {
    local deadline=$(($(now_seconds) + $(flush_seconds))) turn=0
    until unmount_everywhere "$deadline"; do
        if (($(now_seconds) >= deadline)); then
            LAST_ERROR="${MOUNTS[0]#* } is busy$(describe_holders)${LAST_ERROR:+ ($LAST_ERROR)}"
            return 1
        fi
        turn=$((turn + 1))
        case $turn in
        1) act 10 exportfs -f && signal_holders TERM ;;
        4) act 30 systemctl stop nfs-server ;;
        *) signal_holders KILL ;;
        esac
        # The kernel closes what they had open a moment after they are gone.
        sleep 0.5
    done
}

# Every mount of the device in every mount namespace, with what is mounted on and below it, the last first.
unmount_everywhere() {
    local index left pid target
    find_mounts
    for ((index = ${#MOUNTS[@]} - 1; index >= 0; index--)); do
        pid=${MOUNTS[index]%% *} target=${MOUNTS[index]#* } left=$(($1 - $(now_seconds)))
        ((left > 0)) || return 1
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
    bounded "${CONFIG[LOOK_SECONDS]}" grep -ls " $(volume_number) " "$ROOT"/proc/[0-9]*/mountinfo
    while read -r process; do
        process=${process%/mountinfo}
        namespace=$(stat -L -c %i "$process/ns/mnt" 2>/dev/null) || continue
        [[ " $known " == *" $namespace "* ]] && continue
        known+=" $namespace"
        find_mounts_of "${process##*/}"
    done < <(printf '%s\n' "$BOUNDED_OUTPUT")
}

find_mounts_of() {
    local number target ours="" volume
    volume=$(volume_number)
    while read -r _ _ number _ target _; do
        printf -v target %b "$target"
        if [[ $number == "$volume" || " $ours" == *" $target "* ]] || is_below "$target" "$ours"; then
            ours+="$target "
            MOUNTS+=("$1 $target")
        fi
    done <"$ROOT/proc/$1/mountinfo"
}

# is_below PATH "DIRECTORY ...": names on the way to it are looked for, not prefixes of names.
is_below() {
    local above=$1
    while above=${above%/*} && [[ -n $above ]]; do
        [[ " $2" == *" $above "* ]] && return 0
    done
    return 1
}

volume_number() {
    local minor=${CONFIG[REPLICATED_DEVICE]##*[!0-9]}
    printf '%d:%d' "$DRBD_MAJOR" "${minor:-0}"
}

# HOLDERS: by process, what it has on the volume (its program, directory, root, a file), or the device itself. By the
# device's number, so that no other way to a file hides it. (fuser and lsof are not everywhere.)
declare -A HOLDERS=()
find_holders() {
    local number major minor path pid
    number=$(volume_number) major=${number%:*} minor=${number#*:} HOLDERS=()
    # shellcheck disable=SC2016
    bounded "${CONFIG[LOOK_SECONDS]}" "$BASH" -c 'shopt -s nullglob
        printf "%s\0" "$1"/proc/[0-9]*/{exe,cwd,root} "$1"/proc/[0-9]*/fd/* |
            xargs -0 stat -L -c "%d %t:%T %n" | grep -E "^($2 |[0-9]+ $3 )"' - "$ROOT" \
        "$((major * 256 + minor))" "$(printf '%x:%x' "$major" "$minor")"
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
        name=""
        { read -r name <"$ROOT/proc/$pid/comm"; } 2>/dev/null
        words+=", held by ${name:-a process} (process $pid, ${HOLDERS[$pid]})"
    done
    find_mounts
    for ((mount = 0; mount < ${#MOUNTS[@]}; mount++)); do
        [[ ${MOUNTS[mount]} == self* ]] || words+=", mounted on ${MOUNTS[mount]#* } for process ${MOUNTS[mount]%% *}"
    done
    for name in "$ROOT/sys/class/block/${CONFIG[REPLICATED_DEVICE]##*/}/holders"/*; do
        [[ ! -e $name ]] || words+=", held by the device ${name##*/}"
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

# RESPAWNERS: by process, those of its children that were signalled.
declare -A RESPAWNERS=()
# signal_holders SIGNAL: supervisors before what they would start anew: ancestors among the holders first; and a parent
# outside the volume once it has put another child in the place of one that was signalled. This script, and what it runs
# under, is left alone.
signal_holders() {
    local pid depth ancestor own=" 1 " order="" children=""
    ancestor=$$
    while ((ancestor > 1)); do
        own+="$ancestor "
        parent_of "$ancestor"
        ancestor=$PARENT
    done
    find_holders
    for pid in "${!HOLDERS[@]}"; do
        [[ $own != *" $pid "* ]] || continue
        depth=0 ancestor=$pid
        while parent_of "$ancestor" && ((PARENT > 1 && depth < 100)); do
            depth=$((depth + 1)) ancestor=$PARENT
        done
        order+="$depth $pid"$'\n'
        parent_of "$pid"
        [[ $own != *" $PARENT "* && $PARENT != 0 ]] || continue
        [[ -z ${RESPAWNERS[$PARENT]+known} || " ${RESPAWNERS[$PARENT]}" == *" $pid "* ]] || order+="-1 $PARENT"$'\n'
        children+="$PARENT $pid"$'\n'
    done
    while read -r ancestor pid; do
        [[ -z $pid ]] || RESPAWNERS[$ancestor]+="$pid "
    done < <(printf '%s' "$children")
    while read -r _ pid; do
        [[ -n $pid ]] || continue
        log "process $pid holds the volume (${HOLDERS[$pid]:-it starts holders anew}): sending SIG$1"
        kill -s "$1" "$pid" 2>/dev/null
    done < <(printf '%s' "$order" | sort -u -k1n -k2n)
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
