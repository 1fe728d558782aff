# ------------------------------------------------------------------------------------------- does it answer? protocols
# Uses core, and for `status` what replication, volume, services and exports say.

# Each prints "connected" once the port accepts, then "answers" once the server said something that makes sense. A hung
# server's kernel accepts too, so accepting proves nothing.

# A MySQL server speaks first: a packet with sequence number 0 and a handshake (10), or an error (255), which answers as
# well; error 1129 says that this host is refused ("blocked") for its interrupted connections (max_connect_errors).
#
# So the talk goes on. A login that is refused is none of those: MySQL 5.0 to 8.4 and MariaDB count errors of the
# handshake only (sql/hostname.cc; MySQL manual, "The host_cache table"), and the peer's server is asked for a login as
# nobody. MariaDB and MySQL 5.7 log that, though, and this node's own is asked every few seconds. Over the loopback no
# server counts anything; there the login names a method that does not exist, and the talk ends when the server proposes
# another, which none of them logs.
speak_database() {
    local bytes size=050 method=000 end="" zeros='\000\000\000\000\000\000\000'
    [[ ${3:-} != own ]] || size=052 method=010 end='-\000'
    exec 3<>"/dev/tcp/$1/$2" || return
    printf 'connected '
    read -r -a bytes < <(od -An -v -tu1 -N7 <&3)
    ((${#bytes[@]} == 7 && bytes[3] == 0)) || return
    if [[ ${bytes[4]} == 255 ]]; then
        [[ "${bytes[*]:5}" != "105 4" ]] || printf 'blocked '
        printf answers
    elif [[ ${bytes[4]} == 10 ]]; then
        od -N$((bytes[0] + 256 * bytes[1] - 3)) <&3 >/dev/null
        # Protocol 4.1 with 20-byte passwords, packets of 16 MB, UTF-8; the user, and no password.
        printf "\\$size\\000\\000\\001\\000\\202\\$method\\000\\000\\000\\000\\001\\041\\000\\000%b%b%b%b%b" \
            "$zeros" "$zeros" "$zeros" 'nobody\000\000' "$end" >&3
        read -r -a bytes < <(od -An -v -tu1 -N5 <&3)
        ((${#bytes[@]} == 5 && bytes[3] == 2)) && printf answers
    fi
}

# The NULL procedure of NFS version 3 (RFC 1813, over RFC 5531): a record mark, then transaction, call, RPC version 2,
# program 100003, version 3, procedure 0, and empty credentials. Good replies: accepted with success, or with a version
# mismatch, as a server with only NFS version 4 gives.
speak_nfs() {
    local bytes
    exec 3<>"/dev/tcp/$1/$2" || return
    printf 'connected '
    {
        printf '\200\000\000\050\107\101\122\117\000\000\000\000\000\000\000\002\000\001\206\243\000\000\000\003'
        printf '\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000'
    } >&3
    read -r -a bytes < <(od -An -v -tu1 -w28 -N28 <&3)
    ((${#bytes[@]} == 28)) || return
    [[ "${bytes[*]:4:4}" == "71 65 82 79" && ${bytes[11]} == 1 && ${bytes[15]} == 0 ]] || return
    [[ ${bytes[27]} == 0 || ${bytes[27]} == 2 ]] && printf answers
}

# An SSH server speaks first too.
speak_ssh() {
    local line
    exec 3<>"/dev/tcp/$1/$2" || return
    printf 'connected '
    IFS= read -r line <&3
    [[ $line == SSH-* ]] && printf answers
}

# look_at_server PROTOCOL ADDRESS PORT [own]
look_at_server() {
    printf 'trying '
    export -f speak_database speak_nfs speak_ssh
    timeout -k 1 "${CONFIG[LOOK_SECONDS]}" "$BASH" -c "speak_$1 $2 $3 ${4:-}"
}

# Over the loopback, whose name is in every hosts file: a server that waits for a name server before it greets is not hung.
look_at_database() {
    look_at_server database "${CONFIG[LOCAL_ADDRESS]}" "${CONFIG[DATABASE_PORT]}" own
}

# The answer of a look at a server as one word: answers, blocked, silent, unreachable; or unknown, when the look failed.
server_answer() {
    local code
    answer "$1"
    code=$?
    case $code.$ANSWER in
    12[567].*) printf -v "$2" unknown ;;
    *blocked*) printf -v "$2" blocked ;;
    *answers) printf -v "$2" answers ;;
    *connected*) printf -v "$2" silent ;;
    *.trying*) printf -v "$2" unreachable ;;
    *) printf -v "$2" unknown ;;
    esac
}

# does_answer NAME: 0 when the server that was looked at answers, 2 when that look failed.
does_answer() {
    local word
    server_answer "$1" word
    [[ $word == answers ]] || { [[ $word == unknown ]] && return 2 || return 1; }
}

is_database_answering() {
    look database look_at_database
    does_answer database
}

# The server's threads take calls.
is_nfs_up() {
    look nfs look_at_server nfs "${CONFIG[ETH0_ADDRESS]}" "$NFS_PORT"
    does_answer nfs
}

# Takes calls, and would let a client create a file.
is_nfs_answering() {
    is_nfs_up && is_past_grace
}

# Of that look.
does_nfs_serve() {
    does_answer nfs && is_past_grace
}

# ------------------------------------------------------------------------------------------------------ status, probe

IS_SERVING=null
declare -A SERVICE_STATES=()
# What read_status found, each true, false, or null where the look failed.
declare -A STATUS=()

read_status() {
    local service point
    look database look_at_database
    look nfs look_at_server nfs "${CONFIG[ETH0_ADDRESS]}" "$NFS_PORT"
    for service in "${SERVICES[@]}"; do look "service $service" look_at_service "$service"; done
    look "virtual ip" look_at_virtual_ip
    find_out isMounted is_mounted
    [[ ${STATUS[isMounted]} != true ]] || for point in "${MOUNT_POINTS[@]}"; do look "volume $point" look_at_volume "$point"; done
    read_replication
    read_protocol
    find_out isExported is_exported
    find_out databaseAnswers does_answer database
    find_out nfsAnswers does_nfs_serve
    for service in "${SERVICES[@]}"; do
        answer "service $service" "$(check_seconds "$service")"
        SERVICE_STATES[$service]=${ANSWER:-unknown}
    done
    # What answers has started, whoever started it.
    [[ ${STATUS[databaseAnswers]} != true ]] || SERVICE_STATES[$DATABASE_SERVICE]=running
    for service in "${SERVICES[@]}"; do
        does_only_warn "$service" || find_out "is $service up" is_running "${SERVICE_STATES[$service]}"
    done
    find_out hasVirtualIp is_virtual_ip_seen
    STATUS[isWritable]=${STATUS[isMounted]}
    [[ ${STATUS[isMounted]} != true ]] || find_out isWritable is_volume_writable
    judge_serving
}

is_running() {
    [[ $1 != unknown ]] || return 2
    [[ $1 == running ]]
}

# find_out KEY PREDICATE...: what it found. An unknown is never a state: a predicate whose look failed returns 2.
find_out() {
    local key=$1
    shift
    "$@"
    case $? in
    0) STATUS[$key]=true ;;
    1) STATUS[$key]=false ;;
    *) STATUS[$key]=null ;;
    esac
}

# As primary, and all of these. What decides it must have been seen.
judge_serving() {
    IS_SERVING=false
    if [[ ($REPLICATION_ROLE == unknown && $IS_REPLICA_UP != false) || ${STATUS[isMounted]} == null ]]; then
        IS_SERVING=null
    elif is_primary && [[ " ${STATUS[*]} " != *" false "* ]]; then
        IS_SERVING=true
        [[ " ${STATUS[*]} " != *" null "* ]] || IS_SERVING=null
    fi
}

# Each part prints its own words: STATUS_JSON takes them all from one subshell.
format_status() {
    local line booted_at=0 service services="" warning=""
    while read -r line; do
        [[ $line == "btime "* ]] && booted_at=${line#btime }
    done <"$ROOT/proc/stat"
    printf '{"node":'; json_string "${CONFIG[NODE_NAME]}"
    printf ',"instanceId":"'; own_instance_id
    printf '","version":"'; installed_version
    printf '","epoch":'; obeyed_epoch
    printf ',"bootedAt":%d,"clock":' "$booted_at"; now_seconds
    printf ',"wasActive":'; json_bool was_active
    printf ',"isUnreplicated":'; json_bool is_unreplicated
    printf ',"replication":{"role":"%s","link":"%s","data":"%s","syncPercent":%s,"protocol":' \
        "$REPLICATION_ROLE" "$REPLICATION_LINK" "$REPLICATION_DATA" "$REPLICATION_PERCENT"
    if [[ $REPLICATION_PROTOCOL == ? ]]; then json_string "$REPLICATION_PROTOCOL"; else printf null; fi
    for service in "${SERVICES[@]}"; do
        services+=",\"$service\":\"${SERVICE_STATES[$service]}\""
        ! does_only_warn "$service" || warning+=",\"$service\""
    done
    printf '},"isMounted":%s,"isWritable":%s,"services":{%s},"onlyWarning":[%s],"configured":{"Services":"%s","Exports":"%s","DatabasePort":"%s"%s},' \
        "${STATUS[isMounted]}" "${STATUS[isWritable]}" "${services#,}" "${warning#,}" \
        "${CONFIG[SERVICES]}" "${CONFIG[EXPORTS]}" "${CONFIG[DATABASE_PORT]}" \
        "${CONFIG[FURTHER_VOLUMES]:+,\"FurtherVolumes\":\"${CONFIG[FURTHER_VOLUMES]}\"}"
    printf '"databaseAnswers":%s,"nfsAnswers":%s,"isExported":%s,"hasVirtualIp":%s,"isServing":%s,' \
        "${STATUS[databaseAnswers]}" "${STATUS[nfsAnswers]}" "${STATUS[isExported]}" "${STATUS[hasVirtualIp]}" "$IS_SERVING"
    printf '"answeringVersion":"'; digest "${BASH_SOURCE[0]}"
    printf '","areServicesEnabledAtBoot":'; json_bool are_services_enabled_at_boot
    printf ',"isMountedByFstab":'; json_bool is_mounted_by_fstab
    printf ',"missingHosts":['; missing_hosts
    printf '],"unwritable":%s,"agent":' "$UNWRITABLE"; format_agent
    printf '}'
}

# A database that looks its clients' names up is slow to greet those that /etc/hosts does not name.
missing_hosts() {
    local address rest known=" " missing=""
    { while read -r address rest; do known+="$address "; done <"$ROOT/etc/hosts"; } 2>/dev/null
    for address in "${CONFIG[ETH0_ADDRESS]}" "${CONFIG[PEER_ETH0_ADDRESS]}"; do
        [[ $known == *" $address "* ]] || missing+="${missing:+,}\"$address\""
    done
    printf '%s' "$missing"
}

# The installed script watches and boots; what Run Command brings along is the stack's. `status` tells of both.
installed_version() {
    [[ ! -r $INSTALLED_SCRIPT ]] || digest "$INSTALLED_SCRIPT"
}

# Of the text as `install` writes it: with one line end at its end.
digest() {
    local digest
    digest=$(printf '%s\n' "$(<"$1")" | sha256sum)
    printf '%s' "${digest:0:12}"
}

PEER_DATABASE=unreachable PEER_NFS=unreachable PATH_ETH0=unreachable PATH_ETH1=unreachable

# read_probe [paths]: only whether the peer is there, without a word to its services.
read_probe() {
    PEER_DATABASE=unreachable PEER_NFS=unreachable
    if [[ ${1:-} != paths ]]; then
        look database look_at_server database "${CONFIG[PEER_ETH0_ADDRESS]}" "${CONFIG[DATABASE_PORT]}"
        look nfs look_at_server nfs "${CONFIG[PEER_ETH0_ADDRESS]}" "$NFS_PORT"
    fi
    look eth0 look_at_server ssh "${CONFIG[PEER_ETH0_ADDRESS]}" "${CONFIG[PATH_PORT]}"
    look eth1 look_at_server ssh "${CONFIG[PEER_ETH1_ADDRESS]}" "${CONFIG[PATH_PORT]}"
    if [[ ${1:-} != paths ]]; then
        server_answer database PEER_DATABASE
        server_answer nfs PEER_NFS
    fi
    server_answer eth0 PATH_ETH0
    server_answer eth1 PATH_ETH1
}

json_path() {
    if [[ $1 == unknown ]]; then printf null; else json_bool test "$1" = answers; fi
}

format_probe() {
    printf '{"peer":'; json_string "${CONFIG[PEER_NAME]}"
    printf ',"database":"%s","nfs":"%s","paths":{"eth0":' "$PEER_DATABASE" "$PEER_NFS"; json_path "$PATH_ETH0"
    printf ',"eth1":'; json_path "$PATH_ETH1"
    printf '}}'
}

# Which of the directories that an order writes to take no write, as JSON strings.
UNWRITABLE=null
look_at_room() {
    local directory file
    write_state check "" || printf ',"%s"' "${STATE_DIRECTORY#"$ROOT"}"
    for directory in /run /tmp; do
        file=$(mktemp -p "$ROOT$directory")
        dd if=/dev/zero of="$file" bs=4k count=1 status=none || printf ',"%s"' "$directory"
        rm -f "$file"
    done
}

# Only a unit that is there and active carries the metrics. Codes of systemctl(1): 3 not active, 4 no such unit.
IS_AGENT_RUNNING=null
is_agent_configured() {
    [[ -r $AGENT_MERGED_FILE && -r $AGENT_CONFIG_FILE && $(<"$AGENT_MERGED_FILE") == "$(<"$AGENT_CONFIG_FILE")" ]]
}

format_agent() {
    printf '{"version":'; json_string "$(agent_version)"
    printf ',"isRunning":%s,"hasOurPart":' "$IS_AGENT_RUNNING"; json_bool is_agent_configured
    printf '}'
}

report_status() {
    look room look_at_room
    look agent timeout -k 1 "${CONFIG[LOOK_SECONDS]}" systemctl is-active --quiet amazon-cloudwatch-agent.service
    read_status
    answer room && UNWRITABLE="[${ANSWER#,}]"
    answer agent
    case $? in
    0) IS_AGENT_RUNNING=true ;;
    [34]) IS_AGENT_RUNNING=false ;;
    *) IS_AGENT_RUNNING=null ;;
    esac
    STATUS_JSON=$(format_status)
}

run_status() {
    report_status
    done_with "${CONFIG[NODE_NAME]} reports its state."
}

run_probe() {
    read_probe
    PROBE_JSON=$(format_probe)
    done_with "${CONFIG[NODE_NAME]} reports what it sees of ${CONFIG[PEER_NAME]}."
}
