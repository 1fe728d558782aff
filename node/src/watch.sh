# -------------------------------------------------------------------------------------------------------------- watch
# Uses core, replication and checks; changes nothing but an outdated replica's mark.

gauge() {
    local name=$1 value=$2 tags="Cluster:${CONFIG[CLUSTER_NAME]},Node:${CONFIG[NODE_NAME]}${3:+,$3}"
    # Nobody listening is not our trouble: the missing metric is the news.
    { printf '%s:%s|g|#%s' "$name" "$value" "$tags" >"/dev/udp/127.0.0.1/${CONFIG[STATSD_PORT]}"; } 2>/dev/null
}

as_number() {
    if "$@"; then printf 1; else printf 0; fi
}

# A sign only makes the controller look sooner than an alarm would: what it finds decides. Raised when a peer that was
# there or a service that was up goes away, and not again while that lasts, which the alarms are for.
raise_sign() {
    log "raising the sign $1"
    printf '{"node":%s,"sign":"%s"}\n' "$(json_string "${CONFIG[NODE_NAME]}")" "$1" >>"$SIGNS_FILE"
}

run_watch() {
    local looks_without_link=0 looks_without_peer=0 looks_without_service=0 has_served=false timer
    while :; do
        sleep "${CONFIG[WATCH_INTERVAL_SECONDS]}" &
        timer=$!
        gauge Heartbeat 1
        # The peer's database is asked only where the answer decides something.
        was_active || read_replication
        if was_active || is_replica_linked; then read_probe paths; else read_probe; fi
        if was_active; then
            read_status
            # A look that failed is no news.
            [[ $IS_SERVING == null ]] || gauge ServicesHealthy "$(as_number test "$IS_SERVING" = true)"
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
            [[ $REPLICATION_ROLE/$REPLICATION_PEER_ROLE != Secondary/Secondary ]] || gauge ServicesHealthy 0
            has_served=false looks_without_service=0
        fi
        # Once more: looks at what does not answer take their time, and the node lives meanwhile.
        gauge Heartbeat 1
        case $PATH_ETH0.$PATH_ETH1 in
        *answers*) looks_without_peer=0 ;;
        *unknown*) ;;
        *)
            looks_without_peer=$((looks_without_peer + 1))
            ((looks_without_peer != 1)) || raise_sign peerLost
            ;;
        esac
        # This is what a standby's promotion goes by: what could not be seen is not called healthy.
        gauge ReplicationHealthy "$(as_number is_replication_healthy)"
        [[ $PATH_ETH0 == unknown ]] || gauge CommunicationPath "$(as_number test "$PATH_ETH0" = answers)" Path:eth0
        [[ $PATH_ETH1 == unknown ]] || gauge CommunicationPath "$(as_number test "$PATH_ETH1" = answers)" Path:eth1
        if does_peer_write_without_us; then
            looks_without_link=$((looks_without_link + 1))
            if ((looks_without_link >= LOOKS_BEFORE_OUTDATE)) && [[ $REPLICATION_DISK == UpToDate ]]; then
                log "replication is lost ($REPLICATION_CONNECTION) while ${CONFIG[PEER_NAME]} goes on serving: outdating this replica"
                outdate_replica
            fi
        else
            looks_without_link=0
        fi
        wait "$timer"
    done
}

# The peer's database answering is the sign that it writes; a peer that merely runs may have nothing to write.
does_peer_write_without_us() {
    [[ $REPLICATION_ROLE == Secondary && ($PEER_DATABASE == answers || $PEER_DATABASE == blocked) ]] && ! is_replica_linked
}
