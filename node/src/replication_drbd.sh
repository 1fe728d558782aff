# -------------------------------------------------------------------------------------------- replication engine: DRBD
# Uses core and install's put_file; answers what replication.sh asks of an engine. DRBD 8.4 and 9. Nowhere else does a word
# of DRBD's stand.

readonly RESOURCE=garoon
readonly DRBD_MAJOR=147 # block devices of DRBD (Linux, admin-guide/devices.txt)
readonly ENGINE_COMMANDS="drbdadm drbdsetup modprobe" ENGINE_UNIT=drbd.service ENGINE_DEVICES=drbd
readonly RESOURCE_MARK="# Written by garoon-node, which changes nothing in it but the protocol, to the stack's ReplicationProtocol."
CONFIG[REPLICATED_DEVICE]=/dev/drbd0

# Several volumes are those of one resource (DRBD user's guide, "Resources"): they share one connection, which keeps the
# order of writes across them, and are connected, and told to discard what only this side holds, together. A split that DRBD
# finds in one of them ends the connection of all; only in those that are split it discards anything. Of their roles DRBD 9
# has one, DRBD 8.4 one each: its drbdadm promotes one after the other, and stops at the first that fails (drbd-utils
# 9.34, call_cmd in user/v84/drbdadm_main.c).
#
# What was read of one volume in DRBD's words (drbd.conf(5), drbdadm(8)), which are those of 8.4; "Unknown" where nothing
# is known. And by the volume's number ROLE.CONNECTION.DISK.
DRBD_WORDS=() DRBD_PERCENT=null DRBD_OUT_OF_SYNC=0
DRBD_ROLE=Unknown DRBD_PEER_ROLE=Unknown DRBD_CONNECTION=Unknown DRBD_DISK=Unknown DRBD_PEER_DISK=Unknown

read_replication() {
    local text="" number
    DRBD_WORDS=() REPLICATION_ROLE="" REPLICATION_PEER_ROLE="" REPLICATION_LINK="" REPLICATION_DATA="" REPLICATION_PEER_DATA=""
    REPLICATION_PERCENT=null REPLICATION_OUT_OF_SYNC=0
    IS_REPLICA_UP=unknown IS_HALF_PRIMARY=false
    REPLICATION_PROTOCOL=""
    [[ ! -r $ROOT/proc/drbd ]] || IFS= read -r -d '' text <"$ROOT/proc/drbd"
    # DRBD 8.4 tells everything in /proc/drbd, without a command that could hang; DRBD 9 only its version.
    if [[ $text == *"version: 8."* ]]; then
        for number in "${!REPLICATED_DEVICES[@]}"; do read_volume parse_proc_drbd "$text" "${REPLICATED_DEVICES[number]##*[!0-9]}"; done
        IS_REPLICA_UP=false
    elif bounded "${CONFIG[LOOK_SECONDS]}" drbdsetup status "$RESOURCE" --verbose --statistics; then
        for number in "${!REPLICATED_DEVICES[@]}"; do read_volume parse_drbd_status "$BOUNDED_OUTPUT" "$number"; done
    elif [[ $BOUNDED_OUTPUT == *"No such resource"* || ! -e $ROOT/proc/drbd ]]; then
        IS_REPLICA_UP=false
    fi
    ((${#DRBD_WORDS[@]} > 0)) || for number in "${!REPLICATED_DEVICES[@]}"; do read_volume :; done
    # A volume that is not there has no role, and keeps the others from none.
    [[ -z $REPLICATION_ROLE ]] || IS_REPLICA_UP=true
    REPLICATION_ROLE=${REPLICATION_ROLE:-unknown}
    ! has_volume 'Primary.*' || ! has_volume '!(Primary).*.*' || IS_HALF_PRIMARY=true
}

# read_volume PARSER...: one volume more.
read_volume() {
    DRBD_ROLE=Unknown DRBD_PEER_ROLE=Unknown DRBD_CONNECTION=Unknown DRBD_DISK=Unknown DRBD_PEER_DISK=Unknown
    DRBD_PERCENT=null DRBD_OUT_OF_SYNC=0
    "$@"
    [[ $DRBD_DISK != DUnknown ]] || DRBD_DISK=Unknown
    [[ $DRBD_PEER_DISK != DUnknown ]] || DRBD_PEER_DISK=Unknown
    DRBD_WORDS+=("$DRBD_ROLE.$DRBD_CONNECTION.$DRBD_DISK")
    REPLICATION_OUT_OF_SYNC=$((REPLICATION_OUT_OF_SYNC + DRBD_OUT_OF_SYNC))
    # Of several resyncs the one that is least far.
    if [[ $REPLICATION_PERCENT == null ]] || { [[ $DRBD_PERCENT != null ]] && ((10#${DRBD_PERCENT%.*} < 10#${REPLICATION_PERCENT%.*})); }; then
        REPLICATION_PERCENT=$DRBD_PERCENT
    fi
    translate
}

# has_volume PATTERN: of DRBD_WORDS.
has_volume() {
    local words
    for words in "${DRBD_WORDS[@]}"; do
        # shellcheck disable=SC2053 # a pattern
        [[ $words == $1 ]] && return
    done
    return 1
}

# on_volumes PATTERN SECONDS COMMAND: each volume that is so; a resource's only volume needs no number.
on_volumes() {
    local number name
    for number in "${!DRBD_WORDS[@]}"; do
        name=$RESOURCE
        ((${#DRBD_WORDS[@]} == 1)) || name+=/$number
        # shellcheck disable=SC2053 # a pattern
        [[ ${DRBD_WORDS[number]} != $1 ]] || act "$2" drbdadm "$3" "$name" || return 1
    done
}

# A word that is not among these (DRBD user's guide, "Connection states", "Disk states") says nothing.
translate() {
    local link role peer_role data peer_data
    case $DRBD_CONNECTION in
    Connected) link=connected ;;
    Ahead | Behind | Sync* | PausedSync* | Verify* | WFBitMap* | WFSyncUUID | StartingSync*) link=resyncing ;;
    WFConnection | WFReportParams | Unconnected | Timeout | BrokenPipe | NetworkFailure | ProtocolError | TearDown | Disconnecting)
        link=waiting
        ;;
    StandAlone | Unconfigured) link=apart ;;
    *) link=unknown ;;
    esac
    translate_role role "$DRBD_ROLE"
    translate_role peer_role "$DRBD_PEER_ROLE"
    translate_disk data "$DRBD_DISK"
    translate_disk peer_data "$DRBD_PEER_DISK"
    case $DRBD_CONNECTION in
    SyncTarget | PausedSyncT | WFBitMapT | WFSyncUUID | StartingSyncT | Behind) [[ $data != current ]] || data=stale ;;
    esac
    worse REPLICATION_LINK "$link" "connected resyncing waiting apart unknown"
    [[ $DRBD_ROLE == Unknown ]] || worse REPLICATION_ROLE "$role" "secondary unknown primary"
    worse REPLICATION_PEER_ROLE "$peer_role" "secondary unknown primary"
    worse REPLICATION_DATA "$data" "current stale unusable unknown"
    worse REPLICATION_PEER_DATA "$peer_data" "current stale unusable unknown"
}

translate_role() {
    case $2 in
    Primary) printf -v "$1" primary ;;
    Secondary) printf -v "$1" secondary ;;
    *) printf -v "$1" unknown ;;
    esac
}

# Consistent: it may or may not be the newest; DRBD has not been able to ask its peer.
translate_disk() {
    case $2 in
    UpToDate) printf -v "$1" current ;;
    Outdated | Inconsistent | Consistent) printf -v "$1" stale ;;
    Diskless | Failed | Detaching) printf -v "$1" unusable ;;
    *) printf -v "$1" unknown ;;
    esac
}

# " 0: cs:Connected ro:Secondary/Primary ds:UpToDate/UpToDate C r-----" and, mid-resync, "... sync'ed: 42.5% ...".
parse_proc_drbd() {
    local line current="" pattern minor=${2:-0}
    pattern='^ *([0-9]+): cs:([A-Za-z]+)( ro:([A-Za-z]+)/([A-Za-z]+) ds:([A-Za-z]+)/([A-Za-z]+)( ([ABC]) )?)?'
    while IFS= read -r line; do
        if [[ $line =~ $pattern ]]; then
            current=${BASH_REMATCH[1]}
            [[ $current == "$minor" ]] || continue
            DRBD_CONNECTION=${BASH_REMATCH[2]}
            DRBD_ROLE=${BASH_REMATCH[4]:-Unknown}
            DRBD_PEER_ROLE=${BASH_REMATCH[5]:-Unknown}
            DRBD_DISK=${BASH_REMATCH[6]:-Unknown}
            DRBD_PEER_DISK=${BASH_REMATCH[7]:-Unknown}
            REPLICATION_PROTOCOL=${BASH_REMATCH[9]:-}
        elif [[ $current == "$minor" && $line =~ sync\'ed:\ *([0-9]+(\.[0-9]+)?)% ]]; then
            DRBD_PERCENT=${BASH_REMATCH[1]}
        elif [[ $current == "$minor" && $line =~ \ oos:([0-9]+) ]]; then
            DRBD_OUT_OF_SYNC=${BASH_REMATCH[1]}
        fi
    done < <(printf '%s\n' "$1")
}

# `drbdsetup status --verbose --statistics` of DRBD 9: the resource, then its volumes and the peer with its volumes, each
# with what is indented below it. Lines break before column 80. Replication is Off without a connection. Where there is one
# volume it may have any number.
parse_drbd_status() {
    local line is_peer=false is_ours=true
    while IFS= read -r line; do
        if [[ $line =~ ^[^\ ].*\ role:([A-Za-z]+) ]]; then
            DRBD_ROLE=${BASH_REMATCH[1]}
            continue
        fi
        [[ $line =~ ^\ \ [^\ ] && ! $line =~ ^\ \ volume: ]] && is_peer=true is_ours=true
        [[ ! $line =~ ^\ +volume:([0-9]+) || ${#REPLICATED_DEVICES[@]} == 1 ]] || { is_ours=true; [[ ${BASH_REMATCH[1]} == "$2" ]] || is_ours=false; }
        [[ $is_ours == true ]] || continue
        if [[ $is_peer == false ]]; then
            [[ $line =~ \ disk:([A-Za-z]+) ]] && DRBD_DISK=${BASH_REMATCH[1]}
            continue
        fi
        [[ $line =~ \ role:([A-Za-z]+) ]] && DRBD_PEER_ROLE=${BASH_REMATCH[1]}
        [[ $line =~ \ connection:([A-Za-z]+) ]] && DRBD_CONNECTION=${BASH_REMATCH[1]}
        [[ $line =~ \ replication:([A-Za-z]+) && ${BASH_REMATCH[1]} != Off ]] && DRBD_CONNECTION=${BASH_REMATCH[1]}
        [[ $line =~ \ peer-disk:([A-Za-z]+) ]] && DRBD_PEER_DISK=${BASH_REMATCH[1]}
        [[ $line =~ \ done:([0-9]+(\.[0-9]+)?) ]] && DRBD_PERCENT=${BASH_REMATCH[1]}
        [[ $line =~ \ out-of-sync:([0-9]+) ]] && DRBD_OUT_OF_SYNC=${BASH_REMATCH[1]}
    done < <(printf '%s\n' "$1")
    case $DRBD_CONNECTION in
    Established) DRBD_CONNECTION=Connected ;;
    Connecting) DRBD_CONNECTION=WFConnection ;;
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

# Attached and looking for its peer, in whatever role; does nothing when it is.
bring_replication_up() {
    local command=up
    read_replication
    has_volume 'Unknown.*.Unknown' || { ((${#DRBD_WORDS[@]} > 1)) && has_volume '*.Unknown'; } || return 0
    load_drbd || return 1
    # `up` wants a resource of which nothing is there.
    ! has_volume '*.*.!(Unknown)' || command=adjust
    act 30 drbdadm "$command" "$RESOURCE" || return 1
    read_replication
    [[ $IS_REPLICA_UP == true ]]
}

# Attached, but not in touch with its peer. On contact DRBD lets the older data follow the newer by itself; that must not
# happen to a replica whose last writes nobody has kept.
attach_replica() {
    local is_new=true
    read_replication
    if has_volume '*.Unknown.*'; then
        load_drbd || return 1
        ! has_volume '*.!(Unknown).*' || is_new=false
        [[ $is_new == false ]] || act 30 drbdadm new-resource "$RESOURCE" || return 1
        # DRBD 9 makes a device only once, and an attempt may have ended after that.
        on_volumes '*.Unknown' 30 new-minor || return 1
        if [[ $is_new == true ]] && is_drbd_9; then
            act 30 drbdadm new-peer "$RESOURCE" && act 30 drbdadm new-path "$RESOURCE" || return 1
        fi
        read_replication
    fi
    # Without its disk a new device is Unconfigured to DRBD 8.4, and Diskless and StandAlone to DRBD 9. (A disk that DRBD
    # detached because of its errors is not ours to attach again: then there is a peer, or this is the Primary.)
    on_volumes '@(*.Unconfigured.*|Secondary.StandAlone.Diskless)' 30 attach || return 1
    read_replication
    [[ $IS_REPLICA_UP == true ]]
}

# StandAlone: not in touch and not looking for the peer, by order or because DRBD found a split brain.
connect_replica() {
    read_replication
    ! has_volume '*.StandAlone.*' || act 30 drbdadm connect "$RESOURCE"
}

follow_peer() {
    read_replication
    is_replica_linked && return 0
    has_volume '*.StandAlone.*' || act 30 drbdadm disconnect "$RESOURCE" || return 1
    # Without a split brain this is an ordinary connect (drbdadm(8), connect --discard-my-data).
    act 30 drbdadm connect --discard-my-data "$RESOURCE" || return 1
    read_replication
}

# For a Secondary that is not in touch with its peer: no later promotion without an operator's word. (With DRBD 9,
# `drbdadm outdate` calls drbdsetup in a way that it does not understand: drbd-utils 9.22 to 9.34.)
outdate_replica() {
    local device minor
    is_drbd_9 || { on_volumes '*' 10 outdate; return; }
    for device in "${REPLICATED_DEVICES[@]}"; do
        minor=${device##*[!0-9]}
        act 10 drbdsetup outdate "${minor:-0}" || return 1
    done
}

promote_replica() {
    act 30 drbdadm primary ${1:+--force} "$RESOURCE"
}

demote_replica() {
    act 30 drbdadm secondary "$RESOURCE"
}

# DRBD 9 calls a replica whose Primary died Consistent for a moment.
is_peer_loss_settled() {
    read_replication
    [[ $REPLICATION_PEER_ROLE != primary ]] && ! has_volume '*.Consistent'
}

take_replica_down() {
    act 30 drbdadm down "$RESOURCE"
}

volume_number() {
    local minor=${1##*[!0-9]}
    printf '%d:%d' "$DRBD_MAJOR" "${minor:-0}"
}

# Of the kernel's module, loaded or not.
engine_version() {
    local words version
    { read -r words version _ <"$ROOT/proc/drbd"; } 2>/dev/null && [[ $words == version: ]] && printf 'DRBD %s' "$version" && return
    bounded 2 modinfo -F version drbd && printf 'DRBD %s' "${BOUNDED_OUTPUT%%$'\n'*}"
}

# A resource file that is there already may hold an operator's tuning, or a replica of the old days. A new one has the
# words of the DRBD that is loaded; nothing else may have loaded it yet.
install_replication() {
    local file="$ROOT/etc/drbd.d/$RESOURCE.res" text statement wanted=${CONFIG[REPLICATION_PROTOCOL]}
    if [[ ! -e $file ]]; then
        ! load_drbd || put_file "$file" 0644 "$(resource_file)"
        return
    fi
    # In a file of ours the protocol is the stack's, and all else may be the operator's.
    text=$(<"$file")
    [[ $text == "$RESOURCE_MARK"* && $text =~ [[:space:]]protocol[[:space:]]+[ABC]\; ]] || return 0
    statement=${BASH_REMATCH[0]}
    put_file "$file" 0644 "${text/"$statement"/${statement%[ABC];}$wanted;}"
    read_replication
    read_protocol
    is_replica_linked && [[ $REPLICATION_PROTOCOL != "$wanted" ]] || return 0
    run_protocol "$wanted" || log "the protocol stays $REPLICATION_PROTOCOL until DRBD connects anew: $LAST_ERROR"
}

# drbdadm finds its own section by `uname -n`. It would by address, too (`floating`), but then it knows the resource only
# while that address is there and its link is up: a node that has lost its network could not be demoted. The peer's
# section may bear any other name. A split brain is shown and left alone: no after-sb policy. The time-outs let a dead
# peer be noticed within about four seconds.
resource_file() {
    local own="${CONFIG[ETH1_ADDRESS]}:${CONFIG[REPLICATION_PORT]}" peer="${CONFIG[PEER_ETH1_ADDRESS]}:${CONFIG[REPLICATION_PORT]}"
    local settings="" own_id="" peer_id="" volumes="" number indent="    "
    for number in "${!DATA_DEVICES[@]}"; do
        if ((${#DATA_DEVICES[@]} > 1)); then
            volumes+="    volume $number {"$'\n' indent="        "
        fi
        volumes+="${indent}device ${REPLICATED_DEVICES[number]};"$'\n'"${indent}disk ${DATA_DEVICES[number]};"$'\n'"${indent}meta-disk internal;"$'\n'
        ((${#DATA_DEVICES[@]} == 1)) || volumes+="    }"$'\n'
    done
    # Words of DRBD 9 which 8.4 refuses to read.
    if is_drbd_9; then
        settings="    options { auto-promote no; }"$'\n'
        own_id="        node-id 0;"$'\n' peer_id="        node-id 1;"$'\n'
        [[ ${CONFIG[NODE_NAME]} < ${CONFIG[PEER_NAME]} ]] || { own_id=${own_id/0/1} peer_id=${peer_id/1/0}; }
    fi
    cat <<RESOURCE
$RESOURCE_MARK
resource $RESOURCE {
$settings    net {
        protocol ${CONFIG[REPLICATION_PROTOCOL]};
        ping-int 3;
        ping-timeout 5;
        timeout 20;
    }
    disk { on-io-error detach; }
$volumes    on $(uname -n) {
        address ipv4 $own;
$own_id    }
    on peer-${CONFIG[PEER_NAME]} {
        address ipv4 $peer;
$peer_id    }
}
RESOURCE
}
