# ------------------------------------------------------------------------------------------- does it answer? protocols
# Uses core, and for `status` what replication, volume, services and exports say.

# Each prints "connected" once the port accepts, then "answers" once the server said something that makes sense. A hung
# server's kernel accepts too, so accepting proves nothing.

# A MySQL server speaks first: a packet with sequence number 0 and a handshake (10), or an error (255). An error answers
# as well: a server that counts our broken-off handshakes refuses this host in the end ("Host is blocked", error 1129),
# which hurts nobody else and still shows that it lives.
speak_database() {
    local bytes
    exec 3<>"/dev/tcp/$1/$2" || return
    printf 'connected '
    read -r -a bytes < <(od -An -v -tu1 -N5 <&3)
    ((${#bytes[@]} == 5 && bytes[3] == 0)) && [[ ${bytes[4]} == 10 || ${bytes[4]} == 255 ]] && printf answers
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

# look_at_server PROTOCOL ADDRESS PORT
look_at_server() {
    export -f speak_database speak_nfs speak_ssh
    timeout -k 1 "${CONFIG[LOOK_SECONDS]}" "$BASH" -c "speak_$1 $2 $3"
}

# The answer of a look at a server as one word: answers, silent or unreachable.
server_answer() {
    answer "$1"
    case $ANSWER in
    *answers) printf -v "$2" answers ;;
    connected*) printf -v "$2" silent ;;
    *) printf -v "$2" unreachable ;;
    esac
}

is_database_answering() {
    local word
    look database look_at_server database "${CONFIG[ETH0_ADDRESS]}" "${CONFIG[DATABASE_PORT]}"
    server_answer database word
    [[ $word == answers ]]
}

# The server's threads take calls.
is_nfs_up() {
    local word
    look nfs look_at_server nfs "${CONFIG[ETH0_ADDRESS]}" "$NFS_PORT"
    server_answer nfs word
    [[ $word == answers ]]
}

# Takes calls, and would let a client create a file.
is_nfs_answering() {
    is_nfs_up && is_past_grace
}

# ------------------------------------------------------------------------------------------------------ status, probe

IS_SERVING=false
# What read_status found, each true or false.
declare -A STATUS=()

read_status() {
    local database nfs key
    for key in isMounted isWritable isExported hasVirtualIp databaseAnswers nfsAnswers isDatabaseUp isSchedulerUp; do
        STATUS[$key]=false
    done
    look database look_at_server database "${CONFIG[ETH0_ADDRESS]}" "${CONFIG[DATABASE_PORT]}"
    look nfs look_at_server nfs "${CONFIG[ETH0_ADDRESS]}" "$NFS_PORT"
    look "$DATABASE_SERVICE" look_at_service "$DATABASE_SERVICE"
    look "$SCHEDULER_SERVICE" look_at_service "$SCHEDULER_SERVICE"
    look ip look_at_virtual_ip
    is_mounted && STATUS[isMounted]=true && look volume look_at_volume
    read_replication
    is_exported && STATUS[isExported]=true
    server_answer database database
    [[ $database == answers ]] && STATUS[databaseAnswers]=true
    server_answer nfs nfs
    [[ $nfs == answers ]] && is_past_grace && STATUS[nfsAnswers]=true
    answer "$DATABASE_SERVICE"
    [[ $ANSWER == running ]] && STATUS[isDatabaseUp]=true
    answer "$SCHEDULER_SERVICE"
    [[ $ANSWER == running ]] && STATUS[isSchedulerUp]=true
    answer ip
    [[ $ANSWER == *" ${CONFIG[VIRTUAL_IP]}/32 "* ]] && STATUS[hasVirtualIp]=true
    if [[ ${STATUS[isMounted]} == true ]]; then
        answer volume
        [[ $ANSWER == writable ]] && STATUS[isWritable]=true
    fi
    IS_SERVING=false
    # Primary, and all of these.
    is_primary && [[ " ${STATUS[*]} " != *" false "* ]] && IS_SERVING=true
}

format_status() {
    local line booted_at=0
    while read -r line; do
        [[ $line == "btime "* ]] && booted_at=${line#btime }
    done <"$ROOT/proc/stat"
    printf '{"node":%s,"version":"%s","epoch":%d,"bootedAt":%d,"clock":%d,"wasActive":%s,"isUnreplicated":%s,' \
        "$(json_string "${CONFIG[NODE_NAME]}")" "$(installed_version)" "$(obeyed_epoch)" "$booted_at" "$(now_seconds)" \
        "$(json_bool was_active)" "$(json_bool is_unreplicated)"
    printf '"replication":{"role":"%s","peerRole":"%s","connection":"%s","disk":"%s","peerDisk":"%s","syncPercent":%s},' \
        "$REPLICATION_ROLE" "$REPLICATION_PEER_ROLE" "$REPLICATION_CONNECTION" \
        "$REPLICATION_DISK" "$REPLICATION_PEER_DISK" "$REPLICATION_PERCENT"
    printf '"isMounted":%s,"isWritable":%s,"services":{"%s":%s,"%s":%s},' \
        "${STATUS[isMounted]}" "${STATUS[isWritable]}" \
        "$DATABASE_SERVICE" "${STATUS[isDatabaseUp]}" "$SCHEDULER_SERVICE" "${STATUS[isSchedulerUp]}"
    printf '"databaseAnswers":%s,"nfsAnswers":%s,"isExported":%s,"hasVirtualIp":%s,"isServing":%s,' \
        "${STATUS[databaseAnswers]}" "${STATUS[nfsAnswers]}" "${STATUS[isExported]}" "${STATUS[hasVirtualIp]}" "$IS_SERVING"
    printf '"answeringVersion":"%s","areServicesEnabledAtBoot":%s,"isMountedByFstab":%s}' \
        "$(digest "${BASH_SOURCE[0]}")" "$(json_bool are_services_enabled_at_boot)" "$(json_bool is_mounted_by_fstab)"
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

read_probe() {
    look database look_at_server database "${CONFIG[PEER_ETH0_ADDRESS]}" "${CONFIG[DATABASE_PORT]}"
    look nfs look_at_server nfs "${CONFIG[PEER_ETH0_ADDRESS]}" "$NFS_PORT"
    look eth0 look_at_server ssh "${CONFIG[PEER_ETH0_ADDRESS]}" "${CONFIG[PATH_PORT]}"
    look eth1 look_at_server ssh "${CONFIG[PEER_ETH1_ADDRESS]}" "${CONFIG[PATH_PORT]}"
    server_answer database PEER_DATABASE
    server_answer nfs PEER_NFS
    server_answer eth0 PATH_ETH0
    server_answer eth1 PATH_ETH1
}

format_probe() {
    printf '{"peer":%s,"database":"%s","nfs":"%s","paths":{"eth0":%s,"eth1":%s}}' \
        "$(json_string "${CONFIG[PEER_NAME]}")" "$PEER_DATABASE" "$PEER_NFS" \
        "$(json_bool test "$PATH_ETH0" = answers)" "$(json_bool test "$PATH_ETH1" = answers)"
}

report_status() {
    read_status
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
