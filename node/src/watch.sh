# -------------------------------------------------------------------------------------------------------------- watch
# Uses core, replication and checks; changes nothing but an outdated replica's mark.

readonly BEATS_FILE_BYTES=500000
BEATS_BYTES=0 INSTANCE_ID=""

# append FILE LINE: for the CloudWatch agent, which holds the last line of a log back until the next one comes or five
# seconds are over (a stack trace has many lines): a line without sense pushes it out.
append() {
    # Nobody writing it down is not our trouble: the missing metric is the news.
    { printf '%s\n.\n' "$2" >>"$1"; } 2>/dev/null
}

# beat NAME=VALUE...: metrics of this moment in a line that CloudWatch Logs makes into metrics (CloudWatch User Guide,
# "Specification: Embedded metric format"). What is in one line has one time stamp.
beat() {
    local pair names="" values="" line
    [[ -n $INSTANCE_ID ]] || INSTANCE_ID=$(own_instance_id)
    for pair; do
        names+=",{\"Name\":\"${pair%%=*}\",\"StorageResolution\":1}"
        values+=",\"${pair%%=*}\":${pair#*=}"
    done
    printf -v line '{"_aws":{"Timestamp":%s,"CloudWatchMetrics":[{"Namespace":"GaroonFailover",%s,"Metrics":[%s]}]},%s%s}' \
        "$(date +%s%3N)" '"Dimensions":[["Cluster","Node","InstanceId"]]' "${names#,}" \
        "\"Cluster\":\"${CONFIG[CLUSTER_NAME]}\",\"Node\":\"${CONFIG[NODE_NAME]}\",\"InstanceId\":\"${INSTANCE_ID:-unknown}\"" "$values"
    BEATS_BYTES=$((BEATS_BYTES + ${#line}))
    append "$BEATS_FILE" "$line"
}

# The agent follows a file that was cut short from its beginning. What it has not read yet would be lost: so only when the
# last line is seconds old.
begin_beats_anew() {
    { : >"$BEATS_FILE"; } 2>/dev/null
    BEATS_BYTES=0
}

as_number() {
    if "$@"; then printf 1; else printf 0; fi
}

# A sign only makes the controller look sooner than an alarm would: what it finds decides. Raised when a peer that was
# there or a service that was up goes away, and not again while that lasts, which the alarms are for.
raise_sign() {
    log "raising the sign $1"
    append "$SIGNS_FILE" "{\"node\":\"${CONFIG[NODE_NAME]}\",\"instance\":\"$INSTANCE_ID\",\"sign\":\"$1\"}"
}

run_watch() {
    local looks_without_peer=0 looks_without_service=0 has_served=false was_lost services health timer paths peer
    begin_beats_anew
    while :; do
        exec {timer}< <(exec sleep "${CONFIG[WATCH_INTERVAL_SECONDS]}")
        ((BEATS_BYTES < BEATS_FILE_BYTES)) || begin_beats_anew
        read_replication
        was_lost=false
        ! is_link_lost || was_lost=true
        beat Heartbeat=1 "ReplicationHealthy=$(as_number is_replication_healthy)"
        # The peer's database is asked only where the answer decides something.
        if was_active || [[ $was_lost == false ]]; then read_probe paths; else read_probe; fi
        services=""
        if was_active; then
            read_status
            # A look that failed is no news.
            [[ $IS_SERVING == null ]] || services="ServicesHealthy=$(as_number test "$IS_SERVING" = true)"
            case $IS_SERVING in
            true)
                has_served=true looks_without_service=0
                note_connections
                ;;
            false)
                looks_without_service=$((looks_without_service + 1))
                [[ $has_served == false ]] || ((looks_without_service != LOOKS_BEFORE_SIGN)) || raise_sign notServing
                ;;
            esac
        else
            # Two standbys: nobody serves, and no active node is there to say so.
            [[ $REPLICATION_ROLE/$REPLICATION_PEER_ROLE != secondary/secondary ]] || services=ServicesHealthy=0
            has_served=false looks_without_service=0
        fi
        peer=""
        case $PATH_ETH0.$PATH_ETH1 in
        *answers*) looks_without_peer=0 peer=PeerReached=1 ;;
        *unknown*) ;;
        *)
            peer=PeerReached=0
            looks_without_peer=$((looks_without_peer + 1))
            ((looks_without_peer != 1)) || raise_sign peerLost
            ;;
        esac
        paths=()
        [[ $PATH_ETH0 == unknown ]] || paths+=("CommunicationPathEth0=$(as_number test "$PATH_ETH0" = answers)")
        [[ $PATH_ETH1 == unknown ]] || paths+=("CommunicationPathEth1=$(as_number test "$PATH_ETH1" = answers)")
        was_active && read_warned && paths+=("WarnedServicesHealthy=$ARE_WARNED_UP")
        # The sign by another way: its alarm calls for a look. A standby's word only, as the active node stays what it is.
        [[ -z $peer ]] || was_active || paths+=("$peer")
        # A standby's promotion goes by this word: what could not be seen is not called healthy.
        was_active || read_replication
        health=$(as_number is_replication_healthy)
        # Once more: looks at what does not answer take their time, and the node lives meanwhile. (An empty array is unset
        # to bash before 4.4.)
        beat Heartbeat=1 "ReplicationHealthy=$health" ${services:+"$services"} ${paths[@]+"${paths[@]}"}
        # The link was looked at before the peer: so it went on after it had lost us, and may have written without us.
        if [[ $was_lost == true && $REPLICATION_DATA == current ]] && does_peer_write_without_us; then
            log "replication is lost ($REPLICATION_LINK) while ${CONFIG[PEER_NAME]} goes on serving: outdating this replica"
            outdate_replica
        fi
        # A node's last word on replication must be young when it dies: a change is told at once, and not in the next round.
        while read -r -t 1 -u "$timer" || (($? > 128)); do
            read_replication
            [[ $(as_number is_replication_healthy) == "$health" ]] || break
        done
        exec {timer}<&-
    done
}

# Of the services whose failure only warns: 0 when one of them is known to be stopped; false where there are none.
ARE_WARNED_UP=1
read_warned() {
    local service code=1
    ARE_WARNED_UP=1
    for service in "${SERVICES[@]}"; do
        does_only_warn "$service" || continue
        code=0
        [[ ${SERVICE_STATES[$service]} != stopped ]] || ARE_WARNED_UP=0
    done
    return "$code"
}

# The peer's database answering is the sign that it writes; a peer that merely runs may have nothing to write.
does_peer_write_without_us() {
    [[ $REPLICATION_ROLE == secondary && ($PEER_DATABASE == answers || $PEER_DATABASE == blocked) ]] && ! is_replica_linked
}
