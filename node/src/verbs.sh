# -------------------------------------------------------------------------------------------------------------- verbs
# Uses all parts above it.

# Ends a verb with a fresh look at the node, so that the caller sees what was reached.
done_with_status() {
    report_status
    done_with "$1"
}

fail_with_status() {
    report_status
    fail "$1"
}

run_promote() {
    local why
    attach_or_connect || fail "${CONFIG[NODE_NAME]} can't bring its replica up: $LAST_ERROR."
    require_peer_proof
    if is_primary && [[ $IS_HALF_PRIMARY == false ]]; then
        if ! write_state role active || ! mount_volume; then
            fail_with_status "${CONFIG[NODE_NAME]} is primary but can't mount its volume: $LAST_ERROR."
        fi
        begin_service
        connect_replica || log "the replica does not look for its peer: $LAST_ERROR"
        done_with_status "${CONFIG[NODE_NAME]} was primary already and has its volume mounted."
    fi
    # A peer that died is seen as primary until the replication link times out.
    wait_until "${CONFIG[PEER_LOSS_SECONDS]}" is_peer_loss_settled
    [[ $REPLICATION_PEER_ROLE != primary ]] ||
        refuse_with_status peer_primary "$EXIT_PEER_PRIMARY" "${CONFIG[PEER_NAME]} is primary on the replication link: demote or fence it first."
    why=$(why_replica_is_stale)
    if [[ -n $why && $ACCEPT_DATA_LOSS != true ]]; then
        refuse_with_status stale_replica "$EXIT_STALE_REPLICA" "The replica of ${CONFIG[NODE_NAME]} is stale, $why: promoting it would lose data."
    fi
    [[ -z $why ]] || log "promoting although the replica is stale, $why: the operator accepts the loss of data"
    # Some volumes may be primary or mounted, and others not: none of them stays so.
    make_primary || { why=$LAST_ERROR; make_secondary; fail_with_status "${CONFIG[NODE_NAME]} can't be made primary: $why."; }
    if ! write_state role active || ! mount_volume; then
        why=$LAST_ERROR
        is_unmounted || unmount_volume
        make_secondary
        write_state role ""
        fail_with_status "${CONFIG[NODE_NAME]} could not mount its volume and is secondary again: $why."
    fi
    begin_service
    connect_replica || log "the replica does not look for its peer: $LAST_ERROR"
    done_with_status "${CONFIG[NODE_NAME]} is primary and has its volume mounted."
}

# The order may say what this node itself must find of its peer, right before it takes the role: `unseen`, nothing of it on
# either path or of either service; `secondary`, on a link over which all comes that is written. What it could not see is no proof.
require_peer_proof() {
    local found
    case $PEER_PROOF in
    unseen)
        read_probe
        found="database $PEER_DATABASE, NFS $PEER_NFS, eth0 $PATH_ETH0, eth1 $PATH_ETH1"
        [[ $PEER_DATABASE.$PEER_NFS.$PATH_ETH0.$PATH_ETH1 != unreachable.unreachable.unreachable.unreachable ]] || return 0
        ;;
    secondary)
        found="$REPLICATION_PEER_ROLE, link $REPLICATION_LINK, data $REPLICATION_DATA here and $REPLICATION_PEER_DATA there"
        [[ $REPLICATION_PEER_ROLE != secondary ]] || ! is_replication_healthy || return 0
        ;;
    *) return 0 ;;
    esac
    refuse_with_status peer_not_proven "$EXIT_PEER_NOT_PROVEN" "${CONFIG[PEER_NAME]} is not $PEER_PROOF to ${CONFIG[NODE_NAME]}, so nothing was done: $found."
}

refuse_with_status() {
    report_status
    refuse "$@"
}

# An order that goes by the role and the mount must have seen them: what could not be seen changes nothing.
require_sight() {
    wait_until "${CONFIG[LOOK_SECONDS]}" is_state_seen && return
    report_status
    unknown "could not see its replica's role or its mount; nothing was changed"
}

unknown() {
    finish failed unknown "$EXIT_UNKNOWN" "${CONFIG[NODE_NAME]} $1."
}

is_state_seen() {
    is_role_known || return 1
    is_mounted
    (($? != 2))
}

run_start() {
    require_sight
    if ! is_primary || ! is_mounted; then
        fail_with_status "${CONFIG[NODE_NAME]} can't start services: it is $REPLICATION_ROLE, and they need the promoted, mounted volume."
    fi
    bring_into_service
    done_with_status "${CONFIG[NODE_NAME]} has its services, exports and virtual IP in service."
}

run_restart() {
    local service
    require_sight
    is_primary || fail_with_status "${CONFIG[NODE_NAME]} can't restart services: it is $REPLICATION_ROLE, not primary."
    mount_volume || fail_with_status "${CONFIG[NODE_NAME]} can't mount its volume: $LAST_ERROR."
    read_service "$DATABASE_SERVICE"
    is_database_answering
    # One that has answered recovers no more. One of which nobody knows when it was begun has its time while it moves.
    if (($? == 1)) && { [[ $SERVICE_STATE == running ]] || is_start_stuck "$DATABASE_SERVICE"; }; then
        log "$DATABASE_SERVICE is $SERVICE_STATE but does not answer"
        for service in $(services_reversed); do is_database "$service" || stop_service "$service"; done
        stop_service "$DATABASE_SERVICE" || fail_with_status "$DATABASE_SERVICE does not answer and can't be stopped: $LAST_ERROR."
    fi
    bring_into_service
    done_with_status "${CONFIG[NODE_NAME]} has the whole hierarchy in service again."
}

bring_into_service() {
    local service
    bring_up_database
    for service in "${SERVICES[@]}"; do
        if does_only_warn "$service"; then
            start_service "$service" || log "$service does not start: $LAST_ERROR"
        elif ! is_database "$service"; then
            bring_up_service "$service" is_service_in_state "$service" running
        fi
    done
    let_clients_in
}

bring_up_database() {
    move_leftovers_aside
    bring_up_service "$DATABASE_SERVICE" is_database_answering
    note_answer
}

let_clients_in() {
    start_exports || fail_with_status "${CONFIG[NODE_NAME]} can't export its directories over NFS${LAST_ERROR:+: $LAST_ERROR}."
    ! has_virtual_ip || return 0
    add_virtual_ip || fail_with_status "${CONFIG[NODE_NAME]} can't take the virtual IP${LAST_ERROR:+: $LAST_ERROR}."
    tickle_clients
}

# After `promote`, where the order says so: what users reach, while the controller records the role and moves the routes.
# The other services may act by themselves, and wait for `start`. It has the lock: so `start` comes after it, finds what it
# reached, and tells how it went.
begin_service() {
    [[ $AND_START == true ]] || return 0
    (
        bring_up_database
        let_clients_in
    ) </dev/null >>"$LOG_FILE" 2>&1 &
}

# bring_up_service SERVICE IS_UP...: starts it unless it is on its way, and waits until it is up, or until the verb has
# taken START_SECONDS: the controller waits for one verb 45 s. The end of the wait ends nothing else: the caller asks again. It fails when nothing of it lives, or nothing of it moves.
bring_up_service() {
    local service=$1 why
    shift
    "$@" && return 0
    start_service "$service" || fail_with_status "$service does not start on ${CONFIG[NODE_NAME]}: $LAST_ERROR."
    until "$@"; do
        is_start_alive "$service" || fail_with_status "$service does not start on ${CONFIG[NODE_NAME]}: $LAST_ERROR."
        if ((SECONDS >= CONFIG[START_SECONDS])); then
            if is_start_moving "$service" || [[ -z $(read_note "$service" begun) ]]; then
                wait_with_status "$service is on its way on ${CONFIG[NODE_NAME]}: $START_PROGRESS."
            fi
            if is_database "$service"; then why="does not answer on port ${CONFIG[DATABASE_PORT]}"; else why="is $SERVICE_STATE"; fi
            fail_with_status "$service runs on ${CONFIG[NODE_NAME]} but $why, and nothing of it moves: $START_PROGRESS."
        fi
        sleep 0.5
    done
}

wait_with_status() {
    report_status
    finish pending recovering "$EXIT_RECOVERING" "$1"
}

# Everything is tried, in the order of the hierarchy from the top; false when something is still in service.
take_out_of_service() {
    local code=0 service
    ! is_mounted || note_connections
    remove_virtual_ip || code=1
    stop_exports || code=1
    for service in $(services_reversed); do stop_service "$service" || code=1; done
    return "$code"
}

run_stop() {
    take_out_of_service || fail_with_status "Not everything on ${CONFIG[NODE_NAME]} could be taken out of service: $LAST_ERROR."
    done_with_status "${CONFIG[NODE_NAME]} has nothing in service."
}

# A service that can't be stopped is no reason to give up: unmounting kills what is left of it.
give_up_role() {
    take_out_of_service
    unmount_volume || { LAST_ERROR="the volume can't be unmounted, $LAST_ERROR"; return 1; }
    make_secondary || { LAST_ERROR="the replica can't be made secondary, $LAST_ERROR"; return 1; }
}

run_demote() {
    require_sight
    flush_volume
    give_up_role || fail_with_status "${CONFIG[NODE_NAME]} can't be demoted: $LAST_ERROR."
    become_standby || log "its role is not recorded"
    ready_nfs || log "the NFS server is not ready to take over"
    report_status
    { is_secondary && is_unmounted; } || unknown "has nothing in service, but its role is $REPLICATION_ROLE"
    done_with "${CONFIG[NODE_NAME]} is demoted: nothing in service, not mounted, secondary."
}

become_standby() {
    if was_active && ! is_replica_linked; then
        write_state role unreplicated
    elif ! is_unreplicated; then
        write_state role ""
    fi
}

run_reconnect() {
    require_sight
    is_primary || refuse_with_status not_primary "$EXIT_NOT_PRIMARY" "${CONFIG[NODE_NAME]} is $REPLICATION_ROLE: its data is not the one to follow."
    connect_replica || fail_with_status "${CONFIG[NODE_NAME]} can't look for its peer: $LAST_ERROR."
    done_with_status "${CONFIG[NODE_NAME]} looks for its peer."
}

run_rejoin() {
    attach_replica || fail_with_status "${CONFIG[NODE_NAME]} can't bring its replica up: $LAST_ERROR."
    require_sight
    if ! is_secondary || ! is_unmounted; then
        refuse_with_status not_demoted "$EXIT_NOT_DEMOTED" "${CONFIG[NODE_NAME]} is $REPLICATION_ROLE or has its volume mounted: demote it first."
    fi
    follow_peer || fail_with_status "${CONFIG[NODE_NAME]} can't follow its peer: $LAST_ERROR."
    write_state role ""
    done_with_status "${CONFIG[NODE_NAME]} follows ${CONFIG[PEER_NAME]}."
}

# A node that went down while it was active may hold writes that nobody else has, and its peer may have been promoted
# since: it stays out of touch until the controller says which data stands (promote or rejoin).
attach_or_connect() {
    if was_active || is_unreplicated; then attach_replica; else bring_replication_up; fi
}

# What was the role before stays known: an active node that comes back by itself can be told from a standby.
run_boot() {
    attach_or_connect || log "the replica is not up: $LAST_ERROR"
    give_up_role || fail "${CONFIG[NODE_NAME]} booted but could not be made a standby: $LAST_ERROR."
    ready_nfs || log "the NFS server is not ready to take over"
    done_with "${CONFIG[NODE_NAME]} booted as a standby."
}

run_leave() {
    give_up_role || fail "${CONFIG[NODE_NAME]} shuts down without having given up its role: $LAST_ERROR."
    take_replica_down
    done_with "${CONFIG[NODE_NAME]} left the cluster cleanly."
}
