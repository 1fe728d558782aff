# ---------------------------------------------------------------------------------------------------------- resources
# Uses core. What is in service on the active node, as configured: the volumes, the services in their start order (they
# stop in reverse) and the exports.

# An entry of SERVICES: what it is, and its options. `/folder`: its scripts restore, remove, quickCheck and recover, as
# LifeKeeper's Generic Application has them; `name.service`: a systemd unit; any other name: an init script.
readonly SERVICE_PATTERN='((/[A-Za-z0-9_][A-Za-z0-9._-]{0,62}){1,8}|[A-Za-z0-9_][A-Za-z0-9._-]{0,62})(:(start|stop)=[1-9][0-9]{0,3}|:check=[1-5]|:on-failure=(restart|warn))*'
# A check is short: `status` waits for it, and a node that does not answer in time does not answer.
# An entry of EXPORTS: a path below the mount point, or a full one below that of a further volume, and its file system id,
# which is the same on both nodes: file handles which the App servers hold stay good when the role moves (exports(5),
# fsid=).
readonly EXPORT_PATTERN='/?[A-Za-z0-9_][A-Za-z0-9._-]{0,62}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,62}){0,8}:[1-9][0-9]{0,8}'

# SERVICES holds their names, in start order; the first is the database, which the others need.
SERVICES=() DATABASE_SERVICE="" EXPORTS=()
# By a service's name. An empty limit is the general one.
declare -A SERVICE_PATH=() START_LIMIT=() STOP_LIMIT=() CHECK_LIMIT=() ON_FAILURE=()

# By a volume's number: 0 is Garoon's own, of which the settings MOUNT_POINT, DATA_DEVICE and REPLICATED_DEVICE tell; an
# entry of FURTHER_VOLUMES is the same three of another one, DATA_DEVICE:REPLICATED_DEVICE:MOUNT_POINT. All of them move
# together: they are mounted before the first service starts, and a node that is primary of one is primary.
DATA_DEVICES=() REPLICATED_DEVICES=() MOUNT_POINTS=()
read_volumes() {
    local entry rest
    DATA_DEVICES=() REPLICATED_DEVICES=() MOUNT_POINTS=()
    for entry in "${CONFIG[DATA_DEVICE]}:${CONFIG[REPLICATED_DEVICE]}:${CONFIG[MOUNT_POINT]}" ${CONFIG[FURTHER_VOLUMES]//,/ }; do
        rest=${entry#*:}
        DATA_DEVICES+=("${entry%%:*}") REPLICATED_DEVICES+=("${rest%:*}") MOUNT_POINTS+=("${rest#*:}")
    done
}

# Both lists are split at their commas on purpose; set_setting let nothing through that could be a pattern.
# shellcheck disable=SC2206
read_resources() {
    read_volumes
    local entry option name IFS=,
    local -a entries=(${CONFIG[SERVICES]}) options
    EXPORTS=(${CONFIG[EXPORTS]})
    SERVICES=()
    for entry in "${entries[@]}"; do
        IFS=:
        options=($entry)
        name=${options[0]##*/}
        SERVICES+=("$name")
        SERVICE_PATH[$name]=${options[0]}
        START_LIMIT[$name]="" STOP_LIMIT[$name]="" CHECK_LIMIT[$name]="" ON_FAILURE[$name]=restart
        for option in "${options[@]}"; do
            case $option in
            start=*) START_LIMIT[$name]=${option#*=} ;;
            stop=*) STOP_LIMIT[$name]=${option#*=} ;;
            check=*) CHECK_LIMIT[$name]=${option#*=} ;;
            on-failure=*) ON_FAILURE[$name]=${option#*=} ;;
            esac
        done
    done
    DATABASE_SERVICE=${SERVICES[0]}
}

# What no pattern can say, as a sentence; nothing when the lists can be used.
why_resources_are_wrong() {
    local entry name seen=" " ids=" "
    for name in "${DATA_DEVICES[@]}" "${REPLICATED_DEVICES[@]}" "${MOUNT_POINTS[@]}"; do
        [[ $seen != *" $name "* ]] || { printf 'FurtherVolumes names %s, which another volume has' "$name"; return; }
        seen+="$name "
    done
    seen=" "
    for name in "${SERVICES[@]}"; do
        [[ $seen != *" $name "* ]] || { printf 'Services names %s twice' "$name"; return; }
        seen+="$name "
    done
    [[ ${ON_FAILURE[$DATABASE_SERVICE]} != warn ]] ||
        { printf 'The first of Services, %s, is the database, without which nothing serves: its failure can not only warn' "$DATABASE_SERVICE"; return; }
    for entry in "${EXPORTS[@]}"; do
        name=${entry%:*}
        [[ $name != /* ]] || is_on_volume "$name" || { printf 'Exports names %s, which is on no volume' "$name"; return; }
        [[ $seen != *" /$name "* ]] || { printf 'Exports names %s twice' "$name"; return; }
        [[ $ids != *" ${entry##*:} "* ]] || { printf 'Exports gives the file system id %s twice' "${entry##*:}"; return; }
        seen+="/$name " ids+="${entry##*:} "
    done
}

is_on_volume() {
    local point
    for point in "${MOUNT_POINTS[@]}"; do [[ $1/ != "$point"/* ]] || return 0; done
    return 1
}

# export_path ENTRY: in EXPORT_PATH, as the kernel knows it.
EXPORT_PATH=""
export_path() {
    EXPORT_PATH=${1%:*}
    [[ $EXPORT_PATH == /* ]] || EXPORT_PATH=${CONFIG[MOUNT_POINT]}/$EXPORT_PATH
}

is_database() {
    [[ $1 == "$DATABASE_SERVICE" ]]
}

# Its state is reported, and neither counts for `isServing` nor keeps a verb from its end.
does_only_warn() {
    [[ ${ON_FAILURE[$1]} == warn ]]
}

# In stop order.
services_reversed() {
    local index
    for ((index = ${#SERVICES[@]} - 1; index >= 0; index--)); do
        printf '%s ' "${SERVICES[index]}"
    done
}

# service_command SERVICE start|stop: in COMMAND. Without arguments a LifeKeeper script exits with 0 or says that it
# failed; `recover` is its way to bring back in place what has run before (SIOS, "Generic Application").
COMMAND=()
service_command() {
    local path=${SERVICE_PATH[$1]} script=remove
    case $path in
    /*)
        if [[ $2 == start ]]; then
            script=restore
            [[ $VERB != restart || -z $(read_note "$1" begun) || ! -x $ROOT$path/recover ]] || script=recover
        fi
        COMMAND=("$ROOT$path/$script")
        ;;
    *.service) COMMAND=(systemctl "$2" "$path") ;;
    *) COMMAND=("$ROOT/etc/init.d/$path" "$2") ;;
    esac
}

# What its start is called in a sentence.
script_word() {
    case ${SERVICE_PATH[$1]} in
    /*) printf 'restore script' ;;
    *.service) printf 'unit' ;;
    *) printf 'init script' ;;
    esac
}
