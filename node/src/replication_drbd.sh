# -------------------------------------------------------------------------------------------- replication engine: DRBD
# Uses core and install's put_file; answers what replication.sh asks of an engine. DRBD 8.4 and 9. Nowhere else does a word
# of DRBD's stand.

readonly RESOURCE=garoon
readonly DRBD_MAJOR=147 # block devices of DRBD (Linux, admin-guide/devices.txt)
readonly ENGINE_COMMANDS="drbdadm drbdsetup modprobe" ENGINE_UNIT=drbd.service ENGINE_DEVICES=drbd
readonly RESOURCE_MARK="# Written by garoon-node, which changes nothing in it but the protocol, to the stack's ReplicationProtocol."
CONFIG[REPLICATED_DEVICE]=/dev/drbd0

# In DRBD's words (drbd.conf(5), drbdadm(8)), which are those of 8.4; "Unknown" where nothing is known.
DRBD_ROLE=Unknown DRBD_PEER_ROLE=Unknown DRBD_CONNECTION=Unknown DRBD_DISK=Unknown DRBD_PEER_DISK=Unknown

read_replication() {
    local text="" minor=${CONFIG[REPLICATED_DEVICE]##*[!0-9]}
    DRBD_ROLE=Unknown DRBD_PEER_ROLE=Unknown DRBD_CONNECTION=Unknown DRBD_DISK=Unknown DRBD_PEER_DISK=Unknown
    REPLICATION_PERCENT=null REPLICATION_OUT_OF_SYNC=0
    IS_REPLICA_UP=unknown
    REPLICATION_PROTOCOL=""
    [[ ! -r $ROOT/proc/drbd ]] || IFS= read -r -d '' text <"$ROOT/proc/drbd"
    # DRBD 8.4 tells everything in /proc/drbd, without a command that could hang; DRBD 9 only its version.
    if [[ $text == *"version: 8."* ]]; then
        parse_proc_drbd "$text" "${minor:-0}"
        [[ $DRBD_ROLE != Unknown ]] || IS_REPLICA_UP=false
    elif bounded "${CONFIG[LOOK_SECONDS]}" drbdsetup status "$RESOURCE" --verbose --statistics; then
        parse_drbd_status "$BOUNDED_OUTPUT"
    elif [[ $BOUNDED_OUTPUT == *"No such resource"* || ! -e $ROOT/proc/drbd ]]; then
        IS_REPLICA_UP=false
    fi
    [[ $DRBD_ROLE == Unknown ]] || IS_REPLICA_UP=true
    [[ $DRBD_DISK != DUnknown ]] || DRBD_DISK=Unknown
    [[ $DRBD_PEER_DISK != DUnknown ]] || DRBD_PEER_DISK=Unknown
    translate
}

# A word that is not among these (DRBD user's guide, "Connection states", "Disk states") says nothing.
translate() {
    case $DRBD_CONNECTION in
    Connected) REPLICATION_LINK=connected ;;
    Ahead | Behind | Sync* | PausedSync* | Verify* | WFBitMap* | WFSyncUUID | StartingSync*) REPLICATION_LINK=resyncing ;;
    WFConnection | WFReportParams | Unconnected | Timeout | BrokenPipe | NetworkFailure | ProtocolError | TearDown | Disconnecting)
        REPLICATION_LINK=waiting
        ;;
    StandAlone | Unconfigured) REPLICATION_LINK=apart ;;
    *) REPLICATION_LINK=unknown ;;
    esac
    translate_role REPLICATION_ROLE "$DRBD_ROLE"
    translate_role REPLICATION_PEER_ROLE "$DRBD_PEER_ROLE"
    translate_disk REPLICATION_DATA "$DRBD_DISK"
    translate_disk REPLICATION_PEER_DATA "$DRBD_PEER_DISK"
    case $DRBD_CONNECTION in
    SyncTarget | PausedSyncT | WFBitMapT | WFSyncUUID | StartingSyncT | Behind)
        [[ $REPLICATION_DATA != current ]] || REPLICATION_DATA=stale
        ;;
    esac
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
    local line current="" pattern
    pattern='^ *([0-9]+): cs:([A-Za-z]+)( ro:([A-Za-z]+)/([A-Za-z]+) ds:([A-Za-z]+)/([A-Za-z]+)( ([ABC]) )?)?'
    while IFS= read -r line; do
        if [[ $line =~ $pattern ]]; then
            current=${BASH_REMATCH[1]}
            [[ $current == "$2" ]] || continue
            DRBD_CONNECTION=${BASH_REMATCH[2]}
            DRBD_ROLE=${BASH_REMATCH[4]:-Unknown}
            DRBD_PEER_ROLE=${BASH_REMATCH[5]:-Unknown}
            DRBD_DISK=${BASH_REMATCH[6]:-Unknown}
            DRBD_PEER_DISK=${BASH_REMATCH[7]:-Unknown}
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
            DRBD_ROLE=${BASH_REMATCH[1]}
            continue
        fi
        [[ $line =~ ^\ \ [^\ ] && ! $line =~ ^\ \ volume: ]] && is_peer=true
        if [[ $is_peer == false ]]; then
            [[ $line =~ \ disk:([A-Za-z]+) ]] && DRBD_DISK=${BASH_REMATCH[1]}
            continue
        fi
        [[ $line =~ \ role:([A-Za-z]+) ]] && DRBD_PEER_ROLE=${BASH_REMATCH[1]}
        [[ $line =~ \ connection:([A-Za-z]+) ]] && DRBD_CONNECTION=${BASH_REMATCH[1]}
        [[ $line =~ \ replication:([A-Za-z]+) && ${BASH_REMATCH[1]} != Off ]] && DRBD_CONNECTION=${BASH_REMATCH[1]}
        [[ $line =~ \ peer-disk:([A-Za-z]+) ]] && DRBD_PEER_DISK=${BASH_REMATCH[1]}
        [[ $line =~ \ done:([0-9]+(\.[0-9]+)?) ]] && REPLICATION_PERCENT=${BASH_REMATCH[1]}
        [[ $line =~ \ out-of-sync:([0-9]+) ]] && REPLICATION_OUT_OF_SYNC=${BASH_REMATCH[1]}
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
    read_replication
    [[ $DRBD_DISK == Unknown && $DRBD_ROLE == Unknown ]] || return 0
    load_drbd || return 1
    act 30 drbdadm up "$RESOURCE" || return 1
    read_replication
    [[ $DRBD_ROLE != Unknown ]]
}

# Attached, but not in touch with its peer. On contact DRBD lets the older data follow the newer by itself; that must not
# happen to a replica whose last writes nobody has kept.
attach_replica() {
    local command commands="new-resource new-minor"
    read_replication
    if [[ $DRBD_CONNECTION == Unknown ]]; then
        load_drbd || return 1
        # DRBD 9 makes a device only once, and an attempt may have ended after that.
        [[ $DRBD_DISK == Unknown ]] || commands=new-resource
        is_drbd_9 && commands+=" new-peer new-path"
        for command in $commands; do
            act 30 drbdadm "$command" "$RESOURCE" || return 1
        done
        read_replication
    fi
    # Without its disk a new device is Unconfigured to DRBD 8.4, and Diskless and StandAlone to DRBD 9. (A disk that DRBD
    # detached because of its errors is not ours to attach again: then there is a peer, or this is the Primary.)
    case $DRBD_ROLE.$DRBD_CONNECTION.$DRBD_DISK in
    *.Unconfigured.* | Secondary.StandAlone.Diskless)
        act 30 drbdadm attach "$RESOURCE" || return 1
        read_replication
        ;;
    esac
    [[ $DRBD_ROLE != Unknown ]]
}

# StandAlone: not in touch and not looking for the peer, by order or because DRBD found a split brain.
connect_replica() {
    read_replication
    [[ $DRBD_CONNECTION != StandAlone ]] || act 30 drbdadm connect "$RESOURCE"
}

follow_peer() {
    read_replication
    is_replica_linked && return 0
    [[ $DRBD_CONNECTION == StandAlone ]] || act 30 drbdadm disconnect "$RESOURCE" || return 1
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

promote_replica() {
    act 30 drbdadm primary ${1:+--force} "$RESOURCE"
}

demote_replica() {
    act 30 drbdadm secondary "$RESOURCE"
}

# DRBD 9 calls a replica whose Primary died Consistent for a moment.
is_peer_loss_settled() {
    read_replication
    [[ $REPLICATION_PEER_ROLE != primary && $DRBD_DISK != Consistent ]]
}

take_replica_down() {
    act 30 drbdadm down "$RESOURCE"
}

volume_number() {
    local minor=${CONFIG[REPLICATED_DEVICE]##*[!0-9]}
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
    local settings="" own_id="" peer_id=""
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
    device ${CONFIG[REPLICATED_DEVICE]};
    disk ${CONFIG[DATA_DEVICE]};
    meta-disk internal;
    on $(uname -n) {
        address ipv4 $own;
$own_id    }
    on peer-${CONFIG[PEER_NAME]} {
        address ipv4 $peer;
$peer_id    }
}
RESOURCE
}
