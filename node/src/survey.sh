# -------------------------------------------------------------------------------------------------------------- survey
# Uses core and resources. What is on this node of an installation of Garoon, whatever is configured; changes nothing.

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
        case $path in
        "${CONFIG[MOUNT_POINT]}"/*) continue ;;
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
        [[ $path == "${CONFIG[MOUNT_POINT]}"/* && $seen != *" $path "* ]] || continue
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

run_survey() {
    local services name ports=null identifiers=" "
    look database-settings look_at_database_settings
    services=$(find_services)
    for name in $services; do
        [[ $name == cyss* && $name == *_* ]] || continue
        name=${name%.service} name=${name#*_}
        [[ $identifiers == *" $name "* ]] || identifiers+="$name "
    done
    # shellcheck disable=SC2086 # words
    answer database-settings && ports=$(json_words $ANSWER)
    # shellcheck disable=SC2046,SC2086 # words
    SURVEY_JSON=$(printf '{"services":%s,"missing":%s,"identifiers":%s,"databasePorts":%s,"exports":%s}' \
        "$(json_words $services)" "$(json_words $(find_missing))" "$(json_words $identifiers)" "$ports" "$(json_words $(find_exports))")
    done_with "${CONFIG[NODE_NAME]:-This node} reports what is on it."
}
