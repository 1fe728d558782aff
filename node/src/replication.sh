# -------------------------------------------------------------------------------------------------------- replication
# Uses core and volume. The replica in the product's own words; the engine, a part of its own, is the only one that knows
# others. docs/replication.md says more of each answer.
#
# What an engine sets for `read_replication`, each `unknown` where nothing is known; what it has no word for is unknown:
# Of several volumes it tells the worst word of each kind; a node is primary if it is that of one of them.
#   REPLICATION_ROLE, REPLICATION_PEER_ROLE   primary: may write; secondary: may not
#   IS_HALF_PRIMARY        primary, but not of all volumes: a promotion or a demotion that broke off
#   REPLICATION_LINK       connected: each write goes to the peer; resyncing: in touch, and one side is made like the other
#                          or compared with it; waiting: looks for its peer; apart: does not, by order or after a split
#   REPLICATION_DATA, REPLICATION_PEER_DATA   current; stale: the peer has, or may have, newer data, and so while it is
#                          resynced; unusable: no disk
#   REPLICATION_PERCENT    how far a resync is; null when none runs
#   REPLICATION_OUT_OF_SYNC   KiB in which the two are known to differ
#   IS_REPLICA_UP          false: there is no replica that could have a role. Only a look that failed leaves it unknown
#   REPLICATION_PROTOCOL   C: a write is acknowledged when both have it; A, B: sooner. Empty where the engine can't tell
#                          by then; `read_protocol` may ask for more
# Each look ends within LOOK_SECONDS. What it does, again and again if need be, false with LAST_ERROR if it fails:
#   bring_replication_up   attached and looking for its peer, in whatever role
#                          (each of these is of all volumes, and may find some of them there already)
#   attach_replica         attached, and not in touch with the peer by itself
#   connect_replica        one that is apart looks for its peer; it discards nothing
#   follow_peer            it looks for its peer and takes over its data, discarding what only this replica holds
#   outdate_replica        of a secondary out of touch: from now on it is stale
#   promote_replica [force]   may write; `force` though it is stale. The engine itself refuses a second primary in touch
#   demote_replica         may not write; fails while its device is open
#   is_peer_loss_settled   a peer that died is not seen as primary any more, and what REPLICATION_DATA says will stay
#   take_replica_down      not attached
#   install_replication    its settings are in place, the protocol that runs is that of the stack
#   look_at_metadata_room DEVICE   a look: where its own data would lie on that data device, as ReplicaRoom in
#                          failover/node_answers.py
# And of itself: volume_number DEVICE (MAJOR:MINOR of a replicated device), engine_version (name and version, nothing
# where it is not installed), ENGINE_COMMANDS, ENGINE_UNIT (starts before ours), ENGINE_DEVICES (how its devices' names
# begin), and the default of the setting REPLICATED_DEVICE.

REPLICATION_ROLE=unknown REPLICATION_PEER_ROLE=unknown REPLICATION_LINK=unknown
REPLICATION_DATA=unknown REPLICATION_PEER_DATA=unknown REPLICATION_PERCENT=null
REPLICATION_OUT_OF_SYNC=0 REPLICATION_PROTOCOL="" IS_REPLICA_UP=unknown IS_HALF_PRIMARY=false

is_primary() {
    [[ $REPLICATION_ROLE == primary ]]
}

# worse NAME WORD WORDS: of the variable's word and this one the later one among WORDS; nothing is better than any.
worse() {
    local order=" $3 " now=${!1}
    [[ -n $now && ${order%% "$now" *} == *" $2"* ]] || printf -v "$1" %s "$2"
}

is_secondary() {
    [[ $REPLICATION_ROLE == secondary ]]
}

# A replica that is not up has no role; that is not the same as a role that could not be read.
is_role_known() {
    read_replication
    [[ $REPLICATION_ROLE != unknown || $IS_REPLICA_UP == false ]]
}

is_replica_linked() {
    [[ $REPLICATION_LINK == connected || $REPLICATION_LINK == resyncing ]]
}

is_link_lost() {
    [[ $REPLICATION_LINK == waiting || $REPLICATION_LINK == apart ]]
}

# What differs between connected replicas that call themselves current diverged, and the engine did not see it (a pair
# made of copied disks) or was told so (a comparison).
is_replication_healthy() {
    [[ $REPLICATION_LINK == connected && $REPLICATION_DATA == current && $REPLICATION_PEER_DATA == current ]] &&
        ((REPLICATION_OUT_OF_SYNC == 0))
}

# Why this replica must not be promoted without an operator's word; nothing when it may.
why_replica_is_stale() {
    case $REPLICATION_LINK.$REPLICATION_DATA in
    *.current) ;;
    resyncing.stale) printf 'it is in the middle of a resync' ;;
    *) printf 'its data is %s, not current' "$REPLICATION_DATA" ;;
    esac
}

make_primary() {
    local force=""
    [[ $ACCEPT_DATA_LOSS != true || -z $(why_replica_is_stale) ]] || force=force
    promote_replica $force || return 1
    read_replication
    is_primary && [[ $IS_HALF_PRIMARY == false ]]
}

# Refused while the device is open: by an unmount that still writes back, or by somebody, who is asked to go.
make_secondary() {
    local deadline=$(($(now_seconds) + $(flush_seconds))) turn=0
    is_role_known || { LAST_ERROR="its role could not be read"; return 1; }
    until is_role_known && ! is_primary; do
        if (($(now_seconds) >= deadline && turn > 3)); then
            LAST_ERROR+=$(describe_holders)
            return 1
        fi
        demote_replica && continue
        turn=$((turn + 1))
        case $turn in
        1 | 2) ;;
        3) signal_holders TERM ;;
        *) signal_holders KILL ;;
        esac
        sleep 1
    done
}
