# shellcheck shell=bash disable=SC2034 # a part: the others use what it sets
# --------------------------------------------------------------------------------- replication engine: mirrorctl, in tests
# Uses core and install's put_file; answers what replication.sh asks of an engine. `mirrorctl` is of the simulated hosts
# (testbed/hosts/mirrorctl.py): no real engine, but another one than DRBD, with other words, commands and devices. Its
# writers may write and its readers may not; they are joined, copying, calling or alone, and fresh or old.

readonly ENGINE_COMMANDS=mirrorctl ENGINE_UNIT=mirrors.service ENGINE_DEVICES=mirror
readonly MIRROR_MAJOR=240
CONFIG[REPLICATED_DEVICE]=/dev/mirror0

read_replication() {
    local number roles link data percent acknowledged is_writer=false is_reader=false
    REPLICATION_ROLE="" REPLICATION_PEER_ROLE="" REPLICATION_LINK="" REPLICATION_DATA="" REPLICATION_PEER_DATA=""
    REPLICATION_PERCENT=null REPLICATION_OUT_OF_SYNC=0 REPLICATION_PROTOCOL="" IS_REPLICA_UP=unknown IS_HALF_PRIMARY=false
    ! bounded "${CONFIG[LOOK_SECONDS]}" mirrorctl status || {
        IS_REPLICA_UP=false
        while read -r number roles link data percent acknowledged; do
            [[ -n $number ]] || continue
            tell_mirror "$roles" "${link:-}" "${data:-}"
            [[ ${percent:--} == - ]] || REPLICATION_PERCENT=$percent
            case ${acknowledged:-} in
            both) REPLICATION_PROTOCOL=C ;;
            one) REPLICATION_PROTOCOL=A ;;
            esac
            if [[ $roles == writer/* ]]; then is_writer=true; else is_reader=true; fi
        done < <(printf '%s\n' "$BOUNDED_OUTPUT")
        [[ $is_writer == false || $is_reader == false ]] || IS_HALF_PRIMARY=true
        [[ -z $REPLICATION_ROLE ]] || IS_REPLICA_UP=true
    }
    REPLICATION_ROLE=${REPLICATION_ROLE:-unknown} REPLICATION_PEER_ROLE=${REPLICATION_PEER_ROLE:-unknown}
    REPLICATION_LINK=${REPLICATION_LINK:-unknown}
    REPLICATION_DATA=${REPLICATION_DATA:-unknown} REPLICATION_PEER_DATA=${REPLICATION_PEER_DATA:-unknown}
}

# tell_mirror OWN/PEER LINK DATA/DATA: one mirror more. One that is down has no role.
tell_mirror() {
    [[ $1 == down ]] || worse REPLICATION_ROLE "$(in_our_words "${1%/*}")" "secondary unknown primary"
    worse REPLICATION_PEER_ROLE "$(in_our_words "${1#*/}")" "secondary unknown primary"
    worse REPLICATION_LINK "$(in_our_words "$2")" "connected resyncing waiting apart unknown"
    worse REPLICATION_DATA "$(in_our_words "${3%/*}")" "current stale unusable unknown"
    worse REPLICATION_PEER_DATA "$(in_our_words "${3#*/}")" "current stale unusable unknown"
}

in_our_words() {
    case $1 in
    writer) printf primary ;;
    reader) printf secondary ;;
    joined) printf connected ;;
    copying) printf resyncing ;;
    calling) printf waiting ;;
    alone) printf apart ;;
    fresh) printf current ;;
    old) printf stale ;;
    *) printf unknown ;;
    esac
}

read_protocol() {
    :
}

bring_replication_up() {
    read_replication
    [[ $IS_REPLICA_UP != true ]] || return 0
    act 30 mirrorctl up || return 1
    read_replication
    [[ $IS_REPLICA_UP == true ]]
}

attach_replica() {
    read_replication
    [[ $IS_REPLICA_UP != true ]] || return 0
    act 30 mirrorctl attach || return 1
    read_replication
    [[ $IS_REPLICA_UP == true ]]
}

connect_replica() {
    read_replication
    [[ $REPLICATION_LINK != apart ]] || act 30 mirrorctl call
}

follow_peer() {
    read_replication
    ! is_replica_linked || return 0
    act 30 mirrorctl follow || return 1
    read_replication
}

outdate_replica() {
    act 10 mirrorctl age
}

promote_replica() {
    act 30 mirrorctl write ${1:+force}
}

demote_replica() {
    act 30 mirrorctl read
}

is_peer_loss_settled() {
    read_replication
    [[ $REPLICATION_PEER_ROLE != primary ]]
}

take_replica_down() {
    act 30 mirrorctl down
}

volume_number() {
    printf '%d:%d' "$MIRROR_MAJOR" "${1##*[!0-9]}"
}

engine_version() {
    printf 'mirrorctl 1'
}

install_replication() {
    local words=one
    [[ ${CONFIG[REPLICATION_PROTOCOL]} == A ]] || words=both
    put_file "$ROOT/etc/mirrors.conf" 0644 "acknowledged by $words"
    act 30 mirrorctl acknowledge "$words" || log "the protocol stays: $LAST_ERROR"
}

look_at_metadata_room() {
    printf '{"device":%s,"bytes":0,"usedBytes":null,"neededBytes":0,"fits":"there","commands":[]}' "$(json_string "$1")"
}
