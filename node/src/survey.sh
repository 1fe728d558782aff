# -------------------------------------------------------------------------------------------------------------- survey
# Uses core, resources and room. What is on this node of an installation of Garoon, whatever is configured; changes
# nothing.

# By name, each once: Cybozu's database engine and scheduling service, whose names go on with the installation's
# identifier (cyss_cbgrn_01, cyssp_cbgrn_1). /etc/init.d is another name of /etc/rc.d/init.d. What has a dot in its name
# is a copy that somebody has kept.
find_services() {
    local file name seen=" "
    for file in "$ROOT"/etc/{init.d,rc.d/init.d}/cy{de,ss}* "$ROOT"/{etc,usr/lib,lib}/systemd/system/cy{de,ss}*.service; do
        name=${file##*/}
        case $file in
        *.service) [[ -f $file ]] || continue ;;
        *) [[ $name != *.* && -f $file && -x $file ]] || continue ;;
        esac
        matches "$name" "$NAME_PATTERN" && [[ $seen != *" ${name%.service} "* ]] || continue
        seen+="${name%.service} "
        printf '%s ' "$name"
    done
}

# Of what is configured. What lies on the volume can be seen only where it is mounted.
find_missing() {
    local service path directory
    for service in "${SERVICES[@]}"; do
        path=${SERVICE_PATH[$service]}
        ! is_on_volume "$path" || continue
        case $path in
        /*) [[ -x $ROOT$path/restore && -x $ROOT$path/remove && -x $ROOT$path/quickCheck ]] && continue ;;
        *.service)
            for directory in etc usr/lib lib; do [[ ! -f $ROOT/$directory/systemd/system/$path ]] || continue 2; done
            ;;
        *) [[ -x $ROOT/etc/init.d/$path ]] && continue ;;
        esac
        printf '%s ' "$path"
    done
}

# The server's port, of its settings on the volume (MySQL manual, "Using Option Files").
look_at_database_settings() {
    local file line section=""
    for file in "$ROOT${CONFIG[MOUNT_POINT]}"/cybozu/*/{etc/,}my.{ini,cnf}; do
        [[ -f $file ]] || continue
        while read -r line; do
            [[ ! $line =~ ^\[(.*)\] ]] || section=${BASH_REMATCH[1]}
            [[ $section != mysqld || ! $line =~ ^port[[:space:]]*=[[:space:]]*([0-9]{1,5})[[:space:]]*$ ]] || printf '%s ' "${BASH_REMATCH[1]}"
        done <"$file"
    done
}

find_exports() {
    local path seen=" "
    [[ -r $ROOT/var/lib/nfs/etab ]] || return 0
    while read -r path _; do
        is_on_volume "$path" && [[ $seen != *" $path "* ]] || continue
        seen+="$path "
        printf '%s ' "${path#"${CONFIG[MOUNT_POINT]}"/}"
    done <"$ROOT/var/lib/nfs/etab"
}

# json_words WORD...: an array.
json_words() {
    local word out=""
    for word; do out+=",$(json_string "$word")"; done
    printf '[%s]' "${out#,}"
}

# What the other parts need, beside what comes with bash (docs/installation.md).
readonly NEEDED_COMMANDS="$ENGINE_COMMANDS dd df exportfs flock ip mktemp mount python3 readlink systemctl systemd-run timeout umount"

missing_commands() {
    local command
    for command in $NEEDED_COMMANDS; do
        command -v "$command" >/dev/null || printf '%s ' "$command"
    done
}

# volume_of NAME: the EBS volume of an NVMe disk is its serial number, without the hyphen (EC2 User Guide, "Map Amazon EBS
# volumes to NVMe device names"). A partition is on its disk's volume. Nothing where no device tells.
volume_of() {
    local disk=$1 serial=""
    [[ ! $disk =~ ^(nvme[0-9]+n[0-9]+)p[0-9]+$ ]] || disk=${BASH_REMATCH[1]}
    { read -r serial <"$ROOT/sys/class/block/$disk/device/serial"; } 2>/dev/null
    [[ ! $serial =~ ^vol-?([0-9a-f]{8,17})$ ]] || printf 'vol-%s' "${BASH_REMATCH[1]}"
}

# Each block device by each of its names.
look_at_devices() {
    local blocks name link volume
    local -A links=()
    for link in "$ROOT"/dev/{xvd,sd}*; do
        [[ -L $link ]] || continue
        name=$(readlink "$link")
        links[${name##*/}]+=" ${link##*/}"
    done
    while read -r _ _ blocks name; do
        [[ $blocks =~ ^[0-9]+$ && $name != @(loop|ram|zram|sr|fd|$ENGINE_DEVICES)[0-9]* ]] || continue
        volume=$(volume_of "$name")
        for name in $name ${links[$name]:-}; do
            printf ',{"name":%s,"bytes":%d,"volume":"%s"}' "$(json_string "$name")" "$((blocks * 1024))" "$volume"
        done
    done <"$ROOT/proc/partitions"
}

# Mount points that the system mounts at its start.
mounted_at_boot() {
    local device target options
    [[ -r $ROOT/etc/fstab ]] || return 0
    while read -r device target _ options _; do
        [[ $device != \#* && ,$options, != *,noauto,* ]] && matches "$target" "$PATH_PATTERN" && printf '%s ' "$target"
    done <"$ROOT/etc/fstab"
}

# enabled_at_boot NAME...: those of the services that the system starts itself.
enabled_at_boot() {
    local name link
    for name; do
        for link in "$ROOT"/etc/{rc,rc.d/rc}[2-5].d/S[0-9][0-9]"$name" "$UNIT_DIRECTORY"/*.wants/"${name%.service}.service"; do
            [[ -e $link || -L $link ]] && printf '%s ' "$name" && break
        done
    done
}

# MiB that are free, of the file systems to which the controller's part writes.
look_at_space() {
    local directory free
    for directory in / /var /run; do
        read -r _ _ _ free _ < <(df -Pk "$ROOT$directory" | tail -n 1) || continue
        printf ',"%s":%d' "$directory" "$((free / 1024))"
    done
}

# What is asked before anything of the controller's is there.
format_host() {
    local devices=null space=null room=null number further=""
    answer devices && devices="[${ANSWER#,}]"
    answer space && space="{${ANSWER#,}}"
    answer "room 0" && room=$ANSWER
    for ((number = 1; number < ${#DATA_DEVICES[@]}; number++)); do
        if answer "room $number"; then further+=",$ANSWER"; else further+=",null"; fi
    done
    # shellcheck disable=SC2046,SC2086 # words
    printf '{"bash":"%d.%d","missingCommands":%s,"engine":%s,"agent":%s,"devices":%s,"mountedAtBoot":%s,"enabledAtBoot":%s,"freeMib":%s,"room":%s%s}' \
        "${BASH_VERSINFO[0]}" "${BASH_VERSINFO[1]}" "$(json_words $(missing_commands))" "$(json_string "$(engine_version)")" \
        "$(json_string "$(agent_version)")" "$devices" "$(json_words $(mounted_at_boot))" "$(json_words $(enabled_at_boot $1))" "$space" "$room" \
        "${further:+,\"furtherRoom\":[${further#,}]}"
}

run_survey() {
    local services name number ports=null identifiers=" "
    look database-settings look_at_database_settings
    look devices look_at_devices
    look space look_at_space
    for number in "${!DATA_DEVICES[@]}"; do look "room $number" look_at_metadata_room "${DATA_DEVICES[number]}"; done
    services=$(find_services)
    for name in $services; do
        [[ $name == cyss* && $name == *_* ]] || continue
        name=${name%.service} name=${name#*_}
        [[ $identifiers == *" $name "* ]] || identifiers+="$name "
    done
    # shellcheck disable=SC2086 # words
    answer database-settings && ports=$(json_words $ANSWER)
    # shellcheck disable=SC2046,SC2086 # words
    SURVEY_JSON=$(printf '{"services":%s,"missing":%s,"identifiers":%s,"databasePorts":%s,"exports":%s,"host":%s}' \
        "$(json_words $services)" "$(json_words $(find_missing))" "$(json_words $identifiers)" "$ports" "$(json_words $(find_exports))" \
        "$(format_host "$services")")
    done_with "${CONFIG[NODE_NAME]:-This node} reports what is on it."
}
