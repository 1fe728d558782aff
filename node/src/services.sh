# ----------------------------------------------------------------------------------------------------------- services
# Uses core.

# The init scripts are called directly. Through systemctl a service whose process died would still count as "active
# (exited)", as units generated from init scripts do, and `start` would do nothing; the two variables keep the
# distributions' init functions from going that way. What a service leaves running must not hold our output.
init_script() {
    SYSTEMCTL_SKIP_REDIRECT=1 _SYSTEMCTL_SKIP_REDIRECT=1 "$ROOT/etc/init.d/$1" "$2" >>"$LOG_FILE" 2>&1
}

look_at_service() {
    local output
    output=$(SYSTEMCTL_SKIP_REDIRECT=1 _SYSTEMCTL_SKIP_REDIRECT=1 timeout -k 1 "${CONFIG[LOOK_SECONDS]}" \
        "$ROOT/etc/init.d/$1" status 2>&1) && printf running
    # An init script that knows no `status` says how it is used; then the process list must tell.
    [[ $output != *[Uu]sage:*status* && $output == *[Uu]sage:* ]] && has_process_of "$1" && printf running
}

# A process whose command line names the service's program on the volume.
has_process_of() {
    local program=cyss process line
    [[ $1 == "$DATABASE_SERVICE" ]] && program=mysqld
    for process in "$ROOT"/proc/[0-9]*; do
        line=""
        { IFS= read -r -d '' line <"$process/cmdline"; } 2>/dev/null
        [[ ${line##*/} == "$program"* && $line == "${CONFIG[MOUNT_POINT]}"/* ]] && return 0
    done
    return 1
}

is_service_running() {
    look "service $1" look_at_service "$1"
    answer "service $1"
    [[ $ANSWER == running ]]
}

start_service() {
    is_service_running "$1" && return 0
    log "starting $1"
    export -f init_script
    export ROOT LOG_FILE
    if ! act "${CONFIG[SERVICE_SECONDS]}" "$BASH" -c "init_script $1 start"; then
        # It says itself that it failed: waiting for it would only make the outage longer.
        is_service_running "$1"
        return
    fi
    wait_until "${CONFIG[ANSWER_SECONDS]}" is_service_running "$1"
}

stop_service() {
    is_service_running "$1" || return 0
    log "stopping $1"
    export -f init_script
    export ROOT LOG_FILE
    act "${CONFIG[SERVICE_SECONDS]}" "$BASH" -c "init_script $1 stop"
    ! is_service_running "$1"
}

# wait_until SECONDS COMMAND...
wait_until() {
    local deadline=$(($(now_seconds) + $1))
    shift
    until "$@"; do
        (($(now_seconds) < deadline)) || return 1
        sleep 0.2
    done
}

are_services_enabled_at_boot() {
    local link
    for link in "$ROOT"/etc/rc[2-5].d/S[0-9][0-9]{"$DATABASE_SERVICE","$SCHEDULER_SERVICE"} \
        "$ROOT"/etc/rc.d/rc[2-5].d/S[0-9][0-9]{"$DATABASE_SERVICE","$SCHEDULER_SERVICE"} \
        "$UNIT_DIRECTORY"/*.wants/{"$DATABASE_SERVICE","$SCHEDULER_SERVICE"}.service; do
        [[ -e $link || -L $link ]] && return 0
    done
    return 1
}

is_mounted_by_fstab() {
    local device target options
    [[ -r $ROOT/etc/fstab ]] || return 1
    while read -r device target _ options _; do
        [[ $device != \#* && $target == "${CONFIG[MOUNT_POINT]}" && ,$options, != *,noauto,* ]] && return 0
    done <"$ROOT/etc/fstab"
    return 1
}
