# ----------------------------------------------------------------------------------------------------------- services
# Uses core, checks and survey.

# The init scripts are called directly. Through systemctl a service whose process died would still count as "active
# (exited)", as units generated from init scripts do, and `start` would do nothing; the two variables keep the
# distributions' init functions from going that way.
#
# What serves users lives in a unit of its own: not in the process group, the control group, the folder or the
# environment of what commands the node. Of systemd-run only what systemd 219 has is used (RHEL 7: --unit,
# --description, --remain-after-exit). The unit's process runs the init script and then ends with success, whatever the
# script said; "active (exited)" it ends nothing that the script left running. A $ within a word stays as it is in a
# unit's command line, unless a brace or another $ follows (systemd.service(5), "Command lines").
# shellcheck disable=SC2016 # expanded by the shell that runs it
readonly START_TEXT='umask 022
[ "$(ulimit -n)" -ge 65536 ] || ulimit -n 65536 || ulimit -n "$(ulimit -Hn)"
log=$1 ended=$2
shift 2
true >>"$log" || log=/dev/null
SYSTEMCTL_SKIP_REDIRECT=1 _SYSTEMCTL_SKIP_REDIRECT=1 "$@" >>"$log" 2>&1 </dev/null
echo "$?" >"$ended"'

# What is known of a start: begun, ended (the init script's exit code), moved, answered (the process that did).
readonly NOTES=$ROOT/run/garoon-node

read_note() {
    local REPLY=""
    { read -r <"$NOTES.$1.$2"; } 2>/dev/null
    printf '%s' "$REPLY"
}

# run_script SERVICE start|stop: begins it, and neither waits for it nor ever signals it. `stop` needs no unit: it leaves
# nothing running, and a machine that shuts down starts no units any more.
run_script() {
    local unit=garoon-${1%.service} digits="[0-9][0-9][0-9][0-9][0-9]"
    service_command "$1" "$2"
    local -a command=(/bin/sh -c "$START_TEXT" "garoon-$2-$1" "$LOG_FILE" "$NOTES.$1.$2-ended" "${COMMAND[@]}")
    rm -f "$NOTES.$1.$2-ended"
    if [[ $2 == start && -d $ROOT/run/systemd/system ]]; then
        # Units that are left from before have no process of the service any more. One that something refers to stays
        # known when it has ended, and its name is not free. Another service's name may begin with this one's.
        bounded 10 systemctl stop "$unit.service*" "$unit-$digits$digits.service"
        bounded 10 systemctl reset-failed "$unit.service*" "$unit-$digits$digits.service"
        for unit in "$unit" "$unit-$(now_seconds)"; do
            bounded 20 systemd-run --unit="$unit" --description="Garoon: $1" --remain-after-exit "${command[@]}" && return
            [[ $BOUNDED_OUTPUT == *already* ]] || break
        done
        LAST_ERROR="systemd-run says: ${BOUNDED_OUTPUT//$'\n'/ }"
        return 1
    fi
    [[ $2 == stop ]] || log "no systemd here: $1 shares the control group of this command"
    (
        exec 9>&-
        cd / && exec setsid env -i PATH="$PATH" ${GAROON_NODE_ROOT:+GAROON_NODE_ROOT="$ROOT"} "${command[@]}"
    ) >/dev/null 2>&1 </dev/null &
}

# Cybozu's own programs, whatever the identifier of the installation makes of their services' names; else an init script's
# program bears its name. Two schedulers are not told apart by it, but by their scripts' `status`. Of other units and of LifeKeeper's scripts only what they say themselves is known.
program_pattern() {
    case $(is_database "$1" || printf '%s' "${SERVICE_PATH[$1]}") in
    "") printf '(^|/)(mysqld|mariadbd)([-_]safe|-max|-debug)?$' ;;
    /* | *.service) ;;
    cyss*) [[ "${SERVICES[*]/#/ }" == *" cyss"*" cyss"* ]] || printf '(^|/)cyss[^/]*$' ;;
    *) printf '(^|/)%s$' "${1//./\\.}" ;;
    esac
}

# The processes of a service: their ids; "begun:ID" for an init script that is still starting it; "listed" when the
# whole list was read. A process belongs to it by its program, and by the volume in its arguments, folder or program.
list_processes() {
    local program files file words first second
    program=$(program_pattern "$1")
    files=$(timeout -k 1 "${CONFIG[LOOK_SECONDS]}" grep -lzE -e "${program:+$program|}^garoon-start-$1\$" "$ROOT"/proc/[0-9]*/cmdline 2>/dev/null)
    (($? < 124)) || return
    for file in $files; do
        words=$'\n'$(tr '\0' '\n' 2>/dev/null <"$file")$'\n'
        first=${words#$'\n'} first=${first%%$'\n'*}
        second=${words#$'\n'*$'\n'} second=${second%%$'\n'*}
        file=${file%/cmdline}
        if [[ $words == *$'\n'"garoon-start-$1"$'\n'* ]]; then
            printf 'begun:%s ' "${file##*/}"
        elif [[ -n $program ]] && [[ $first =~ $program || ($second =~ $program && $second != */init.d/*) ]] && is_of_volume "$file" "$words"; then
            printf '%s ' "${file##*/}"
        fi
    done
    printf listed
}

# is_of_volume /proc/ID WORDS
is_of_volume() {
    local point places
    for point in "${MOUNT_POINTS[@]}"; do [[ $2 != *[=$'\n']"$point"/* ]] || return 0; done
    places=$(stat -c %N "$1"/{exe,cwd} 2>/dev/null)
    for point in "${MOUNT_POINTS[@]}"; do [[ $places != *" -> "?"$point"[/\'\"]* ]] || return 0; done
    return 1
}

# One word: running, starting, stopped or unknown. The process list decides. What the init script, the unit or quickCheck
# itself says is asked when the list shows nothing, and never of the database; what takes too long has said nothing.
# A database has started when it has answered.
look_at_service() {
    local processes process answered
    processes=$(list_processes "$1")
    answered=$(read_note "$1" answered)
    for process in $processes; do
        case $process in
        begun:* | listed) ;;
        *)
            if ! is_database "$1" || [[ " $answered " == *" $process "* ]]; then
                printf running
                return
            fi
            ;;
        esac
    done
    case $processes in
    listed) if is_database "$1"; then printf stopped; else ask_service "$1"; fi ;;
    *listed) printf starting ;;
    *) printf unknown ;;
    esac
}

# A quickCheck that takes too long says nothing, as under LifeKeeper (SIOS user portal, on its ALRM signal); an init
# script whose `status` takes too long, or that has none, is no proof that something runs.
ask_service() {
    local path=${SERVICE_PATH[$1]} limit word
    limit=$(check_seconds "$1")
    case $path in
    /*)
        timeout -k 1 "$limit" "$ROOT$path/quickCheck" >/dev/null 2>&1
        case $? in
        0) word=running ;;
        124 | 137) word=unknown ;;
        *) word=stopped ;;
        esac
        ;;
    *.service)
        word=$(timeout -k 1 "$limit" systemctl is-active "$path" 2>/dev/null)
        case $word in
        active | reloading | deactivating) word=running ;;
        activating) word=starting ;;
        inactive | failed | unknown) word=stopped ;;
        *) word=unknown ;;
        esac
        ;;
    *)
        word=stopped
        SYSTEMCTL_SKIP_REDIRECT=1 _SYSTEMCTL_SKIP_REDIRECT=1 \
            timeout -k 1 "$limit" "$ROOT/etc/init.d/$path" status >/dev/null 2>&1 && word=running
        ;;
    esac
    printf %s "$word"
}

check_seconds() {
    printf %s "${CHECK_LIMIT[$1]:-${CONFIG[LOOK_SECONDS]}}"
}

SERVICE_STATE=unknown
read_service() {
    look "service $1" look_at_service "$1"
    answer "service $1" "$(check_seconds "$1")"
    SERVICE_STATE=${ANSWER:-unknown}
}

is_service_in_state() {
    read_service "$1"
    [[ $SERVICE_STATE == "$2" ]]
}

SERVICE_PROCESSES=""
read_processes() {
    look "processes of $1" list_processes "$1"
    answer "processes of $1"
    SERVICE_PROCESSES=$ANSWER
}

# PID and socket files on the volume that belong to no living process of it were left by a node that died: an init script
# would take an unrelated process of that number for its own, not start, and kill it. They are moved aside.
look_for_leftovers() {
    local file process words
    local -a places=("${MOUNT_POINTS[@]/#/$ROOT}")
    places[0]+=/cybozu
    while IFS= read -r -d '' file; do
        if [[ -S $file ]]; then
            process=$1
        else
            process=""
            { read -r process _ <"$file"; } 2>/dev/null
            [[ $process =~ ^[0-9]+$ ]] || process=0
            words=$'\n'$(tr '\0' '\n' 2>/dev/null <"$ROOT/proc/$process/cmdline")$'\n'
            is_of_volume "$ROOT/proc/$process" "$words" || process=""
        fi
        [[ -z $process ]] && mv -f "$file" "$file.left" && log "moved aside what nothing living uses: $file"
    done < <(timeout -k 1 "${CONFIG[LOOK_SECONDS]}" find "${places[@]/%//}" -maxdepth 4 -xdev \
        -name files -prune -o \( -type s -o -name '*.pid' -type f \) -print0 2>/dev/null)
}

move_leftovers_aside() {
    is_mounted || return 0
    read_processes "$DATABASE_SERVICE"
    look leftovers look_for_leftovers "${SERVICE_PROCESSES#listed}"
    answer leftovers
}

# Begins the start of a service of which nothing lives and nothing is on its way; what was begun is begun once.
start_service() {
    read_service "$1"
    [[ $SERVICE_STATE == stopped ]] || return 0
    log "starting $1"
    rm -f "$NOTES.$1.answered" "$NOTES.$1.moved"
    now_seconds >"$NOTES.$1.begun"
    run_script "$1" start
}

# False, with the reason, when nothing of the service lives and nothing is on the way. Looked at again: a process
# that an init script leaves behind bears the script's own name for a moment.
is_start_alive() {
    local tries ended
    for ((tries = 1; ; tries++)); do
        read_service "$1"
        [[ $SERVICE_STATE == stopped ]] || return 0
        ended=$(read_note "$1" start-ended)
        # A unit that was just made has no process for a moment either.
        [[ ${ended:-0} == 0 ]] || break
        ((tries < (${#ended} == 0 ? 10 : 3))) || break
        sleep 0.5
    done
    LAST_ERROR="its $(script_word "$1") says that it started it, but nothing of it runs"
    [[ $ended == 0 ]] || LAST_ERROR="its $(script_word "$1") ended with code ${ended:-unknown}, and nothing of it runs"
    return 1
}

# How far a start is: what its processes read and wrote and the last words of its log, in START_PROGRESS; false when
# neither has moved for STALL_SECONDS, or when the service has had its own time to start.
START_PROGRESS=""
is_start_moving() {
    local process key value mebibytes_read=0 mebibytes_written=0 bytes="" log_words="" moved now is_late=false
    now=$(now_seconds)
    read_processes "$1"
    for process in ${SERVICE_PROCESSES%listed}; do
        [[ $process != begun:* ]] || continue
        process=$ROOT/proc/$process
        while read -r key value; do
            bytes+=" $value"
            [[ $key != read_bytes: ]] || mebibytes_read=$((mebibytes_read + (value >> 20)))
            [[ $key != write_bytes: ]] || mebibytes_written=$((mebibytes_written + (value >> 20)))
        done < <(cat "$process/io" 2>/dev/null)
        # The server's error log is where its errors go, whatever it is called.
        # shellcheck disable=SC2016
        if bounded "${CONFIG[LOOK_SECONDS]}" "$BASH" -c '[[ -f $1 && ! $1 -ef $2 ]] && tail -c 2000 "$1"' log "$process/fd/2" "$LOG_FILE"; then
            BOUNDED_OUTPUT=${BOUNDED_OUTPUT%%$'\n'}
            log_words=${BOUNDED_OUTPUT##*$'\n'}
        fi
    done
    moved=$(read_note "$1" begun)
    ((now - ${moved:-now} < ${START_LIMIT[$1]:-now})) || is_late=true
    START_PROGRESS="$((now - ${moved:-now})) s since its start, $mebibytes_read MiB read, $mebibytes_written MiB written"
    ((${#log_words} <= 160)) || log_words=${log_words: -160}
    [[ -z $log_words ]] || START_PROGRESS+="; its log says: $log_words"
    # An init script at work has not even begun the server.
    [[ -n $bytes ]] || bytes=" $now"
    moved=$(read_note "$1" moved)
    if [[ -z $moved || ${moved#* } != "$bytes$log_words" ]]; then
        moved="$now $bytes$log_words"
        printf '%s\n' "$moved" >"$NOTES.$1.moved"
    fi
    [[ $is_late == false ]] && ((now - ${moved%% *} < CONFIG[STALL_SECONDS]))
}

is_start_stuck() {
    [[ $SERVICE_STATE == starting && -z $(read_note "$1" begun) && -n $(read_note "$1" moved) ]] && ! is_start_moving "$1"
}

# Which process answered: a later one, started by its supervisor, recovers first.
note_answer() {
    read_processes "$DATABASE_SERVICE"
    printf '%s\n' "${SERVICE_PROCESSES%listed}" >"$NOTES.$DATABASE_SERVICE.answered"
}

# The script's own stop has its time, or SERVICE_SECONDS, until nothing of the service lives; what it leaves is asked to end.
stop_service() {
    local deadline process has_asked=false limit=${STOP_LIMIT[$1]:-${CONFIG[SERVICE_SECONDS]}}
    move_leftovers_aside
    read_service "$1"
    [[ $SERVICE_STATE != stopped ]] || return 0
    log "stopping $1"
    rm -f "$NOTES.$1.begun" "$NOTES.$1.moved"
    deadline=$(($(now_seconds) + limit))
    run_script "$1" stop
    until is_service_in_state "$1" stopped; do
        if [[ -n $(read_note "$1" stop-ended) && $has_asked == false ]]; then
            has_asked=true
            read_processes "$1"
            for process in ${SERVICE_PROCESSES%listed}; do
                log "process $process of $1 is left: sending SIGTERM"
                # An init script that still starts it goes with its group.
                [[ $process == begun:* ]] && process=-${process#begun:}
                kill -s TERM -- "$process" 2>/dev/null
            done
        fi
        LAST_ERROR="$1 is $SERVICE_STATE after $limit seconds"
        (($(now_seconds) < deadline)) || return 1
        sleep 0.2
    done
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
    [[ -n $(enabled_at_boot "${SERVICES[@]}") ]]
}

is_mounted_by_fstab() {
    local point at_boot
    at_boot=" $(mounted_at_boot)"
    for point in "${MOUNT_POINTS[@]}"; do [[ $at_boot != *" $point "* ]] || return 0; done
    return 1
}
