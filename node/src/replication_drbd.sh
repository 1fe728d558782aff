# -------------------------------------------------------------------------------------------------- replication: DRBD
# Uses core. Another mirror takes DRBD's place by a part of its own with the same functions.

readonly DRBD_MAJOR=147 # block devices of DRBD (Linux, admin-guide/devices.txt)

REPLICATION_ROLE=Unknown REPLICATION_PEER_ROLE=Unknown REPLICATION_CONNECTION=Unknown
REPLICATION_DISK=Unknown REPLICATION_PEER_DISK=Unknown REPLICATION_PERCENT=null
REPLICATION_OUT_OF_SYNC=0 # KiB
# Not up: there is no replica that could have a role. Only a look that failed leaves it unknown.
IS_REPLICA_UP=unknown
REPLICATION_PROTOCOL="" # A, B or C, as it runs; empty where DRBD has no word for it, as without a connection

# Reads the state of the pair into the variables above; words are those of DRBD 8.4, "Unknown" where nothing is known.
read_replication() {
    local text="" minor=${CONFIG[REPLICATED_DEVICE]##*[!0-9]}
    REPLICATION_ROLE=Unknown REPLICATION_PEER_ROLE=Unknown REPLICATION_CONNECTION=Unknown
    REPLICATION_DISK=Unknown REPLICATION_PEER_DISK=Unknown REPLICATION_PERCENT=null REPLICATION_OUT_OF_SYNC=0
    IS_REPLICA_UP=unknown
    REPLICATION_PROTOCOL=""
    [[ ! -r $ROOT/proc/drbd ]] || IFS= read -r -d '' text <"$ROOT/proc/drbd"
    # DRBD 8.4 tells everything in /proc/drbd, without a command that could hang; DRBD 9 only its version.
    if [[ $text == *"version: 8."* ]]; then
        parse_proc_drbd "$text" "${minor:-0}"
        [[ $REPLICATION_ROLE != Unknown ]] || IS_REPLICA_UP=false
    elif bounded "${CONFIG[LOOK_SECONDS]}" drbdsetup status "$RESOURCE" --verbose --statistics; then
        parse_drbd_status "$BOUNDED_OUTPUT"
    elif [[ $BOUNDED_OUTPUT == *"No such resource"* || ! -e $ROOT/proc/drbd ]]; then
        IS_REPLICA_UP=false
    fi
    [[ $REPLICATION_ROLE == Unknown ]] || IS_REPLICA_UP=true
    [[ $REPLICATION_DISK != DUnknown ]] || REPLICATION_DISK=Unknown
    [[ $REPLICATION_PEER_DISK != DUnknown ]] || REPLICATION_PEER_DISK=Unknown
}

# " 0: cs:Connected ro:Secondary/Primary ds:UpToDate/UpToDate C r-----" and, mid-resync, "... sync'ed: 42.5% ...".
parse_proc_drbd() {
    local line current="" pattern
    pattern='^ *([0-9]+): cs:([A-Za-z]+)( ro:([A-Za-z]+)/([A-Za-z]+) ds:([A-Za-z]+)/([A-Za-z]+)( ([ABC]) )?)?'
    while IFS= read -r line; do
        if [[ $line =~ $pattern ]]; then
            current=${BASH_REMATCH[1]}
            [[ $current == "$2" ]] || continue
            REPLICATION_CONNECTION=${BASH_REMATCH[2]}
            REPLICATION_ROLE=${BASH_REMATCH[4]:-Unknown}
            REPLICATION_PEER_ROLE=${BASH_REMATCH[5]:-Unknown}
            REPLICATION_DISK=${BASH_REMATCH[6]:-Unknown}
            REPLICATION_PEER_DISK=${BASH_REMATCH[7]:-Unknown}
            REPLICATION_PROTOCOL=${BASH_REMATCH[9]:-}
        elif [[ $current == "$2" && $line =~ sync\'ed:\ *([0-9]+(\.[0-9]+)?)% ]]; then
            REPLICATION_PERCENT=${BASH_REMATCH[1]}
        elif [[ $current == "$2" && $line =~ \ oos:([0-9]+) ]]; then
            REPLICATION_OUT_OF_SYNC=${BASH_REMATCH[1]}
        fi
    done < <(printf '%s\n' "$1")
}

# `drbdsetup status --verbose --statistics` of DRBD 9: the resource, then its volume and the peer, each with what is
# indented below it. Lines break before column 80. Replication is Off without a connection.
parse_drbd_status() {
    local line is_peer=false
    while IFS= read -r line; do
        if [[ $line =~ ^[^\ ].*\ role:([A-Za-z]+) ]]; then
            REPLICATION_ROLE=${BASH_REMATCH[1]}
            continue
        fi
        [[ $line =~ ^\ \ [^\ ] && ! $line =~ ^\ \ volume: ]] && is_peer=true
        if [[ $is_peer == false ]]; then
            [[ $line =~ \ disk:([A-Za-z]+) ]] && REPLICATION_DISK=${BASH_REMATCH[1]}
            continue
        fi
        [[ $line =~ \ role:([A-Za-z]+) ]] && REPLICATION_PEER_ROLE=${BASH_REMATCH[1]}
        [[ $line =~ \ connection:([A-Za-z]+) ]] && REPLICATION_CONNECTION=${BASH_REMATCH[1]}
        [[ $line =~ \ replication:([A-Za-z]+) && ${BASH_REMATCH[1]} != Off ]] && REPLICATION_CONNECTION=${BASH_REMATCH[1]}
        [[ $line =~ \ peer-disk:([A-Za-z]+) ]] && REPLICATION_PEER_DISK=${BASH_REMATCH[1]}
        [[ $line =~ \ done:([0-9]+(\.[0-9]+)?) ]] && REPLICATION_PERCENT=${BASH_REMATCH[1]}
        [[ $line =~ \ out-of-sync:([0-9]+) ]] && REPLICATION_OUT_OF_SYNC=${BASH_REMATCH[1]}
    done < <(printf '%s\n' "$1")
    case $REPLICATION_CONNECTION in
    Established) REPLICATION_CONNECTION=Connected ;;
    Connecting) REPLICATION_CONNECTION=WFConnection ;;
    esac
}

# DRBD 9 has the protocol among its options only (drbdsetup(8), show: options that are default, such as C, are left out
# unless they are asked for).
read_protocol() {
    is_drbd_9 || return 0
    if bounded "${CONFIG[LOOK_SECONDS]}" drbdsetup show --show-defaults "$RESOURCE" &&
        [[ $BOUNDED_OUTPUT =~ [[:space:]]protocol[[:space:]]+([ABC])\; ]]; then
        REPLICATION_PROTOCOL=${BASH_REMATCH[1]}
    fi
}

# On a connection that stands; DRBD tells the peer. The option is named, for DRBD 8.4's drbdadm passes on none of the file's.
# Not `adjust`, which would also connect a replica that must not be in touch.
run_protocol() {
    act 30 drbdadm net-options --protocol="$1" "$RESOURCE"
}

load_drbd() {
    [[ -e $ROOT/proc/drbd ]] || act 20 modprobe drbd
}

# Known once the module is loaded.
is_drbd_9() {
    [[ -r $ROOT/proc/drbd && $(<"$ROOT/proc/drbd") == *"version: 9"* ]]
}

is_primary() {
    [[ $REPLICATION_ROLE == Primary ]]
}

is_secondary() {
    [[ $REPLICATION_ROLE == Secondary ]]
}

# A replica that is not up has no role; that is not the same as a role that could not be read.
is_role_known() {
    read_replication
    [[ $REPLICATION_ROLE != Unknown || $IS_REPLICA_UP == false ]]
}

is_replica_linked() {
    case $REPLICATION_CONNECTION in
    Connected | Ahead | Behind | SyncSource | SyncTarget | PausedSyncS | PausedSyncT | VerifyS | VerifyT | WFBitMap[ST] | WFSyncUUID | StartingSync[ST]) return 0 ;;
    esac
    return 1
}

# Why this replica must not be promoted without an operator's word; nothing when it may.
why_replica_is_stale() {
    case $REPLICATION_CONNECTION in
    SyncTarget | PausedSyncT | WFBitMapT | WFSyncUUID | StartingSyncT | Behind)
        printf 'it is in the middle of a resync (%s)' "$REPLICATION_CONNECTION"
        return
        ;;
    esac
    [[ $REPLICATION_DISK == UpToDate ]] || printf 'its disk is %s, not UpToDate' "$REPLICATION_DISK"
}

# Blocks out of sync between connected replicas that call themselves UpToDate: they diverged, and DRBD did not see it (a
# pair made of copied disks) or was told so (`drbdadm verify`).
is_replication_healthy() {
    [[ $REPLICATION_CONNECTION == Connected && $REPLICATION_DISK == UpToDate && $REPLICATION_PEER_DISK == UpToDate ]] &&
        ((REPLICATION_OUT_OF_SYNC == 0))
}

# Attached and looking for its peer, in whatever role; does nothing when it is.
bring_replication_up() {
    read_replication
    [[ $REPLICATION_DISK == Unknown && $REPLICATION_ROLE == Unknown ]] || return 0
    load_drbd || return 1
    act 30 drbdadm up "$RESOURCE" || return 1
    read_replication
    [[ $REPLICATION_ROLE != Unknown ]]
}

# Attached, but not in touch with its peer. On contact DRBD lets the older data follow the newer by itself; that must not
# happen to a replica whose last writes nobody has kept.
attach_replica() {
    local command commands="new-resource new-minor"
    read_replication
    if [[ $REPLICATION_CONNECTION == Unknown ]]; then
        load_drbd || return 1
        # DRBD 9 makes a device only once, and an attempt may have ended after that.
        [[ $REPLICATION_DISK == Unknown ]] || commands=new-resource
        is_drbd_9 && commands+=" new-peer new-path"
        for command in $commands; do
            act 30 drbdadm "$command" "$RESOURCE" || return 1
        done
        read_replication
    fi
    # Without its disk a new device is Unconfigured to DRBD 8.4, and Diskless and StandAlone to DRBD 9. (A disk that DRBD
    # detached because of its errors is not ours to attach again: then there is a peer, or this is the Primary.)
    case $REPLICATION_ROLE.$REPLICATION_CONNECTION.$REPLICATION_DISK in
    *.Unconfigured.* | Secondary.StandAlone.Diskless)
        act 30 drbdadm attach "$RESOURCE" || return 1
        read_replication
        ;;
    esac
    [[ $REPLICATION_ROLE != Unknown ]]
}

# StandAlone: not in touch and not looking for the peer, by order or because DRBD found a split brain.
connect_replica() {
    read_replication
    [[ $REPLICATION_CONNECTION != StandAlone ]] || act 30 drbdadm connect "$RESOURCE"
}

follow_peer() {
    read_replication
    is_replica_linked && return 0
    [[ $REPLICATION_CONNECTION == StandAlone ]] || act 30 drbdadm disconnect "$RESOURCE" || return 1
    # Without a split brain this is an ordinary connect (drbdadm(8), connect --discard-my-data).
    act 30 drbdadm connect --discard-my-data "$RESOURCE" || return 1
    read_replication
}

# For a Secondary that is not in touch with its peer: no later promotion without an operator's word. (With DRBD 9,
# `drbdadm outdate` calls drbdsetup in a way that it does not understand: drbd-utils 9.22 to 9.34.)
outdate_replica() {
    local minor=${CONFIG[REPLICATED_DEVICE]##*[!0-9]}
    if is_drbd_9; then
        act 10 drbdsetup outdate "${minor:-0}"
    else
        act 10 drbdadm outdate "$RESOURCE"
    fi
}

make_primary() {
    if [[ $ACCEPT_DATA_LOSS == true && -n $(why_replica_is_stale) ]]; then
        act 30 drbdadm primary --force "$RESOURCE" || return 1
    else
        act 30 drbdadm primary "$RESOURCE" || return 1
    fi
    read_replication
    is_primary
}

# DRBD refuses while the device is open: by an unmount that still writes back, or by somebody, who is asked to go.
make_secondary() {
    local deadline=$(($(now_seconds) + $(flush_seconds))) turn=0
    is_role_known || { LAST_ERROR="its role could not be read"; return 1; }
    until is_role_known && ! is_primary; do
        if (($(now_seconds) >= deadline && turn > 3)); then
            LAST_ERROR+=$(describe_holders)
            return 1
        fi
        act 30 drbdadm secondary "$RESOURCE" && continue
        turn=$((turn + 1))
        case $turn in
        1 | 2) ;;
        3) signal_holders TERM ;;
        *) signal_holders KILL ;;
        esac
        sleep 1
    done
}
