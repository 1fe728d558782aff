# -------------------------------------------------------------------------------------------------------- room: DRBD
# Uses core. Where DRBD's own data (its metadata) would lie on the data device, whose file system has users and cannot
# shrink. Looks only.

# metadata_bytes DEVICE_BYTES: internal metadata for one peer: a bit for each 4 KiB in words of 64 bits, an activity log of
# 32 KiB and a block of 4 KiB, all in whole blocks (drbd-utils 9.22, drbdmeta create-md v08; tests/node/test_room.py).
metadata_bytes() {
    local words=$((($1 + 262143) / 262144)) blocks
    blocks=$(((words * 8 + 4095) / 4096))
    printf '%d' "$((blocks * 4096 + 36864))"
}

# bytes_at DEVICE OFFSET COUNT: in hexadecimal.
bytes_at() {
    bounded "${CONFIG[LOOK_SECONDS]}" od -An -v -tx1 -j "$2" -N "$3" "$ROOT$1" || return 1
    printf '%s' "${BOUNDED_OUTPUT//[^0-9a-f]/}"
}

# The size that an XFS has (xfs(5): magic, size of a block, count of blocks at its begin); 0 where nothing is. Fails for
# anything else: nobody may overwrite the end of what nobody knows.
file_system_bytes() {
    local head
    head=$(bytes_at "$1" 0 16) && ((${#head} == 32)) || return 1
    case $head in
    58465342*) printf '%d' "$((16#${head:8:8} * 16#${head:16:16}))" ;;
    00000000000000000000000000000000) printf 0 ;;
    *) return 1 ;;
    esac
}

# Its magic number at the end of the device, of 8.4 (clean or not) or 9 (drbd-utils, drbdmeta.c).
has_metadata() {
    local magic
    magic=$(bytes_at "$1" "$(($2 - 4096 + 60))" 4) && [[ $magic == 8374026[bcd] ]]
}

# Bytes behind the partition BLOCK up to the next one, or to the last MiB of the disk, where GPT keeps a copy. Fails if
# another partition lies behind, which this one cannot pass.
room_behind() {
    local block=$1 size=$2 start end other disk
    disk=$(readlink -f "$block/..")
    { read -r start <"$block/start" && read -r end <"$disk/size"; } 2>/dev/null || return 1
    for other in "$disk"/*/start; do
        [[ -r $other ]] && (($(<"$other") >= start + size / 512)) && return 1
    done
    end=$((end * 512 - (start * 512 + size) - 1048576))
    printf '%d' "$((end > 0 ? end : 0))"
}

# look_at_metadata_room DEVICE: one JSON object; fails where the device is not there or does not answer.
look_at_metadata_room() {
    local device=$1 block name size used=null needed behind=0 number="" disk fits volume commands=()
    name=$(readlink -f "$ROOT$device") name=${name##*/}
    block=$ROOT/sys/class/block/$name
    { read -r size <"$block/size"; } 2>/dev/null && matches "$size" "$NUMBER_PATTERN" || return 1
    size=$((size * 512)) needed=$(metadata_bytes "$size") disk=$name
    if { read -r number <"$block/partition"; } 2>/dev/null; then
        disk=$(readlink -f "$block/..") disk=${disk##*/}
        behind=$(room_behind "$block" "$size") || behind=""
    fi
    if has_metadata "$device" "$size"; then
        fits=there
    elif ! used=$(file_system_bytes "$device"); then
        fits=unknown used=null
    elif ((size - used >= needed)); then
        fits=internal
    elif [[ -z $behind ]]; then
        fits=external
    elif ((size + behind - used >= $(metadata_bytes $((size + behind))))); then
        fits=enlargedPartition
    else
        fits=enlargedVolume
        { read -r behind <"$ROOT/sys/class/block/$disk/size"; } 2>/dev/null
        volume=$(volume_of "$disk")
        commands+=("aws ec2 modify-volume --volume-id ${volume:-VOLUME_ID} --size $((behind * 512 / 1073741824 + 1))")
    fi
    # growpart takes the disk's name as the system has it (EC2 User Guide, "Extend the file system after resizing an
    # Amazon EBS volume").
    [[ $fits != enlarged* || -z $number ]] ||
        commands+=("sfdisk --dump /dev/$disk >/root/partitions-of-$disk" "growpart /dev/$disk $number")
    printf '{"device":%s,"bytes":%d,"usedBytes":%s,"neededBytes":%d,"fits":"%s","commands":%s}' \
        "$(json_string "$device")" "$size" "$used" "$needed" "$fits" "$(json_words "${commands[@]+"${commands[@]}"}")"
}
