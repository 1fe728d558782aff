# --------------------------------------------------------------------------------------------------------------- main
# Uses core, and calls run_VERB.

# What Run Command gives; values that it left empty keep their defaults.
read_ssm_variables() {
    local pair value
    VERB=${SSM_Verb}
    EPOCH=${SSM_Epoch:-0}
    EXPIRES_AT=${SSM_ExpiresAt:-0}
    ACCEPT_DATA_LOSS=${SSM_AcceptDataLoss:-false}
    PEER_PROOF=${SSM_PeerProof:-none}
    AND_START=${SSM_AndStart:-false}
    # Before the installation nothing else tells the survey which devices will be meant.
    if [[ $VERB == survey ]]; then
        for pair in DATA_DEVICE:DataDevice FURTHER_VOLUMES:FurtherVolumes; do read_ssm_variable "$pair"; done
        read_volumes
    fi
    [[ $VERB == install ]] || return 0
    note_installed
    # One that names none any more says so by leaving it out.
    CONFIG[FURTHER_VOLUMES]=""
    for pair in CLUSTER_NAME:ClusterName NODE_NAME:NodeName ETH0_ADDRESS:Eth0Address ETH1_ADDRESS:Eth1Address \
        PEER_NAME:PeerName PEER_ETH0_ADDRESS:PeerEth0Address PEER_ETH1_ADDRESS:PeerEth1Address VIRTUAL_IP:VirtualIp \
        MOUNT_POINT:MountPoint DATA_DEVICE:DataDevice REPLICATED_DEVICE:ReplicatedDevice \
        REPLICATION_PROTOCOL:ReplicationProtocol DATABASE_PORT:DatabasePort PATH_PORT:PathPort \
        EXPORT_CLIENTS:ExportClients WATCH_INTERVAL_SECONDS:WatchIntervalSeconds \
        NFS_LEASE_SECONDS:NfsLeaseSeconds SERVICES:Services EXPORTS:Exports \
        FURTHER_VOLUMES:FurtherVolumes; do
        read_ssm_variable "$pair"
    done
    read_resources
    value=$(why_resources_are_wrong)
    [[ -z $value ]] || bad_arguments "Nothing was installed: $value."
}

# read_ssm_variable SETTING:Parameter
read_ssm_variable() {
    local name=SSM_${1#*:}
    [[ -z ${!name:-} ]] || set_setting "${1%%:*}" "${!name}" || bad_arguments "The value of ${1#*:} is not allowed: ${!name:0:60}"
}

read_arguments() {
    VERB=${1:-}
    (($# > 0)) && shift
    while (($# > 0)); do
        case $1 in
        --epoch) EPOCH=${2:-} ;;
        --expires-at) EXPIRES_AT=${2:-} ;;
        --accept-data-loss)
            ACCEPT_DATA_LOSS=true
            shift
            continue
            ;;
        --peer-proof) PEER_PROOF=${2:-} ;;
        --and-start)
            AND_START=true
            shift
            continue
            ;;
        *) bad_arguments "There is no option ${1:0:60}: allowed are --epoch, --expires-at, --accept-data-loss, --peer-proof and --and-start." ;;
        esac
        shift $(($# > 1 ? 2 : 1))
    done
}

check_arguments() {
    case $VERB in
    status | probe | survey | promote | start | restart | stop | demote | reconnect | rejoin | install | boot | leave | watch) ;;
    "") bad_arguments "No verb was given. If Run Command called: the SSM Agent must be 3.3.2746.0 or later." ;;
    *) bad_arguments "There is no verb ${VERB:0:60}: allowed are status, probe, survey, promote, start, restart, stop, demote, reconnect, rejoin and install." ;;
    esac
    matches "$EPOCH" "$NUMBER_PATTERN" || bad_arguments "The epoch must be a number, not '${EPOCH:0:60}'."
    matches "$EXPIRES_AT" "$NUMBER_PATTERN" || bad_arguments "The time of expiry must be in seconds since 1970, not '${EXPIRES_AT:0:60}'."
    matches "$ACCEPT_DATA_LOSS" 'true|false' || bad_arguments "AcceptDataLoss must be true or false, not '${ACCEPT_DATA_LOSS:0:60}'."
    matches "$PEER_PROOF" 'none|unseen|secondary' || bad_arguments "PeerProof must be none, unseen or secondary, not '${PEER_PROOF:0:60}'."
    matches "$AND_START" 'true|false' || bad_arguments "AndStart must be true or false, not '${AND_START:0:60}'."
    # Leading zeros must not make them octal.
    EPOCH=$((10#$EPOCH)) EXPIRES_AT=$((10#$EXPIRES_AT))
}

take_lock() {
    mkdir -p "${LOCK_FILE%/*}" "${LOG_FILE%/*}"
    exec 9>>"$LOCK_FILE" || fail "Can't open the lock file $LOCK_FILE."
    flock -w "${CONFIG[LOCK_WAIT_SECONDS]}" 9 ||
        finish refused busy "$EXIT_BUSY" "Another command is at work on this node; nothing was done."
}

# Looked at with the lock in hand: a command may have waited for it past its time, or behind a newer one. Commands are
# timed by this node's clock: a caller that took another one is told this one's, and asks anew.
obey_or_refuse() {
    local obeyed seconds_left
    seconds_left=$((EXPIRES_AT - $(now_seconds)))
    ((EXPIRES_AT == 0 || (seconds_left > 0 && seconds_left <= LONGEST_ORDER_SECONDS))) ||
        refuse expired "$EXIT_EXPIRED" "By the clock of this node the command came too late, or too early: it is good until $EXPIRES_AT."
    obeyed=$(obeyed_epoch)
    ((EPOCH == 0)) && return
    ((EPOCH >= obeyed)) ||
        refuse stale_epoch "$EXIT_STALE_EPOCH" "The command belongs to epoch $EPOCH, but this node already obeyed epoch $obeyed."
    ((EPOCH == obeyed)) || write_state epoch "$EPOCH" || [[ $VERB == demote || $VERB == stop ]] ||
        fail "Can't record the epoch in $STATE_DIRECTORY."
}

main() {
    read_settings
    if [[ -n ${SSM_Verb:-} ]]; then read_ssm_variables; else read_arguments "$@"; fi
    check_arguments
    [[ $VERB == install || $VERB == survey ]] || is_installed ||
        finish refused not_installed "$EXIT_NOT_INSTALLED" "This node has no settings yet: run the verb install first."
    case $VERB in
    status | probe | survey | watch) ;;
    *)
        take_lock
        obey_or_refuse
        ;;
    esac
    "run_$VERB"
}

[[ ${BASH_SOURCE[0]} != "$0" ]] || main "$@"
