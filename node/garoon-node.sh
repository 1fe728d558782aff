#!/bin/bash
# garoon-node: what the failover controller may do on a Garoon database server, and nothing else.
#
#   garoon-node VERB [--epoch N] [--expires-at UNIX_SECONDS] [--accept-data-loss] [--peer-proof unseen|secondary] [--and-start]
#
#   status    what is the state of this node? changes nothing
#   probe     what does this node see of its peer? changes nothing
#   survey    what of Garoon is on this node, whatever is configured? changes nothing; needs no settings
#   promote   make this node's replica the writable one and mount it; with --peer-proof, only if this node finds its peer so;
#             with --and-start, begin what users reach, and let `start` do the rest
#   start     bring the services, the exports and the virtual IP into service
#   restart   bring the whole hierarchy back into service on a node that is primary already; disturbs nothing that works
#   stop      take them out of service, in reverse
#   demote    stop, unmount, give up the writable role
#   reconnect on the primary: look for the peer again; discards nothing
#   rejoin    on the secondary: follow the peer, discarding what only this replica holds; the caller has kept a copy
#   install   put the script, its settings and its units in place (values come from SSM_ variables)
#   boot      what a booting node does: be a standby          (garoon-node-boot.service)
#   leave     what a node does when it shuts down cleanly     (garoon-node-boot.service)
#   watch     send the metrics and the signs, for ever        (garoon-node-watch.service)
#
# Called by Run Command, the verb and its options come as SSM_Verb, SSM_Epoch and so on, as environment variables: no
# parameter is ever part of the text of this script. Every verb but watch prints exactly one line, a JSON object, on
# standard output; what it is doing goes to standard error. All verbs can run again: check, act, check.
#
# Needs bash >= 4.2 (RHEL 7), coreutils, util-linux, iproute2, nfs-utils, systemd, the tools of its replication engine;
# Python for one thing. No double braces in this file: they would be taken for document parameters.
set -u
export LC_ALL=C PATH="${PATH:-/usr/sbin:/usr/bin}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
umask 022

# Exit codes. A refusal (a promise forbids it) differs from a failure (it was tried).
readonly EXIT_DONE=0 EXIT_FAILED=1 EXIT_BAD_ARGUMENTS=2
readonly EXIT_STALE_REPLICA=10 EXIT_PEER_PRIMARY=11 EXIT_STALE_EPOCH=12 EXIT_EXPIRED=13 EXIT_BUSY=14
readonly EXIT_NOT_INSTALLED=15 EXIT_NOT_PRIMARY=16 EXIT_NOT_DEMOTED=17 EXIT_UNKNOWN=18 EXIT_RECOVERING=19
readonly EXIT_PEER_NOT_PROVEN=20

# Every file lies under this root, as with systemd's --root; names given to the kernel (devices, mount points, exports)
# are those that the kernel knows.
readonly ROOT="${GAROON_NODE_ROOT:-}"
readonly CONFIG_FILE="$ROOT/etc/garoon-node.conf"
readonly LOCAL_CONFIG_FILE="$ROOT/etc/garoon-node.local.conf"
readonly STATE_DIRECTORY="$ROOT/var/lib/garoon-node"
readonly LOCK_FILE="$ROOT/run/garoon-node.lock"
readonly LOG_FILE="$ROOT/var/log/garoon-node.log"
# The CloudWatch agent sends on what is appended to these: the metrics, in memory, so that no disk can hold them back; and
# what calls for a look by the controller.
readonly BEATS_FILE="$ROOT/run/garoon-node-beats.log"
readonly SIGNS_FILE="$ROOT/var/log/garoon-node-signs.log"
# The instance's id as the metadata service told it, since this boot.
readonly INSTANCE_FILE="$ROOT/run/garoon-node.instance"
# As bash names a TCP connection.
readonly METADATA_SERVER="${GAROON_NODE_METADATA_SERVER:-169.254.169.254/80}"
readonly INSTALLED_SCRIPT="$ROOT/usr/local/sbin/garoon-node"
readonly UNIT_DIRECTORY="$ROOT/etc/systemd/system"
readonly AGENT_DIRECTORY="$ROOT/opt/aws/amazon-cloudwatch-agent"
readonly AGENT_CONFIG_FILE="$ROOT/etc/garoon-node-agent.json"
# Where `append-config` puts it.
readonly AGENT_MERGED_FILE="$AGENT_DIRECTORY/etc/amazon-cloudwatch-agent.d/file_${AGENT_CONFIG_FILE##*/}"

readonly NFS_PORT=2049
# A command that is good for longer was timed by another clock than this node's.
readonly LONGEST_ORDER_SECONDS=120
readonly WRITE_CHECK_FILE=.garoon-node-write-check

# An active node that does not serve says so after this many looks: one may have met a moment of load.
readonly LOOKS_BEFORE_SIGN=2

# Settings: written by `install`, then the operator's own in garoon-node.local.conf. One look at one thing takes at most
# LOOK_SECONDS; the looks of `status` and `probe` run beside each other.
declare -A CONFIG=(
    [CLUSTER_NAME]="" [NODE_NAME]="" [ETH0_ADDRESS]="" [ETH1_ADDRESS]=""
    [PEER_NAME]="" [PEER_ETH0_ADDRESS]="" [PEER_ETH1_ADDRESS]="" [VIRTUAL_IP]=""
    [MOUNT_POINT]=/mnt/DIR1 [DATA_DEVICE]=/dev/xvdb1 [REPLICATED_DEVICE]="" [FURTHER_VOLUMES]="" [REPLICATION_PROTOCOL]=C
    [DATABASE_PORT]=3770 [PATH_PORT]=22 [EXPORT_CLIENTS]="" [WATCH_INTERVAL_SECONDS]=5 [NFS_LEASE_SECONDS]=15
    [ETH0_INTERFACE]=eth0 [EXPORT_OPTIONS]="rw,sync,no_subtree_check" [REPLICATION_PORT]=7788
    [LOOK_SECONDS]=3 [LOCK_WAIT_SECONDS]=10 [SERVICE_SECONDS]=60 [MOUNT_SECONDS]=60 [PEER_LOSS_SECONDS]=8 [ANSWER_SECONDS]=30
    [SERVICES]="cyde_5_0,cyss_cbgrn" [EXPORTS]="www/cgi-bin/cbgrn/sessiondata:3771,cybozu/mysql-5.0/files:3772"
    [LOCAL_ADDRESS]=127.0.0.1 [TICKLE_SECONDS]=120 [RELEASE_SECONDS]=30
    [START_SECONDS]=20 [STALL_SECONDS]=60
)

VERB="" EPOCH=0 EXPIRES_AT=0 ACCEPT_DATA_LOSS=false PEER_PROOF=none AND_START=false
# Filled by the looks: what `status`, `probe` and `survey` report.
STATUS_JSON=null PROBE_JSON=null SURVEY_JSON=null
# The last words of the last command that failed.
LAST_ERROR=""

# ---------------------------------------------------------------------------------------------------------- reporting

log() {
    printf 'garoon-node: %s\n' "$*" >&2
}

json_string() {
    local text=$1 out="" char index
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    for ((index = 0; index < ${#text}; index++)); do
        char=${text:index:1}
        # Bytes that could break the line or its encoding have no place in a sentence.
        [[ $char == [[:print:]] ]] || char="?"
        out+=$char
    done
    printf '"%s"' "$out"
}

json_bool() {
    if "$@"; then printf true; else printf false; fi
}

# finish RESULT CODE EXIT_CODE MESSAGE: the one line of output, and the end.
finish() {
    printf '{"verb":%s,"result":"%s","code":"%s","message":%s,"clock":%d,"status":%s,"probe":%s,"survey":%s}\n' \
        "$(json_string "${VERB:0:20}")" "$1" "$2" "$(json_string "${4:0:400}")" "$(now_seconds)" "$STATUS_JSON" "$PROBE_JSON" "$SURVEY_JSON"
    exit "$3"
}

done_with() {
    finish "done" "done" "$EXIT_DONE" "$1"
}

fail() {
    finish failed failed "$EXIT_FAILED" "$1"
}

refuse() {
    finish refused "$1" "$2" "$3"
}

bad_arguments() {
    finish refused bad_arguments "$EXIT_BAD_ARGUMENTS" "$1"
}

# ---------------------------------------------------------------------------------------- commands that may never end

# bounded SECONDS COMMAND...: its output in BOUNDED_OUTPUT, its exit code returned; 124 when it took too long.
#
# `timeout` alone is not enough: a process in uninterruptible sleep (a hung volume) does not die, and timeout would wait
# for it for ever. So nobody waits for the process, only for its words, and it is left behind. It must hold neither the
# lock (descriptor 9) nor the pipes on which Run Command waits.
bounded() {
    hear "$(($1 + 2))" timeout -k 1 "$@"
}

# hear SECONDS COMMAND...: as bounded, but a command that takes longer is not signalled: it goes on.
hear() {
    local limit=$1 text="" descriptor outcome
    shift
    exec {descriptor}< <(
        exec 9>&-
        "$@" 2>&1 </dev/null
        printf '\n%d' "$?"
    )
    IFS= read -r -d '' -t "$limit" text <&"$descriptor"
    outcome=$?
    exec {descriptor}<&-
    BOUNDED_OUTPUT=${text%$'\n'*}
    if ((outcome > 128)) || [[ ! $text =~ $'\n'([0-9]+)$ ]]; then
        BOUNDED_OUTPUT=$text
        return 124
    fi
    return "${BASH_REMATCH[1]}"
}

# act SECONDS COMMAND...: a command that changes something; its last words in LAST_ERROR if it fails.
act() {
    try bounded "$@"
}

# await SECONDS COMMAND...: as act, but what takes longer goes on; the state that is reached counts.
await() {
    try hear "$@"
}

try() {
    local how=$1 limit=$2 code
    shift 2
    "$how" "$limit" "$@"
    code=$?
    ((code == 0)) && return 0
    LAST_ERROR=${BOUNDED_OUTPUT%%$'\n'}
    LAST_ERROR=${LAST_ERROR##*$'\n'}
    ((code == 124)) && LAST_ERROR="no end after $limit seconds"
    [[ -n $LAST_ERROR ]] || LAST_ERROR="exit code $code"
    log "$*: $LAST_ERROR"
    return "$code"
}

# look NAME COMMAND...: starts a look in the background; `answer NAME` gives its words.
declare -A LOOKS=()
look() {
    local name=$1 descriptor
    shift
    exec {descriptor}< <(
        exec 9>&- 2>/dev/null </dev/null
        "$@"
        printf '\nend%d' "$?"
    )
    LOOKS[$name]=$descriptor
}

# answer NAME [SECONDS]: the words of a look in ANSWER, without line ends around them, and its exit code; 124 when it has
# not ended. Words that came before a look hung are kept.
answer() {
    local descriptor=${LOOKS[$1]}
    IFS= read -r -d '' -t "$((${2:-CONFIG[LOOK_SECONDS]} + 1))" ANSWER <&"$descriptor"
    exec {descriptor}<&-
    unset "LOOKS[$1]"
    [[ $ANSWER =~ $'\nend'([0-9]+)$ ]] || return 124
    ANSWER=${ANSWER%$'\nend'*}
    ANSWER=${ANSWER%$'\n'}
    return "${BASH_REMATCH[1]}"
}

now_seconds() {
    printf '%(%s)T' -1
}

# -------------------------------------------------------------------------------------------------- whose machine it is

readonly INSTANCE_PATTERN='i-[0-9a-f]{8,17}'

# The id of the EC2 instance that this is, or nothing where it cannot be learned. A copy of a node has the node's settings,
# name and volumes, but not its id. Nitro instances bear it in their firmware (EC2 User Guide, "Identify EC2 instances");
# others are told by the instance metadata service, which is asked once a boot: /run does not outlive one, nor get copied.
own_instance_id() {
    local id="" file
    for file in "$ROOT/sys/devices/virtual/dmi/id/board_asset_tag" "$INSTANCE_FILE"; do
        { IFS= read -r id <"$file"; } 2>/dev/null
        matches "$id" "$INSTANCE_PATTERN" && printf '%s' "$id" && return
    done
    export -f ask_metadata
    bounded 2 "$BASH" -c "ask_metadata $METADATA_SERVER"
    id=${BOUNDED_OUTPUT%%$'\n'*}
    matches "$id" "$INSTANCE_PATTERN" || return 0
    printf '%s' "$id"
    { printf '%s\n' "$id" >"$INSTANCE_FILE"; } 2>/dev/null
}

# IMDSv2 (EC2 User Guide, "Access instance metadata"): a token first, then the question with the token. HTTP 1.0, so that
# the server ends the connection.
ask_metadata() {
    local line token="" header
    exec 3<>"/dev/tcp/$1" || return
    printf 'PUT /latest/api/token HTTP/1.0\r\nHost: %s\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\nContent-Length: 0\r\n\r\n' "${1%/*}" >&3
    while IFS= read -r line <&3 || [[ -n $line ]]; do token=${line%$'\r'}; done
    exec 3<>"/dev/tcp/$1" || return
    header="X-aws-ec2-metadata-token: $token"
    printf 'GET /latest/meta-data/instance-id HTTP/1.0\r\nHost: %s\r\n%s\r\n\r\n' "${1%/*}" "$header" >&3
    while IFS= read -r line <&3 || [[ -n $line ]]; do token=${line%$'\r'}; done
    printf '%s' "$token"
}

# Of the CloudWatch agent; nothing where there is none.
agent_version() {
    local version=""
    { IFS= read -r version <"$AGENT_DIRECTORY/bin/CWAGENT_VERSION"; } 2>/dev/null
    printf '%s' "$version"
}

# ------------------------------------------------------------------------------------------------ settings and state

# Patterns that a setting must match as a whole. They keep quotes, blanks, $ and line ends out of everything that is
# ever written to a file or given to a command.
readonly NAME_PATTERN='[A-Za-z0-9][A-Za-z0-9._-]{0,62}'
readonly ADDRESS_PATTERN='[0-9]{1,3}(\.[0-9]{1,3}){3}'
readonly PATH_PATTERN='/[A-Za-z0-9][A-Za-z0-9._/-]{0,200}'
readonly NUMBER_PATTERN='[0-9]{1,15}'

# matches VALUE PATTERN: the whole value, also when it has line ends in it.
matches() {
    local pattern="^($2)\$"
    [[ $1 != *$'\n'* && $1 =~ $pattern ]]
}

# is_list_of PATTERN VALUE: one to ten, separated by commas. One by one: a pattern of them all takes ten times as long to
# compile, which bash does each time, and its memory weighs on every process that is forked afterwards.
is_list_of() {
    local rest="$2," count=0
    while [[ -n $rest ]]; do
        matches "${rest%%,*}" "$1" || return 1
        rest=${rest#*,} count=$((count + 1))
    done
    ((count <= 10))
}

# may_be NAME VALUE: whether a setting may have that value. No subshell: every verb reads all settings.
may_be() {
    case $1 in
    CLUSTER_NAME | NODE_NAME | PEER_NAME | ETH0_INTERFACE) matches "$2" "$NAME_PATTERN" ;;
    ETH0_ADDRESS | ETH1_ADDRESS | PEER_ETH0_ADDRESS | PEER_ETH1_ADDRESS | VIRTUAL_IP | LOCAL_ADDRESS) matches "$2" "$ADDRESS_PATTERN" ;;
    MOUNT_POINT | DATA_DEVICE | REPLICATED_DEVICE) matches "$2" "$PATH_PATTERN" ;;
    REPLICATION_PROTOCOL) matches "$2" '[AC]' ;;
    EXPORT_CLIENTS) matches "$2" "$ADDRESS_PATTERN(/[0-9]{1,2})?(,$ADDRESS_PATTERN(/[0-9]{1,2})?)*" ;;
    FURTHER_VOLUMES) [[ -z $2 ]] || is_list_of "$PATH_PATTERN:$PATH_PATTERN:$PATH_PATTERN" "$2" ;;
    SERVICES) is_list_of "$SERVICE_PATTERN" "$2" ;;
    EXPORTS) is_list_of "$EXPORT_PATTERN" "$2" ;;
    EXPORT_OPTIONS) matches "$2" '[a-z_]+(,[a-z_]+)*' ;;
    WATCH_INTERVAL_SECONDS) matches "$2" '([1-9]|10)' ;;
    *) matches "$2" "$NUMBER_PATTERN" ;;
    esac
}

# Settings are read, not sourced: a settings file can set settings and nothing else.
read_settings() {
    local file line
    for file in "$CONFIG_FILE" "$LOCAL_CONFIG_FILE"; do
        [[ -r $file ]] || continue
        while IFS= read -r line; do
            [[ $line =~ ^([A-Z0-9_]+)=\"([^\"]*)\"$ ]] || continue
            set_setting "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" || log "$file: the value of ${line%%=*} is not allowed"
        done <"$file"
    done
    read_resources
}

set_setting() {
    [[ -n ${CONFIG[$1]+known} ]] || return 0
    may_be "$1" "$2" || return 1
    CONFIG[$1]=$2
}

is_installed() {
    [[ -r $CONFIG_FILE && -n ${CONFIG[NODE_NAME]} && -n ${CONFIG[PEER_ETH0_ADDRESS]} ]]
}

# State survives a crash of the host and a full disk: one sector, which is written whole or not at all, over what is
# there. `install` makes room for it. An epoch for which there is no room is kept until the next boot.
write_state() {
    mkdir -p "$STATE_DIRECTORY"
    printf '%-511s\n' "$2" | dd of="$STATE_DIRECTORY/$1" conv=notrunc,fsync status=none && return
    [[ $1 != epoch ]] || printf '%s\n' "$2" >"$ROOT/run/garoon-node.epoch"
    return 1
}

# read_state NAME: in STATE; nothing where none was written.
STATE=""
read_state() {
    STATE=""
    [[ ! -r $STATE_DIRECTORY/$1 ]] || read -r STATE <"$STATE_DIRECTORY/$1"
}

obeyed_epoch() {
    local epoch=0 kept=0
    read_state epoch
    ! matches "$STATE" "$NUMBER_PATTERN" || epoch=$((10#$STATE))
    { read -r kept <"$ROOT/run/garoon-node.epoch"; } 2>/dev/null
    printf '%d' "$((kept > epoch ? kept : epoch))"
}

# The role as the controller gave it last: `active`; `unreplicated`, demoted while its peer was out of touch, so that it
# may hold writes that nobody else has; nothing for a standby.
was_active() {
    read_state role
    [[ $STATE == active ]]
}

# A node that is in service is active, whoever made it so: on an installation that is taken over, hands did.
adopt_role() {
    read_replication
    ! is_primary || ! is_mounted || was_active || write_state role active
}

is_unreplicated() {
    read_state role
    [[ $STATE == unreplicated ]]
}

# ---------------------------------------------------------------------------------------------------------- resources
# Uses core. What is in service on the active node, as configured: the volumes, the services in their start order (they
# stop in reverse) and the exports.

# An entry of SERVICES: what it is, and its options. `/folder`: its scripts restore, remove, quickCheck and recover, as
# LifeKeeper's Generic Application has them; `name.service`: a systemd unit; any other name: an init script.
readonly SERVICE_PATTERN='((/[A-Za-z0-9_][A-Za-z0-9._-]{0,62}){1,8}|[A-Za-z0-9_][A-Za-z0-9._-]{0,62})(:(start|stop)=[1-9][0-9]{0,3}|:check=[1-5]|:on-failure=(restart|warn))*'
# A check is short: `status` waits for it, and a node that does not answer in time does not answer.
# An entry of EXPORTS: a path below the mount point, or a full one below that of a further volume, and its file system id,
# which is the same on both nodes: file handles which the App servers hold stay good when the role moves (exports(5),
# fsid=).
readonly EXPORT_PATTERN='/?[A-Za-z0-9_][A-Za-z0-9._-]{0,62}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,62}){0,8}:[1-9][0-9]{0,8}'

# SERVICES holds their names, in start order; the first is the database, which the others need.
SERVICES=() DATABASE_SERVICE="" EXPORTS=()
# By a service's name. An empty limit is the general one.
declare -A SERVICE_PATH=() START_LIMIT=() STOP_LIMIT=() CHECK_LIMIT=() ON_FAILURE=()

# By a volume's number: 0 is Garoon's own, of which the settings MOUNT_POINT, DATA_DEVICE and REPLICATED_DEVICE tell; an
# entry of FURTHER_VOLUMES is the same three of another one, DATA_DEVICE:REPLICATED_DEVICE:MOUNT_POINT. All of them move
# together: they are mounted before the first service starts, and a node that is primary of one is primary.
DATA_DEVICES=() REPLICATED_DEVICES=() MOUNT_POINTS=()
read_volumes() {
    local entry rest
    DATA_DEVICES=() REPLICATED_DEVICES=() MOUNT_POINTS=()
    for entry in "${CONFIG[DATA_DEVICE]}:${CONFIG[REPLICATED_DEVICE]}:${CONFIG[MOUNT_POINT]}" ${CONFIG[FURTHER_VOLUMES]//,/ }; do
        rest=${entry#*:}
        DATA_DEVICES+=("${entry%%:*}") REPLICATED_DEVICES+=("${rest%:*}") MOUNT_POINTS+=("${rest#*:}")
    done
}

# Both lists are split at their commas on purpose; set_setting let nothing through that could be a pattern.
# shellcheck disable=SC2206
read_resources() {
    read_volumes
    local entry option name IFS=,
    local -a entries=(${CONFIG[SERVICES]}) options
    EXPORTS=(${CONFIG[EXPORTS]})
    SERVICES=()
    for entry in "${entries[@]}"; do
        IFS=:
        options=($entry)
        name=${options[0]##*/}
        SERVICES+=("$name")
        SERVICE_PATH[$name]=${options[0]}
        START_LIMIT[$name]="" STOP_LIMIT[$name]="" CHECK_LIMIT[$name]="" ON_FAILURE[$name]=restart
        for option in "${options[@]}"; do
            case $option in
            start=*) START_LIMIT[$name]=${option#*=} ;;
            stop=*) STOP_LIMIT[$name]=${option#*=} ;;
            check=*) CHECK_LIMIT[$name]=${option#*=} ;;
            on-failure=*) ON_FAILURE[$name]=${option#*=} ;;
            esac
        done
    done
    DATABASE_SERVICE=${SERVICES[0]}
}

# What no pattern can say, as a sentence; nothing when the lists can be used.
why_resources_are_wrong() {
    local entry name seen=" " ids=" "
    for name in "${DATA_DEVICES[@]}" "${REPLICATED_DEVICES[@]}" "${MOUNT_POINTS[@]}"; do
        [[ $seen != *" $name "* ]] || { printf 'FurtherVolumes names %s, which another volume has' "$name"; return; }
        seen+="$name "
    done
    seen=" "
    for name in "${SERVICES[@]}"; do
        [[ $seen != *" $name "* ]] || { printf 'Services names %s twice' "$name"; return; }
        seen+="$name "
    done
    [[ ${ON_FAILURE[$DATABASE_SERVICE]} != warn ]] ||
        { printf 'The first of Services, %s, is the database, without which nothing serves: its failure can not only warn' "$DATABASE_SERVICE"; return; }
    for entry in "${EXPORTS[@]}"; do
        name=${entry%:*}
        [[ $name != /* ]] || is_on_volume "$name" || { printf 'Exports names %s, which is on no volume' "$name"; return; }
        [[ $seen != *" /$name "* ]] || { printf 'Exports names %s twice' "$name"; return; }
        [[ $ids != *" ${entry##*:} "* ]] || { printf 'Exports gives the file system id %s twice' "${entry##*:}"; return; }
        seen+="/$name " ids+="${entry##*:} "
    done
}

is_on_volume() {
    local point
    for point in "${MOUNT_POINTS[@]}"; do [[ $1/ != "$point"/* ]] || return 0; done
    return 1
}

# export_path ENTRY: in EXPORT_PATH, as the kernel knows it.
EXPORT_PATH=""
export_path() {
    EXPORT_PATH=${1%:*}
    [[ $EXPORT_PATH == /* ]] || EXPORT_PATH=${CONFIG[MOUNT_POINT]}/$EXPORT_PATH
}

is_database() {
    [[ $1 == "$DATABASE_SERVICE" ]]
}

# Its state is reported, and neither counts for `isServing` nor keeps a verb from its end.
does_only_warn() {
    [[ ${ON_FAILURE[$1]} == warn ]]
}

# In stop order.
services_reversed() {
    local index
    for ((index = ${#SERVICES[@]} - 1; index >= 0; index--)); do
        printf '%s ' "${SERVICES[index]}"
    done
}

# service_command SERVICE start|stop: in COMMAND. Without arguments a LifeKeeper script exits with 0 or says that it
# failed; `recover` is its way to bring back in place what has run before (SIOS, "Generic Application").
COMMAND=()
service_command() {
    local path=${SERVICE_PATH[$1]} script=remove
    case $path in
    /*)
        if [[ $2 == start ]]; then
            script=restore
            [[ $VERB != restart || -z $(read_note "$1" begun) || ! -x $ROOT$path/recover ]] || script=recover
        fi
        COMMAND=("$ROOT$path/$script")
        ;;
    *.service) COMMAND=(systemctl "$2" "$path") ;;
    *) COMMAND=("$ROOT/etc/init.d/$path" "$2") ;;
    esac
}

# What its start is called in a sentence.
script_word() {
    case ${SERVICE_PATH[$1]} in
    /*) printf 'restore script' ;;
    *.service) printf 'unit' ;;
    *) printf 'init script' ;;
    esac
}

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

# -------------------------------------------------------------------------------------------------------- file system
# Uses core, resources, and the numbers that replication gives the volumes.

# As the defaults are, until settings are read.
read_volumes

# By mount point: number and root of what it shows. From mountinfo (proc(5)), which answers also when a file system itself
# hangs. The last mount covers those before it. False when that can't be seen.
declare -A SHOWN=()
read_mounts() {
    local number root target
    SHOWN=()
    while read -r _ _ number root target _; do SHOWN["$target"]="$number $root"; done <"$ROOT/proc/self/mountinfo"
    ((${#SHOWN[@]} > 0))
}

# shows_volume DEVICE MOUNT_POINT: and not what else may be mounted there. As read_mounts saw it.
shows_volume() {
    [[ -n ${SHOWN["$2"]:-} && ${SHOWN["$2"]} == "$(volume_number "$1") /" ]]
}

# How many of the volumes are where they belong, in MOUNTED; false when that can't be seen.
count_mounted() {
    local number
    MOUNTED=0
    read_mounts || return 1
    for number in "${!MOUNT_POINTS[@]}"; do
        ! shows_volume "${REPLICATED_DEVICES[number]}" "${MOUNT_POINTS[number]}" || MOUNTED=$((MOUNTED + 1))
    done
}

# All of them; 2 when that can't be seen.
is_mounted() {
    count_mounted || return 2
    ((MOUNTED == ${#MOUNT_POINTS[@]}))
}

# None of them.
is_unmounted() {
    count_mounted && ((MOUNTED == 0))
}

# In their order, for a mount point may lie on a volume before it. XFS replays its log by itself when a crashed volume is
# mounted.
mount_volume() {
    local number device target
    is_mounted && return 0
    for number in "${!MOUNT_POINTS[@]}"; do
        device=${REPLICATED_DEVICES[number]} target=${MOUNT_POINTS[number]}
        shows_volume "$device" "$target" && continue
        [[ -d $ROOT$target ]] || mkdir -p "$ROOT$target" || return 1
        act "${CONFIG[MOUNT_SECONDS]}" mount "$device" "$target" || return 1
    done
    is_mounted
}

# How long what is not written back yet may take, at 1 MB/s.
flush_seconds() {
    local name kilobytes dirty=0
    while read -r name kilobytes _; do
        [[ $name != Dirty: && $name != Writeback: ]] || dirty=$((dirty + kilobytes))
    done <"$ROOT/proc/meminfo"
    printf '%d' "$((CONFIG[RELEASE_SECONDS] + dirty / 1024))"
}

# While users still work: what is written back now need not be when they wait. (RHEL 7's sync knows only all file systems.)
flush_volume() {
    is_unmounted || await 20 sync
}

# In turns ever less gentle: the volume's holders get TERM, then KILL, the NFS server stops. What is reached counts: umount
# may end late or badly though the volume is gone.
unmount_volume() {
    local deadline=$(($(now_seconds) + $(flush_seconds))) turn=0
    until unmount_everywhere "$deadline"; do
        # On a slow machine one turn may take the whole time.
        if (($(now_seconds) >= deadline && turn > 4)); then
            LAST_ERROR+=$(describe_holders)
            return 1
        fi
        turn=$((turn + 1))
        case $turn in
        1)
            act 10 exportfs -f
            signal_holders TERM
            ;;
        4) act 30 systemctl stop nfs-server ;;
        *) signal_holders KILL ;;
        esac
        # The kernel closes what they had open a moment after they are gone.
        sleep 0.5
    done
}

# unmount_everywhere DEADLINE: every mount of the devices in every mount namespace, with what is mounted on and below it,
# the last first. After the deadline what needs no time is still let go of.
unmount_everywhere() {
    local index left pid target
    find_mounts
    for ((index = ${#MOUNTS[@]} - 1; index >= 0; index--)); do
        pid=${MOUNTS[index]%% *} target=${MOUNTS[index]#* } left=$(($1 - $(now_seconds)))
        ((left >= 5)) || left=5
        if [[ $pid == self ]]; then
            await "$left" umount "$target"
        else
            await "$left" nsenter -t "$pid" -m umount "$target"
        fi
    done
    find_mounts
    ((${#MOUNTS[@]} == 0)) && is_unmounted
}

# MOUNTS: "self /mnt/DIR1", or "PID TARGET" for the namespace of that process.
MOUNTS=()
find_mounts() {
    local process namespace known device
    local -a patterns=()
    for device in "${REPLICATED_DEVICES[@]}"; do patterns+=(-e " $(volume_number "$device") "); done
    MOUNTS=()
    find_mounts_of self
    known=$(stat -L -c %i /proc/self/ns/mnt)
    bounded 5 grep -ls "${patterns[@]}" "$ROOT"/proc/[0-9]*/mountinfo
    while read -r process; do
        process=${process%/mountinfo}
        namespace=$(stat -L -c %i "$process/ns/mnt" 2>/dev/null) || continue
        [[ " $known " == *" $namespace "* ]] && continue
        known+=" $namespace"
        find_mounts_of "${process##*/}"
    done < <(printf '%s\n' "$BOUNDED_OUTPUT")
}

find_mounts_of() {
    local number target path device volumes=" " ours=()
    for device in "${REPLICATED_DEVICES[@]}"; do volumes+="$(volume_number "$device") "; done
    while read -r _ _ number _ target _; do
        printf -v target %b "$target"
        # What covers a volume or lies below it goes first, too.
        for path in "$number" "${ours[@]+"${ours[@]}"}"; do
            [[ $volumes == *" $path "* || $target == "$path" || $target == "$path"/* ]] || continue
            ours+=("$target")
            MOUNTS+=("$1 $target")
            break
        done
    done <"$ROOT/proc/$1/mountinfo"
}

# HOLDERS: by process, what it has on a volume (its program, directory, root, a file), or the device itself. By the
# device's number, so that no other way to a file hides it. (fuser and lsof are not everywhere.)
declare -A HOLDERS=()
list_holders() {
    printf '%s\0' "$ROOT"/proc/[0-9]*/{exe,cwd,root} "$ROOT"/proc/[0-9]*/fd/* |
        xargs -0 stat -L -c '%d %t:%T %n' 2>/dev/null | grep -E "$1"
}

find_holders() {
    local number major minor path pid device pattern=""
    HOLDERS=()
    export -f list_holders
    export ROOT
    for device in "${REPLICATED_DEVICES[@]}"; do
        number=$(volume_number "$device") major=${number%:*} minor=${number#*:}
        printf -v number '%d |[0-9]+ %x:%x ' "$((major * 256 + minor))" "$major" "$minor"
        pattern+="|$number"
    done
    bounded 20 "$BASH" -c "list_holders '^(${pattern#|})'"
    while read -r _ _ path; do
        path=${path#"$ROOT/proc/"}
        pid=${path%%/*}
        [[ $pid =~ ^[0-9]+$ ]] && HOLDERS[$pid]=${path#*/}
    done < <(printf '%s\n' "$BOUNDED_OUTPUT")
}

# E.g. ", held by sleep (process 4711, fd/3)"; nothing when nobody is found.
describe_holders() {
    local pid name words="" mount
    find_holders
    for pid in "${!HOLDERS[@]}"; do
        name="?"
        { read -r name <"$ROOT/proc/$pid/comm"; } 2>/dev/null
        words+=", held by $name (process $pid, ${HOLDERS[$pid]})"
    done
    find_mounts
    for mount in "${MOUNTS[@]+"${MOUNTS[@]}"}"; do
        [[ $mount == self* ]] || words+=", mounted on ${mount#* } for process ${mount%% *}"
    done
    printf '%s' "${words:0:200}"
}

# parent_of PID: in PARENT; 0 when there is none.
parent_of() {
    local line=""
    { IFS= read -r line <"$ROOT/proc/$1/stat"; } 2>/dev/null
    line=${line##*) ? }
    PARENT=${line%% *}
    [[ $PARENT =~ ^[0-9]+$ ]] || PARENT=0
}

# By process, those of its children that were signalled.
declare -A SIGNALLED=()
# signal_holders SIGNAL: supervisors before what they would start anew: a holder with a child that is one, too; and a
# parent outside the volume once it has put another child in the place of one that was signalled. This script, and what
# it runs under, is left alone.
signal_holders() {
    local pid own=" 0 1 " first="" rest="" children=()
    PARENT=$$
    while ((PARENT > 1)); do
        own+="$PARENT "
        parent_of "$PARENT"
    done
    find_holders
    for pid in "${!HOLDERS[@]}"; do
        rest+=" $pid"
        parent_of "$pid"
        children+=("$PARENT $pid")
        [[ -z ${HOLDERS[$PARENT]:-} ]] || first+=" $PARENT"
        [[ -z ${SIGNALLED[$PARENT]:-} || ${SIGNALLED[$PARENT]} == *" $pid "* ]] || first+=" $PARENT"
    done
    for pid in "${children[@]+"${children[@]}"}"; do
        SIGNALLED[${pid% *}]+=" ${pid#* } "
    done
    for pid in $first $rest; do
        [[ $own != *" $pid "* ]] || continue
        own+="$pid "
        log "process $pid keeps the volume (${HOLDERS[$pid]:-respawns}): SIG$1"
        kill -s "$1" "$pid" 2>/dev/null
    done
}

# Writes over what is there, which needs no room: a full volume is not a hung one, and would be as full on the peer.
look_at_volume() {
    printf 'trying '
    timeout -k 1 "${CONFIG[LOOK_SECONDS]}" dd if=/dev/zero of="$ROOT$1/$WRITE_CHECK_FILE" \
        bs=512 count=1 conv=notrunc,fsync status=none && printf writable
}

# Of these looks: 0 when all wrote; 2 when one could not begin to, as `timeout` says (its exit codes 125 to 127).
is_volume_writable() {
    local code point worst=0
    for point in "${MOUNT_POINTS[@]}"; do
        answer "volume $point"
        code=$?
        [[ $ANSWER != *writable ]] || continue
        if [[ $ANSWER == trying* && $code != 12[567] ]]; then worst=1; elif ((worst == 0)); then worst=2; fi
    done
    return "$worst"
}

# ----------------------------------------------------------------------------------------------------------- services
# Uses core, checks and survey.

# The init scripts are called directly. Through systemctl a service whose process died would still count as "active
# (exited)", as units generated from init scripts do, and `start` would do nothing; the two variables keep the
# distributions' init functions from going that way.
#
# What serves users lives in a unit of its own: not in the process group, the control group, the folder or the
# environment of what commands the node. Of systemd-run only what systemd 219 has is used (RHEL 7: --unit,
# --description, --remain-after-exit). The unit's process runs the init script and then ends with success, whatever the
# script said; "active (exited)" it ends nothing that the script left running. A $ within a word stays as it is in a
# unit's command line, unless a brace or another $ follows (systemd.service(5), "Command lines").
# shellcheck disable=SC2016 # expanded by the shell that runs it
readonly START_TEXT='umask 022
[ "$(ulimit -n)" -ge 65536 ] || ulimit -n 65536 || ulimit -n "$(ulimit -Hn)"
log=$1 ended=$2
shift 2
true >>"$log" || log=/dev/null
SYSTEMCTL_SKIP_REDIRECT=1 _SYSTEMCTL_SKIP_REDIRECT=1 "$@" >>"$log" 2>&1 </dev/null
echo "$?" >"$ended"'

# What is known of a start: begun, ended (the init script's exit code), moved, answered (the process that did).
readonly NOTES=$ROOT/run/garoon-node

read_note() {
    local REPLY=""
    { read -r <"$NOTES.$1.$2"; } 2>/dev/null
    printf '%s' "$REPLY"
}

# run_script SERVICE start|stop: begins it, and neither waits for it nor ever signals it. `stop` needs no unit: it leaves
# nothing running, and a machine that shuts down starts no units any more.
run_script() {
    local unit=garoon-${1%.service} digits="[0-9][0-9][0-9][0-9][0-9]"
    service_command "$1" "$2"
    local -a command=(/bin/sh -c "$START_TEXT" "garoon-$2-$1" "$LOG_FILE" "$NOTES.$1.$2-ended" "${COMMAND[@]}")
    rm -f "$NOTES.$1.$2-ended"
    if [[ $2 == start && -d $ROOT/run/systemd/system ]]; then
        # Units that are left from before have no process of the service any more. One that something refers to stays
        # known when it has ended, and its name is not free. Another service's name may begin with this one's.
        bounded 10 systemctl stop "$unit.service*" "$unit-$digits$digits.service"
        bounded 10 systemctl reset-failed "$unit.service*" "$unit-$digits$digits.service"
        for unit in "$unit" "$unit-$(now_seconds)"; do
            bounded 20 systemd-run --unit="$unit" --description="Garoon: $1" --remain-after-exit "${command[@]}" && return
            [[ $BOUNDED_OUTPUT == *already* ]] || break
        done
        LAST_ERROR="systemd-run says: ${BOUNDED_OUTPUT//$'\n'/ }"
        return 1
    fi
    [[ $2 == stop ]] || log "no systemd here: $1 shares the control group of this command"
    (
        exec 9>&-
        cd / && exec setsid env -i PATH="$PATH" ${GAROON_NODE_ROOT:+GAROON_NODE_ROOT="$ROOT"} "${command[@]}"
    ) >/dev/null 2>&1 </dev/null &
}

# Cybozu's own programs, whatever the identifier of the installation makes of their services' names; else an init script's
# program bears its name. Two schedulers are not told apart by it, but by their scripts' `status`. Of other units and of LifeKeeper's scripts only what they say themselves is known.
program_pattern() {
    case $(is_database "$1" || printf '%s' "${SERVICE_PATH[$1]}") in
    "") printf '(^|/)(mysqld|mariadbd)([-_]safe|-max|-debug)?$' ;;
    /* | *.service) ;;
    cyss*) [[ "${SERVICES[*]/#/ }" == *" cyss"*" cyss"* ]] || printf '(^|/)cyss[^/]*$' ;;
    *) printf '(^|/)%s$' "${1//./\\.}" ;;
    esac
}

# The processes of a service: their ids; "begun:ID" for an init script that is still starting it; "listed" when the
# whole list was read. A process belongs to it by its program, and by the volume in its arguments, folder or program.
list_processes() {
    local program files file words first second
    program=$(program_pattern "$1")
    files=$(timeout -k 1 "${CONFIG[LOOK_SECONDS]}" grep -lzE -e "${program:+$program|}^garoon-start-$1\$" "$ROOT"/proc/[0-9]*/cmdline 2>/dev/null)
    (($? < 124)) || return
    for file in $files; do
        words=$'\n'$(tr '\0' '\n' 2>/dev/null <"$file")$'\n'
        first=${words#$'\n'} first=${first%%$'\n'*}
        second=${words#$'\n'*$'\n'} second=${second%%$'\n'*}
        file=${file%/cmdline}
        if [[ $words == *$'\n'"garoon-start-$1"$'\n'* ]]; then
            printf 'begun:%s ' "${file##*/}"
        elif [[ -n $program ]] && [[ $first =~ $program || ($second =~ $program && $second != */init.d/*) ]] && is_of_volume "$file" "$words"; then
            printf '%s ' "${file##*/}"
        fi
    done
    printf listed
}

# is_of_volume /proc/ID WORDS
is_of_volume() {
    local point places
    for point in "${MOUNT_POINTS[@]}"; do [[ $2 != *[=$'\n']"$point"/* ]] || return 0; done
    places=$(stat -c %N "$1"/{exe,cwd} 2>/dev/null)
    for point in "${MOUNT_POINTS[@]}"; do [[ $places != *" -> "?"$point"[/\'\"]* ]] || return 0; done
    return 1
}

# One word: running, starting, stopped or unknown. The process list decides. What the init script, the unit or quickCheck
# itself says is asked when the list shows nothing, and never of the database; what takes too long has said nothing.
# A database has started when it has answered.
look_at_service() {
    local processes process answered
    processes=$(list_processes "$1")
    answered=$(read_note "$1" answered)
    for process in $processes; do
        case $process in
        begun:* | listed) ;;
        *)
            if ! is_database "$1" || [[ " $answered " == *" $process "* ]]; then
                printf running
                return
            fi
            ;;
        esac
    done
    case $processes in
    listed) if is_database "$1"; then printf stopped; else ask_service "$1"; fi ;;
    *listed) printf starting ;;
    *) printf unknown ;;
    esac
}

# A quickCheck that takes too long says nothing, as under LifeKeeper (SIOS user portal, on its ALRM signal); an init
# script whose `status` takes too long, or that has none, is no proof that something runs.
ask_service() {
    local path=${SERVICE_PATH[$1]} limit word
    limit=$(check_seconds "$1")
    case $path in
    /*)
        timeout -k 1 "$limit" "$ROOT$path/quickCheck" >/dev/null 2>&1
        case $? in
        0) word=running ;;
        124 | 137) word=unknown ;;
        *) word=stopped ;;
        esac
        ;;
    *.service)
        word=$(timeout -k 1 "$limit" systemctl is-active "$path" 2>/dev/null)
        case $word in
        active | reloading | deactivating) word=running ;;
        activating) word=starting ;;
        inactive | failed | unknown) word=stopped ;;
        *) word=unknown ;;
        esac
        ;;
    *)
        word=stopped
        SYSTEMCTL_SKIP_REDIRECT=1 _SYSTEMCTL_SKIP_REDIRECT=1 \
            timeout -k 1 "$limit" "$ROOT/etc/init.d/$path" status >/dev/null 2>&1 && word=running
        ;;
    esac
    printf %s "$word"
}

check_seconds() {
    printf %s "${CHECK_LIMIT[$1]:-${CONFIG[LOOK_SECONDS]}}"
}

SERVICE_STATE=unknown
read_service() {
    look "service $1" look_at_service "$1"
    answer "service $1" "$(check_seconds "$1")"
    SERVICE_STATE=${ANSWER:-unknown}
}

is_service_in_state() {
    read_service "$1"
    [[ $SERVICE_STATE == "$2" ]]
}

SERVICE_PROCESSES=""
read_processes() {
    look "processes of $1" list_processes "$1"
    answer "processes of $1"
    SERVICE_PROCESSES=$ANSWER
}

# PID and socket files on the volume that belong to no living process of it were left by a node that died: an init script
# would take an unrelated process of that number for its own, not start, and kill it. They are moved aside.
look_for_leftovers() {
    local file process words
    local -a places=("${MOUNT_POINTS[@]/#/$ROOT}")
    places[0]+=/cybozu
    while IFS= read -r -d '' file; do
        if [[ -S $file ]]; then
            process=$1
        else
            process=""
            { read -r process _ <"$file"; } 2>/dev/null
            [[ $process =~ ^[0-9]+$ ]] || process=0
            words=$'\n'$(tr '\0' '\n' 2>/dev/null <"$ROOT/proc/$process/cmdline")$'\n'
            is_of_volume "$ROOT/proc/$process" "$words" || process=""
        fi
        [[ -z $process ]] && mv -f "$file" "$file.left" && log "moved aside what nothing living uses: $file"
    done < <(timeout -k 1 "${CONFIG[LOOK_SECONDS]}" find "${places[@]/%//}" -maxdepth 4 -xdev \
        -name files -prune -o \( -type s -o -name '*.pid' -type f \) -print0 2>/dev/null)
}

move_leftovers_aside() {
    is_mounted || return 0
    read_processes "$DATABASE_SERVICE"
    look leftovers look_for_leftovers "${SERVICE_PROCESSES#listed}"
    answer leftovers
}

# Begins the start of a service of which nothing lives and nothing is on its way; what was begun is begun once.
start_service() {
    read_service "$1"
    [[ $SERVICE_STATE == stopped ]] || return 0
    log "starting $1"
    rm -f "$NOTES.$1.answered" "$NOTES.$1.moved"
    now_seconds >"$NOTES.$1.begun"
    run_script "$1" start
}

# False, with the reason, when nothing of the service lives and nothing is on the way. Looked at again: a process
# that an init script leaves behind bears the script's own name for a moment.
is_start_alive() {
    local tries ended
    for ((tries = 1; ; tries++)); do
        read_service "$1"
        [[ $SERVICE_STATE == stopped ]] || return 0
        ended=$(read_note "$1" start-ended)
        # A unit that was just made has no process for a moment either.
        [[ ${ended:-0} == 0 ]] || break
        ((tries < (${#ended} == 0 ? 10 : 3))) || break
        sleep 0.5
    done
    LAST_ERROR="its $(script_word "$1") says that it started it, but nothing of it runs"
    [[ $ended == 0 ]] || LAST_ERROR="its $(script_word "$1") ended with code ${ended:-unknown}, and nothing of it runs"
    return 1
}

# How far a start is: what its processes read and wrote and the last words of its log, in START_PROGRESS; false when
# neither has moved for STALL_SECONDS, or when the service has had its own time to start.
START_PROGRESS=""
is_start_moving() {
    local process key value mebibytes_read=0 mebibytes_written=0 bytes="" log_words="" moved now is_late=false
    now=$(now_seconds)
    read_processes "$1"
    for process in ${SERVICE_PROCESSES%listed}; do
        [[ $process != begun:* ]] || continue
        process=$ROOT/proc/$process
        while read -r key value; do
            bytes+=" $value"
            [[ $key != read_bytes: ]] || mebibytes_read=$((mebibytes_read + (value >> 20)))
            [[ $key != write_bytes: ]] || mebibytes_written=$((mebibytes_written + (value >> 20)))
        done < <(cat "$process/io" 2>/dev/null)
        # The server's error log is where its errors go, whatever it is called.
        # shellcheck disable=SC2016
        if bounded "${CONFIG[LOOK_SECONDS]}" "$BASH" -c '[[ -f $1 && ! $1 -ef $2 ]] && tail -c 2000 "$1"' log "$process/fd/2" "$LOG_FILE"; then
            BOUNDED_OUTPUT=${BOUNDED_OUTPUT%%$'\n'}
            log_words=${BOUNDED_OUTPUT##*$'\n'}
        fi
    done
    moved=$(read_note "$1" begun)
    ((now - ${moved:-now} < ${START_LIMIT[$1]:-now})) || is_late=true
    START_PROGRESS="$((now - ${moved:-now})) s since its start, $mebibytes_read MiB read, $mebibytes_written MiB written"
    ((${#log_words} <= 160)) || log_words=${log_words: -160}
    [[ -z $log_words ]] || START_PROGRESS+="; its log says: $log_words"
    # An init script at work has not even begun the server.
    [[ -n $bytes ]] || bytes=" $now"
    moved=$(read_note "$1" moved)
    if [[ -z $moved || ${moved#* } != "$bytes$log_words" ]]; then
        moved="$now $bytes$log_words"
        printf '%s\n' "$moved" >"$NOTES.$1.moved"
    fi
    [[ $is_late == false ]] && ((now - ${moved%% *} < CONFIG[STALL_SECONDS]))
}

is_start_stuck() {
    [[ $SERVICE_STATE == starting && -z $(read_note "$1" begun) && -n $(read_note "$1" moved) ]] && ! is_start_moving "$1"
}

# Which process answered: a later one, started by its supervisor, recovers first.
note_answer() {
    read_processes "$DATABASE_SERVICE"
    printf '%s\n' "${SERVICE_PROCESSES%listed}" >"$NOTES.$DATABASE_SERVICE.answered"
}

# The script's own stop has its time, or SERVICE_SECONDS, until nothing of the service lives; what it leaves is asked to end.
stop_service() {
    local deadline process has_asked=false limit=${STOP_LIMIT[$1]:-${CONFIG[SERVICE_SECONDS]}}
    move_leftovers_aside
    read_service "$1"
    [[ $SERVICE_STATE != stopped ]] || return 0
    log "stopping $1"
    rm -f "$NOTES.$1.begun" "$NOTES.$1.moved"
    deadline=$(($(now_seconds) + limit))
    run_script "$1" stop
    until is_service_in_state "$1" stopped; do
        if [[ -n $(read_note "$1" stop-ended) && $has_asked == false ]]; then
            has_asked=true
            read_processes "$1"
            for process in ${SERVICE_PROCESSES%listed}; do
                log "process $process of $1 is left: sending SIGTERM"
                # An init script that still starts it goes with its group.
                [[ $process == begun:* ]] && process=-${process#begun:}
                kill -s TERM -- "$process" 2>/dev/null
            done
        fi
        LAST_ERROR="$1 is $SERVICE_STATE after $limit seconds"
        (($(now_seconds) < deadline)) || return 1
        sleep 0.2
    done
}

# wait_until SECONDS COMMAND...
wait_until() {
    local deadline=$(($(now_seconds) + $1))
    shift
    until "$@"; do
        (($(now_seconds) < deadline)) || return 1
        sleep 0.2
    done
}

are_services_enabled_at_boot() {
    [[ -n $(enabled_at_boot "${SERVICES[@]}") ]]
}

is_mounted_by_fstab() {
    local point at_boot
    at_boot=" $(mounted_at_boot)"
    for point in "${MOUNT_POINTS[@]}"; do [[ $at_boot != *" $point "* ]] || return 0; done
    return 1
}

# ------------------------------------------------------------------------------------------------ exports, virtual IP
# Uses core and checks: the exports answer only when the server does.

# nfsd's own files (nfsd(7)). `v4_end_grace` is there since Linux 3.18, `clients` since 5.3.
readonly NFSD="$ROOT/proc/fs/nfsd"

# While the grace period runs, clients of before may claim back what they had open, and nobody creates a file. A kernel
# that does not tell is believed to be past it.
is_past_grace() {
    local ended=""
    { IFS= read -r ended <"$NFSD/v4_end_grace"; } 2>/dev/null
    [[ $ended != N ]]
}

# Whoever the server would wait for was another one's client, or its own before it stood by: nobody can claim anything
# back. The records of such clients are forgotten with it.
end_grace() {
    is_past_grace || act 10 "$BASH" -c "echo Y >$NFSD/v4_end_grace"
}

has_nfs_lease() {
    local seconds=""
    { IFS= read -r seconds <"$NFSD/nfsv4leasetime"; } 2>/dev/null
    [[ -z $seconds || $seconds == "${CONFIG[NFS_LEASE_SECONDS]}" ]]
}

# On a standby: the server runs, with the times that are set, and is past its grace long before it is needed.
ready_nfs() {
    is_nfs_up && has_nfs_lease
    (($? != 1)) || act 60 systemctl restart nfs-server || return 1
    end_grace
}

# The server lets go of the volume and goes on running: stopped, it would be in its grace when it is needed next. What
# the clients had open here (version 4) and locked (before) they open anew where the role is now.
release_nfs() {
    local client point
    for point in "${MOUNT_POINTS[@]}"; do
        [[ ! -e $NFSD/unlock_filesystem ]] || act 10 "$BASH" -c "echo $point >$NFSD/unlock_filesystem"
    done
    for client in "$NFSD"/clients/*/ctl; do
        [[ ! -e $client ]] || act 10 "$BASH" -c "echo expire >$client"
    done
    act 10 exportfs -f
}

CLIENTS=()
list_clients() {
    local IFS=,
    # The list is split at its commas on purpose; set_setting let nothing through that could be a pattern.
    # shellcheck disable=SC2206
    CLIENTS=(${CONFIG[EXPORT_CLIENTS]})
}

# is_listed_in_etab PATH CLIENT
is_listed_in_etab() {
    local path client
    [[ -r $ROOT/var/lib/nfs/etab ]] || return 1
    while read -r path client; do
        [[ $path == "$1" && $client == "$2("* ]] && return 0
    done <"$ROOT/var/lib/nfs/etab"
    return 1
}

is_exported() {
    local entry client
    list_clients
    for entry in "${EXPORTS[@]}"; do
        export_path "$entry"
        for client in "${CLIENTS[@]+"${CLIENTS[@]}"}"; do
            is_listed_in_etab "$EXPORT_PATH" "$client" || return 1
        done
    done
}

start_exports() {
    is_nfs_up
    (($? != 1)) || act 60 systemctl restart nfs-server
    # Brought back in place, the server may have clients of its own that claim something back.
    [[ $VERB == restart ]] || end_grace
    export_directories || return 1
    wait_until "${CONFIG[ANSWER_SECONDS]}" is_nfs_answering && is_exported
}

export_directories() {
    local entry client
    list_clients
    for entry in "${EXPORTS[@]}"; do
        export_path "$entry"
        for client in "${CLIENTS[@]+"${CLIENTS[@]}"}"; do
            is_listed_in_etab "$EXPORT_PATH" "$client" && continue
            act 20 exportfs -o "${CONFIG[EXPORT_OPTIONS]},fsid=${entry##*:}" "$client:$EXPORT_PATH" || return 1
        done
    done
}

# withdraw_exports ENTRY...: from all clients; false when one is left.
withdraw_exports() {
    local entry client code=0
    list_clients
    for entry; do
        export_path "$entry"
        for client in "${CLIENTS[@]+"${CLIENTS[@]}"}"; do
            ! is_listed_in_etab "$EXPORT_PATH" "$client" || act 20 exportfs -u "$client:$EXPORT_PATH" || code=1
        done
    done
    return "$code"
}

stop_exports() {
    local code=0
    withdraw_exports "${EXPORTS[@]}" || code=1
    is_nfs_up && release_nfs
    return "$code"
}

look_at_virtual_ip() {
    timeout -k 1 "${CONFIG[LOOK_SECONDS]}" ip -o -4 addr show dev "${CONFIG[ETH0_INTERFACE]}"
}

# Of that look; 2 when it failed.
is_virtual_ip_seen() {
    answer "virtual ip" || return 2
    [[ $ANSWER == *" ${CONFIG[VIRTUAL_IP]}/32 "* ]]
}

has_virtual_ip() {
    look "virtual ip" look_at_virtual_ip
    is_virtual_ip_seen
}

lacks_virtual_ip() {
    has_virtual_ip
    (($? == 1))
}

add_virtual_ip() {
    act 10 ip addr add "${CONFIG[VIRTUAL_IP]}/32" dev "${CONFIG[ETH0_INTERFACE]}"
    # A look that took too long has not seen it.
    wait_until "${CONFIG[ANSWER_SECONDS]}" has_virtual_ip
}

remove_virtual_ip() {
    lacks_virtual_ip && return 0
    act 10 ip addr del "${CONFIG[VIRTUAL_IP]}/32" dev "${CONFIG[ETH0_INTERFACE]}"
    lacks_virtual_ip
}

# ------------------------------------------------------------------------------------------- the clients' connections
# Uses core. A client whose packets were lost tries again after ever longer pauses, in the end of minutes (RFC 6298). A
# bare acknowledgement makes its kernel answer at once, whatever its number (RFC 9293, 3.10.7.4; RFC 5961); that comes to
# a server which knows no such connection and resets it, and the client connects anew. Pacemaker's portblock agent calls
# it a tickle. Before it goes the same with SYN, which is answered as well: a firewall that counts sequence numbers lets
# that pass as a repetition, and calls the other invalid (Linux, nf_conntrack_proto_tcp.c).
#
# Who is to be tickled a dead node can't say: the active one notes its clients on the volume, which goes with the role.

readonly CONNECTIONS_FILE=.garoon-node-connections
# A fixed size, written over itself: needs no room, like the other write check.
readonly CONNECTIONS_BYTES=4096
CONNECTIONS_NOTED=""

# Connections of clients with the virtual IP, a line each as the kernel has them, in hexadecimal: the client's address and
# port, and ours. (proc(5), /proc/net/tcp; in tcp6 the addresses have a prefix.)
list_connections() {
    local own file local_end client state nfs database
    # An address is four numbers.
    # shellcheck disable=SC2086
    printf -v own '%02X' ${CONFIG[VIRTUAL_IP]//./ }
    own=${own:6:2}${own:4:2}${own:2:2}${own:0:2}
    printf -v nfs '%04X' "$NFS_PORT"
    printf -v database '%04X' "${CONFIG[DATABASE_PORT]}"
    for file in "$ROOT"/proc/net/tcp "$ROOT"/proc/net/tcp6; do
        [[ -r $file ]] || continue
        while read -r _ local_end client state _; do
            [[ $state == 01 && ($local_end == *"$own:$nfs" || $local_end == *"$own:$database") ]] || continue
            printf '%s %s\n' "${client: -13}" "${local_end: -4}"
        done <"$file"
    done
}

note_connections() {
    local connections
    connections=$(list_connections)
    connections=${connections:0:CONNECTIONS_BYTES-1}
    # A node that has just taken over has none yet, and those of before may still be needed.
    [[ -n $connections && $connections != "$CONNECTIONS_NOTED" ]] || return 0
    # The variable is the inner shell's.
    # shellcheck disable=SC2016
    act "${CONFIG[LOOK_SECONDS]}" "$BASH" -c 'printf "%-*s\n" "$1" "$2" | dd of="$3" conv=notrunc,fsync status=none' - \
        "$((CONNECTIONS_BYTES - 1))" "$connections" "$ROOT${CONFIG[MOUNT_POINT]}/$CONNECTIONS_FILE" &&
        CONNECTIONS_NOTED=$connections
}

# Four times a second, as the route may move a while later, until the clients are back; left to itself. RHEL has Python for its
# own tools, also where it is no command (RHEL 8: /usr/libexec/platform-python), and Debian's cloud images for cloud-init.
tickle_clients() {
    local python connections=() line
    [[ -r $ROOT${CONFIG[MOUNT_POINT]}/$CONNECTIONS_FILE ]] || return 0
    while read -r line; do
        [[ ! $line =~ ^([0-9A-F]{8}:[0-9A-F]{4})\ ([0-9A-F]{4})$ ]] || connections+=("${line/ /,}")
    done <"$ROOT${CONFIG[MOUNT_POINT]}/$CONNECTIONS_FILE"
    ((${#connections[@]} > 0)) || return 0
    for python in python3 /usr/libexec/platform-python python python2; do
        if type -P "$python" >/dev/null; then
            log "tickling ${#connections[@]} connections of before"
            setsid "$python" -c "$TICKLE" "$ROOT" "${CONFIG[VIRTUAL_IP]}" "${CONFIG[TICKLE_SECONDS]}" "${connections[@]}" \
                </dev/null >/dev/null 2>>"$LOG_FILE" 9>&- &
            return 0
        fi
    done
    log "there is no Python to tickle the clients with: they come back when they try again by themselves"
}

readonly TICKLE='
import socket, struct, sys, time
root, address, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
left = set(sys.argv[4:])
own = socket.inet_aton(address)
ends_at = time.time() + seconds
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.bind((address, 0))
while time.time() < ends_at:
    for name in ("tcp", "tcp6"):
        try:
            for line in open(root + "/proc/net/" + name).readlines()[1:]:
                words = line.split()
                left.discard(words[2][-13:] + "," + words[1][-4:])
        except IOError:
            continue
    if not left:
        break
    for one in left:
        client = struct.pack("<I", int(one[:8], 16))
        ends = struct.pack("!HH", int(one[14:], 16), int(one[9:13], 16))
        for flags in (18, 16):
            rest = struct.pack("!IIBBH", 0, 0, 80, flags, 1024)
            words = struct.unpack("!16H", own + client + struct.pack("!HH", 6, 20) + ends + rest + struct.pack("!I", 0))
            total = (sum(words) >> 16) + (sum(words) & 65535)
            check = ~(total + (total >> 16)) & 65535
            try:
                raw.sendto(ends + rest + struct.pack("!HH", check, 0), (socket.inet_ntoa(client), 0))
            except (IOError, OSError) as error:
                sys.stderr.write("garoon-node: tickle: %s\n" % error)
    time.sleep(0.25)
'

# ------------------------------------------------------------------------------------------- does it answer? protocols
# Uses core, and for `status` what replication, volume, services and exports say.

# Each prints "connected" once the port accepts, then "answers" once the server said something that makes sense. A hung
# server's kernel accepts too, so accepting proves nothing.

# A MySQL server speaks first: a packet with sequence number 0 and a handshake (10), or an error (255), which answers as
# well; error 1129 says that this host is refused ("blocked") for its interrupted connections (max_connect_errors).
#
# So the talk goes on. A login that is refused is none of those: MySQL 5.0 to 8.4 and MariaDB count errors of the
# handshake only (sql/hostname.cc; MySQL manual, "The host_cache table"), and the peer's server is asked for a login as
# nobody. MariaDB and MySQL 5.7 log that, though, and this node's own is asked every few seconds. Over the loopback no
# server counts anything; there the login names a method that does not exist, and the talk ends when the server proposes
# another, which none of them logs.
speak_database() {
    local bytes size=050 method=000 end="" zeros='\000\000\000\000\000\000\000'
    [[ ${3:-} != own ]] || size=052 method=010 end='-\000'
    exec 3<>"/dev/tcp/$1/$2" || return
    printf 'connected '
    read -r -a bytes < <(od -An -v -tu1 -N7 <&3)
    ((${#bytes[@]} == 7 && bytes[3] == 0)) || return
    if [[ ${bytes[4]} == 255 ]]; then
        [[ "${bytes[*]:5}" != "105 4" ]] || printf 'blocked '
        printf answers
    elif [[ ${bytes[4]} == 10 ]]; then
        od -N$((bytes[0] + 256 * bytes[1] - 3)) <&3 >/dev/null
        # Protocol 4.1 with 20-byte passwords, packets of 16 MB, UTF-8; the user, and no password.
        printf "\\$size\\000\\000\\001\\000\\202\\$method\\000\\000\\000\\000\\001\\041\\000\\000%b%b%b%b%b" \
            "$zeros" "$zeros" "$zeros" 'nobody\000\000' "$end" >&3
        read -r -a bytes < <(od -An -v -tu1 -N5 <&3)
        ((${#bytes[@]} == 5 && bytes[3] == 2)) && printf answers
    fi
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

# look_at_server PROTOCOL ADDRESS PORT [own]
look_at_server() {
    printf 'trying '
    export -f speak_database speak_nfs speak_ssh
    timeout -k 1 "${CONFIG[LOOK_SECONDS]}" "$BASH" -c "speak_$1 $2 $3 ${4:-}"
}

# Over the loopback, whose name is in every hosts file: a server that waits for a name server before it greets is not hung.
look_at_database() {
    look_at_server database "${CONFIG[LOCAL_ADDRESS]}" "${CONFIG[DATABASE_PORT]}" own
}

# The answer of a look at a server as one word: answers, blocked, silent, unreachable; or unknown, when the look failed.
server_answer() {
    local code
    answer "$1"
    code=$?
    case $code.$ANSWER in
    12[567].*) printf -v "$2" unknown ;;
    *blocked*) printf -v "$2" blocked ;;
    *answers) printf -v "$2" answers ;;
    *connected*) printf -v "$2" silent ;;
    *.trying*) printf -v "$2" unreachable ;;
    *) printf -v "$2" unknown ;;
    esac
}

# does_answer NAME: 0 when the server that was looked at answers, 2 when that look failed.
does_answer() {
    local word
    server_answer "$1" word
    [[ $word == answers ]] || { [[ $word == unknown ]] && return 2 || return 1; }
}

is_database_answering() {
    look database look_at_database
    does_answer database
}

# The server's threads take calls.
is_nfs_up() {
    look nfs look_at_server nfs "${CONFIG[ETH0_ADDRESS]}" "$NFS_PORT"
    does_answer nfs
}

# Takes calls, and would let a client create a file.
is_nfs_answering() {
    is_nfs_up && is_past_grace
}

# Of that look.
does_nfs_serve() {
    does_answer nfs && is_past_grace
}

# ------------------------------------------------------------------------------------------------------ status, probe

IS_SERVING=null
declare -A SERVICE_STATES=()
# What read_status found, each true, false, or null where the look failed.
declare -A STATUS=()

read_status() {
    local service point
    look database look_at_database
    look nfs look_at_server nfs "${CONFIG[ETH0_ADDRESS]}" "$NFS_PORT"
    for service in "${SERVICES[@]}"; do look "service $service" look_at_service "$service"; done
    look "virtual ip" look_at_virtual_ip
    find_out isMounted is_mounted
    [[ ${STATUS[isMounted]} != true ]] || for point in "${MOUNT_POINTS[@]}"; do look "volume $point" look_at_volume "$point"; done
    read_replication
    read_protocol
    find_out isExported is_exported
    find_out databaseAnswers does_answer database
    find_out nfsAnswers does_nfs_serve
    for service in "${SERVICES[@]}"; do
        answer "service $service" "$(check_seconds "$service")"
        SERVICE_STATES[$service]=${ANSWER:-unknown}
    done
    # What answers has started, whoever started it.
    [[ ${STATUS[databaseAnswers]} != true ]] || SERVICE_STATES[$DATABASE_SERVICE]=running
    for service in "${SERVICES[@]}"; do
        does_only_warn "$service" || find_out "is $service up" is_running "${SERVICE_STATES[$service]}"
    done
    find_out hasVirtualIp is_virtual_ip_seen
    STATUS[isWritable]=${STATUS[isMounted]}
    [[ ${STATUS[isMounted]} != true ]] || find_out isWritable is_volume_writable
    judge_serving
}

is_running() {
    [[ $1 != unknown ]] || return 2
    [[ $1 == running ]]
}

# find_out KEY PREDICATE...: what it found. An unknown is never a state: a predicate whose look failed returns 2.
find_out() {
    local key=$1
    shift
    "$@"
    case $? in
    0) STATUS[$key]=true ;;
    1) STATUS[$key]=false ;;
    *) STATUS[$key]=null ;;
    esac
}

# As primary, and all of these. What decides it must have been seen.
judge_serving() {
    IS_SERVING=false
    if [[ ($REPLICATION_ROLE == unknown && $IS_REPLICA_UP != false) || ${STATUS[isMounted]} == null ]]; then
        IS_SERVING=null
    elif is_primary && [[ " ${STATUS[*]} " != *" false "* ]]; then
        IS_SERVING=true
        [[ " ${STATUS[*]} " != *" null "* ]] || IS_SERVING=null
    fi
}

# Each part prints its own words: STATUS_JSON takes them all from one subshell.
format_status() {
    local line booted_at=0 service services="" warning=""
    while read -r line; do
        [[ $line == "btime "* ]] && booted_at=${line#btime }
    done <"$ROOT/proc/stat"
    printf '{"node":'; json_string "${CONFIG[NODE_NAME]}"
    printf ',"instanceId":"'; own_instance_id
    printf '","version":"'; installed_version
    printf '","epoch":'; obeyed_epoch
    printf ',"bootedAt":%d,"clock":' "$booted_at"; now_seconds
    printf ',"wasActive":'; json_bool was_active
    printf ',"isUnreplicated":'; json_bool is_unreplicated
    printf ',"replication":{"role":"%s","link":"%s","data":"%s","syncPercent":%s,"protocol":' \
        "$REPLICATION_ROLE" "$REPLICATION_LINK" "$REPLICATION_DATA" "$REPLICATION_PERCENT"
    if [[ $REPLICATION_PROTOCOL == ? ]]; then json_string "$REPLICATION_PROTOCOL"; else printf null; fi
    for service in "${SERVICES[@]}"; do
        services+=",\"$service\":\"${SERVICE_STATES[$service]}\""
        ! does_only_warn "$service" || warning+=",\"$service\""
    done
    printf '},"isMounted":%s,"isWritable":%s,"services":{%s},"onlyWarning":[%s],"configured":{"Services":"%s","Exports":"%s","DatabasePort":"%s"%s},' \
        "${STATUS[isMounted]}" "${STATUS[isWritable]}" "${services#,}" "${warning#,}" \
        "${CONFIG[SERVICES]}" "${CONFIG[EXPORTS]}" "${CONFIG[DATABASE_PORT]}" \
        "${CONFIG[FURTHER_VOLUMES]:+,\"FurtherVolumes\":\"${CONFIG[FURTHER_VOLUMES]}\"}"
    printf '"databaseAnswers":%s,"nfsAnswers":%s,"isExported":%s,"hasVirtualIp":%s,"isServing":%s,' \
        "${STATUS[databaseAnswers]}" "${STATUS[nfsAnswers]}" "${STATUS[isExported]}" "${STATUS[hasVirtualIp]}" "$IS_SERVING"
    printf '"answeringVersion":"'; digest "${BASH_SOURCE[0]}"
    printf '","areServicesEnabledAtBoot":'; json_bool are_services_enabled_at_boot
    printf ',"isMountedByFstab":'; json_bool is_mounted_by_fstab
    printf ',"missingHosts":['; missing_hosts
    printf '],"unwritable":%s,"agent":' "$UNWRITABLE"; format_agent
    printf '}'
}

# A database that looks its clients' names up is slow to greet those that /etc/hosts does not name.
missing_hosts() {
    local address rest known=" " missing=""
    { while read -r address rest; do known+="$address "; done <"$ROOT/etc/hosts"; } 2>/dev/null
    for address in "${CONFIG[ETH0_ADDRESS]}" "${CONFIG[PEER_ETH0_ADDRESS]}"; do
        [[ $known == *" $address "* ]] || missing+="${missing:+,}\"$address\""
    done
    printf '%s' "$missing"
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

# read_probe [paths]: only whether the peer is there, without a word to its services.
read_probe() {
    PEER_DATABASE=unreachable PEER_NFS=unreachable
    if [[ ${1:-} != paths ]]; then
        look database look_at_server database "${CONFIG[PEER_ETH0_ADDRESS]}" "${CONFIG[DATABASE_PORT]}"
        look nfs look_at_server nfs "${CONFIG[PEER_ETH0_ADDRESS]}" "$NFS_PORT"
    fi
    look eth0 look_at_server ssh "${CONFIG[PEER_ETH0_ADDRESS]}" "${CONFIG[PATH_PORT]}"
    look eth1 look_at_server ssh "${CONFIG[PEER_ETH1_ADDRESS]}" "${CONFIG[PATH_PORT]}"
    if [[ ${1:-} != paths ]]; then
        server_answer database PEER_DATABASE
        server_answer nfs PEER_NFS
    fi
    server_answer eth0 PATH_ETH0
    server_answer eth1 PATH_ETH1
}

json_path() {
    if [[ $1 == unknown ]]; then printf null; else json_bool test "$1" = answers; fi
}

format_probe() {
    printf '{"peer":'; json_string "${CONFIG[PEER_NAME]}"
    printf ',"database":"%s","nfs":"%s","paths":{"eth0":' "$PEER_DATABASE" "$PEER_NFS"; json_path "$PATH_ETH0"
    printf ',"eth1":'; json_path "$PATH_ETH1"
    printf '}}'
}

# Which of the directories that an order writes to take no write, as JSON strings.
UNWRITABLE=null
look_at_room() {
    local directory file
    write_state check "" || printf ',"%s"' "${STATE_DIRECTORY#"$ROOT"}"
    for directory in /run /tmp; do
        file=$(mktemp -p "$ROOT$directory")
        dd if=/dev/zero of="$file" bs=4k count=1 status=none || printf ',"%s"' "$directory"
        rm -f "$file"
    done
}

# Only a unit that is there and active carries the metrics. Codes of systemctl(1): 3 not active, 4 no such unit.
IS_AGENT_RUNNING=null
is_agent_configured() {
    [[ -r $AGENT_MERGED_FILE && -r $AGENT_CONFIG_FILE && $(<"$AGENT_MERGED_FILE") == "$(<"$AGENT_CONFIG_FILE")" ]]
}

format_agent() {
    printf '{"version":'; json_string "$(agent_version)"
    printf ',"isRunning":%s,"hasOurPart":' "$IS_AGENT_RUNNING"; json_bool is_agent_configured
    printf '}'
}

report_status() {
    look room look_at_room
    look agent timeout -k 1 "${CONFIG[LOOK_SECONDS]}" systemctl is-active --quiet amazon-cloudwatch-agent.service
    read_status
    answer room && UNWRITABLE="[${ANSWER#,}]"
    answer agent
    case $? in
    0) IS_AGENT_RUNNING=true ;;
    [34]) IS_AGENT_RUNNING=false ;;
    *) IS_AGENT_RUNNING=null ;;
    esac
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

# -------------------------------------------------------------------------------------------------------- room: DRBD
# Uses core. Where DRBD's own data (its metadata) would lie on the data device, whose file system has users and cannot
# shrink. Looks only.

# metadata_bytes DEVICE_BYTES: internal metadata for one peer: a bit for each 4 KiB in words of 64 bits, an activity log of
# 32 KiB and a block of 4 KiB, all in whole blocks (drbd-utils 9.22, drbdmeta create-md v08; tests/node/test_room.py).
metadata_bytes() {
    local words=$((($1 + 262143) / 262144)) blocks
    blocks=$(((words * 8 + 4095) / 4096))
    printf '%d' "$((blocks * 4096 + 36864))"
}

# bytes_at DEVICE OFFSET COUNT: in hexadecimal.
bytes_at() {
    bounded "${CONFIG[LOOK_SECONDS]}" od -An -v -tx1 -j "$2" -N "$3" "$ROOT$1" || return 1
    printf '%s' "${BOUNDED_OUTPUT//[^0-9a-f]/}"
}

# The size that an XFS has (xfs(5): magic, size of a block, count of blocks at its begin); 0 where nothing is. Fails for
# anything else: nobody may overwrite the end of what nobody knows.
file_system_bytes() {
    local head
    head=$(bytes_at "$1" 0 16) && ((${#head} == 32)) || return 1
    case $head in
    58465342*) printf '%d' "$((16#${head:8:8} * 16#${head:16:16}))" ;;
    00000000000000000000000000000000) printf 0 ;;
    *) return 1 ;;
    esac
}

# Its magic number at the end of the device, of 8.4 (clean or not) or 9 (drbd-utils, drbdmeta.c).
has_metadata() {
    local magic
    magic=$(bytes_at "$1" "$(($2 - 4096 + 60))" 4) && [[ $magic == 8374026[bcd] ]]
}

# Bytes behind the partition BLOCK up to the next one, or to the last MiB of the disk, where GPT keeps a copy. Fails if
# another partition lies behind, which this one cannot pass.
room_behind() {
    local block=$1 size=$2 start end other disk
    disk=$(readlink -f "$block/..")
    { read -r start <"$block/start" && read -r end <"$disk/size"; } 2>/dev/null || return 1
    for other in "$disk"/*/start; do
        [[ -r $other ]] && (($(<"$other") >= start + size / 512)) && return 1
    done
    end=$((end * 512 - (start * 512 + size) - 1048576))
    printf '%d' "$((end > 0 ? end : 0))"
}

# look_at_metadata_room DEVICE: one JSON object; fails where the device is not there or does not answer.
look_at_metadata_room() {
    local device=$1 block name size used=null needed behind=0 number="" disk fits volume commands=()
    name=$(readlink -f "$ROOT$device") name=${name##*/}
    block=$ROOT/sys/class/block/$name
    { read -r size <"$block/size"; } 2>/dev/null && matches "$size" "$NUMBER_PATTERN" || return 1
    size=$((size * 512)) needed=$(metadata_bytes "$size") disk=$name
    if { read -r number <"$block/partition"; } 2>/dev/null; then
        disk=$(readlink -f "$block/..") disk=${disk##*/}
        behind=$(room_behind "$block" "$size") || behind=""
    fi
    if has_metadata "$device" "$size"; then
        fits=there
    elif ! used=$(file_system_bytes "$device"); then
        fits=unknown used=null
    elif ((size - used >= needed)); then
        fits=internal
    elif [[ -z $behind ]]; then
        fits=external
    elif ((size + behind - used >= $(metadata_bytes $((size + behind))))); then
        fits=enlargedPartition
    else
        fits=enlargedVolume
        { read -r behind <"$ROOT/sys/class/block/$disk/size"; } 2>/dev/null
        volume=$(volume_of "$disk")
        commands+=("aws ec2 modify-volume --volume-id ${volume:-VOLUME_ID} --size $((behind * 512 / 1073741824 + 1))")
    fi
    # growpart takes the disk's name as the system has it (EC2 User Guide, "Extend the file system after resizing an
    # Amazon EBS volume").
    [[ $fits != enlarged* || -z $number ]] ||
        commands+=("sfdisk --dump /dev/$disk >/root/partitions-of-$disk" "growpart /dev/$disk $number")
    printf '{"device":%s,"bytes":%d,"usedBytes":%s,"neededBytes":%d,"fits":"%s","commands":%s}' \
        "$(json_string "$device")" "$size" "$used" "$needed" "$fits" "$(json_words "${commands[@]+"${commands[@]}"}")"
}

# -------------------------------------------------------------------------------------------------------------- survey
# Uses core, resources and room. What is on this node of an installation of Garoon, whatever is configured; changes
# nothing.

# By name, each once: Cybozu's database engine and scheduling service, whose names go on with the installation's
# identifier (cyss_cbgrn_01, cyssp_cbgrn_1). /etc/init.d is another name of /etc/rc.d/init.d. What has a dot in its name
# is a copy that somebody has kept.
find_services() {
    local file name seen=" "
    for file in "$ROOT"/etc/{init.d,rc.d/init.d}/cy{de,ss}* "$ROOT"/{etc,usr/lib,lib}/systemd/system/cy{de,ss}*.service; do
        name=${file##*/}
        case $file in
        *.service) [[ -f $file ]] || continue ;;
        *) [[ $name != *.* && -f $file && -x $file ]] || continue ;;
        esac
        matches "$name" "$NAME_PATTERN" && [[ $seen != *" ${name%.service} "* ]] || continue
        seen+="${name%.service} "
        printf '%s ' "$name"
    done
}

# Of what is configured. What lies on the volume can be seen only where it is mounted.
find_missing() {
    local service path directory
    for service in "${SERVICES[@]}"; do
        path=${SERVICE_PATH[$service]}
        ! is_on_volume "$path" || continue
        case $path in
        /*) [[ -x $ROOT$path/restore && -x $ROOT$path/remove && -x $ROOT$path/quickCheck ]] && continue ;;
        *.service)
            for directory in etc usr/lib lib; do [[ ! -f $ROOT/$directory/systemd/system/$path ]] || continue 2; done
            ;;
        *) [[ -x $ROOT/etc/init.d/$path ]] && continue ;;
        esac
        printf '%s ' "$path"
    done
}

# The server's port, of its settings on the volume (MySQL manual, "Using Option Files").
look_at_database_settings() {
    local file line section=""
    for file in "$ROOT${CONFIG[MOUNT_POINT]}"/cybozu/*/{etc/,}my.{ini,cnf}; do
        [[ -f $file ]] || continue
        while read -r line; do
            [[ ! $line =~ ^\[(.*)\] ]] || section=${BASH_REMATCH[1]}
            [[ $section != mysqld || ! $line =~ ^port[[:space:]]*=[[:space:]]*([0-9]{1,5})[[:space:]]*$ ]] || printf '%s ' "${BASH_REMATCH[1]}"
        done <"$file"
    done
}

find_exports() {
    local path seen=" "
    [[ -r $ROOT/var/lib/nfs/etab ]] || return 0
    while read -r path _; do
        is_on_volume "$path" && [[ $seen != *" $path "* ]] || continue
        seen+="$path "
        printf '%s ' "${path#"${CONFIG[MOUNT_POINT]}"/}"
    done <"$ROOT/var/lib/nfs/etab"
}

# json_words WORD...: an array.
json_words() {
    local word out=""
    for word; do out+=",$(json_string "$word")"; done
    printf '[%s]' "${out#,}"
}

# What the other parts need, beside what comes with bash (docs/installation.md).
readonly NEEDED_COMMANDS="$ENGINE_COMMANDS dd df exportfs flock ip mktemp mount python3 readlink systemctl systemd-run timeout umount"

missing_commands() {
    local command
    for command in $NEEDED_COMMANDS; do
        command -v "$command" >/dev/null || printf '%s ' "$command"
    done
}

# volume_of NAME: the EBS volume of an NVMe disk is its serial number, without the hyphen (EC2 User Guide, "Map Amazon EBS
# volumes to NVMe device names"). A partition is on its disk's volume. Nothing where no device tells.
volume_of() {
    local disk=$1 serial=""
    [[ ! $disk =~ ^(nvme[0-9]+n[0-9]+)p[0-9]+$ ]] || disk=${BASH_REMATCH[1]}
    { read -r serial <"$ROOT/sys/class/block/$disk/device/serial"; } 2>/dev/null
    [[ ! $serial =~ ^vol-?([0-9a-f]{8,17})$ ]] || printf 'vol-%s' "${BASH_REMATCH[1]}"
}

# Each block device by each of its names.
look_at_devices() {
    local blocks name link volume
    local -A links=()
    for link in "$ROOT"/dev/{xvd,sd}*; do
        [[ -L $link ]] || continue
        name=$(readlink "$link")
        links[${name##*/}]+=" ${link##*/}"
    done
    while read -r _ _ blocks name; do
        [[ $blocks =~ ^[0-9]+$ && $name != @(loop|ram|zram|sr|fd|$ENGINE_DEVICES)[0-9]* ]] || continue
        volume=$(volume_of "$name")
        for name in $name ${links[$name]:-}; do
            printf ',{"name":%s,"bytes":%d,"volume":"%s"}' "$(json_string "$name")" "$((blocks * 1024))" "$volume"
        done
    done <"$ROOT/proc/partitions"
}

# Mount points that the system mounts at its start.
mounted_at_boot() {
    local device target options
    [[ -r $ROOT/etc/fstab ]] || return 0
    while read -r device target _ options _; do
        [[ $device != \#* && ,$options, != *,noauto,* ]] && matches "$target" "$PATH_PATTERN" && printf '%s ' "$target"
    done <"$ROOT/etc/fstab"
}

# enabled_at_boot NAME...: those of the services that the system starts itself.
enabled_at_boot() {
    local name link
    for name; do
        for link in "$ROOT"/etc/{rc,rc.d/rc}[2-5].d/S[0-9][0-9]"$name" "$UNIT_DIRECTORY"/*.wants/"${name%.service}.service"; do
            [[ -e $link || -L $link ]] && printf '%s ' "$name" && break
        done
    done
}

# MiB that are free, of the file systems to which the controller's part writes.
look_at_space() {
    local directory free
    for directory in / /var /run; do
        read -r _ _ _ free _ < <(df -Pk "$ROOT$directory" | tail -n 1) || continue
        printf ',"%s":%d' "$directory" "$((free / 1024))"
    done
}

# What is asked before anything of the controller's is there.
format_host() {
    local devices=null space=null room=null number further=""
    answer devices && devices="[${ANSWER#,}]"
    answer space && space="{${ANSWER#,}}"
    answer "room 0" && room=$ANSWER
    for ((number = 1; number < ${#DATA_DEVICES[@]}; number++)); do
        if answer "room $number"; then further+=",$ANSWER"; else further+=",null"; fi
    done
    # shellcheck disable=SC2046,SC2086 # words
    printf '{"bash":"%d.%d","missingCommands":%s,"engine":%s,"agent":%s,"devices":%s,"mountedAtBoot":%s,"enabledAtBoot":%s,"freeMib":%s,"room":%s%s}' \
        "${BASH_VERSINFO[0]}" "${BASH_VERSINFO[1]}" "$(json_words $(missing_commands))" "$(json_string "$(engine_version)")" \
        "$(json_string "$(agent_version)")" "$devices" "$(json_words $(mounted_at_boot))" "$(json_words $(enabled_at_boot $1))" "$space" "$room" \
        "${further:+,\"furtherRoom\":[${further#,}]}"
}

run_survey() {
    local services name number ports=null identifiers=" "
    look database-settings look_at_database_settings
    look devices look_at_devices
    look space look_at_space
    for number in "${!DATA_DEVICES[@]}"; do look "room $number" look_at_metadata_room "${DATA_DEVICES[number]}"; done
    services=$(find_services)
    for name in $services; do
        [[ $name == cyss* && $name == *_* ]] || continue
        name=${name%.service} name=${name#*_}
        [[ $identifiers == *" $name "* ]] || identifiers+="$name "
    done
    # shellcheck disable=SC2086 # words
    answer database-settings && ports=$(json_words $ANSWER)
    # shellcheck disable=SC2046,SC2086 # words
    SURVEY_JSON=$(printf '{"services":%s,"missing":%s,"identifiers":%s,"databasePorts":%s,"exports":%s,"host":%s}' \
        "$(json_words $services)" "$(json_words $(find_missing))" "$(json_words $identifiers)" "$ports" "$(json_words $(find_exports))" \
        "$(format_host "$services")")
    done_with "${CONFIG[NODE_NAME]:-This node} reports what is on it."
}

# ------------------------------------------------------------------------------------------------------------ install
# Uses core, replication, checks and verbs.

HAS_CHANGED=false AGENT_WARNING=""
readonly UNITS=(garoon-node-boot.service garoon-node-watch.service nfs-server.service)

# put_file PATH MODE CONTENT: sets HAS_CHANGED when the file was not so already.
put_file() {
    [[ -f $1 && $(<"$1") == "$3" ]] && return 0
    if ! { mkdir -p "${1%/*}" && printf '%s\n' "$3" >"$1.new" && chmod "$2" "$1.new" && mv -f "$1.new" "$1"; }; then
        fail "Can't write $1."
    fi
    log "wrote $1"
    HAS_CHANGED=true
}

# What this node goes by until now, of all that another list would change.
declare -A INSTALLED=()
note_installed() {
    local key
    for key in SERVICES EXPORTS DATABASE_PORT FURTHER_VOLUMES; do INSTALLED[$key]=${CONFIG[$key]}; done
}

# What an operator has set on the node stands above the stack's words.
is_set_locally() {
    [[ -r $LOCAL_CONFIG_FILE && $'\n'$(<"$LOCAL_CONFIG_FILE") == *$'\n'"$1=\""* ]]
}

# Other lists than before are taken over by a node in service without touching what runs there: so what they name must be
# in service already, and a directory that is new is exported before the watch asks for it.
adopt_resources() {
    local service entry rest why="" has_changed=false
    for entry in "${!INSTALLED[@]}"; do
        ! is_set_locally "$entry" || CONFIG[$entry]=${INSTALLED[$entry]}
        [[ ${INSTALLED[$entry]} == "${CONFIG[$entry]}" ]] || has_changed=true
    done
    read_resources
    [[ $has_changed == true ]] && is_installed || return 0
    if [[ ${INSTALLED[FURTHER_VOLUMES]} != "${CONFIG[FURTHER_VOLUMES]}" ]]; then
        read_replication
        # Else a standby that could take over by the list of before could not by this one.
        [[ $IS_REPLICA_UP != true || $REPLICATION_DATA != unknown ]] ||
            bad_arguments "Nothing was changed, because the replica of ${CONFIG[NODE_NAME]} has not all that FurtherVolumes names. Add it there, and deploy again."
        ! was_active || is_mounted || why=", not all of FurtherVolumes are mounted"
    fi
    was_active || return 0
    for entry in ${INSTALLED[FURTHER_VOLUMES]//,/ }; do
        rest=${entry#*:}
        [[ ,${CONFIG[FURTHER_VOLUMES]}, == *",$entry,"* ]] || { read_mounts && ! shows_volume "${rest%:*}" "${rest#*:}"; } ||
            why+=", ${rest#*:} is mounted and not among FurtherVolumes any more"
    done
    is_database_answering || why+=", the database does not answer on port ${CONFIG[DATABASE_PORT]}"
    for service in "${SERVICES[@]}"; do
        does_only_warn "$service" || is_database "$service" || is_service_in_state "$service" running || why+=", $service is $SERVICE_STATE"
    done
    for entry in "${EXPORTS[@]}"; do
        export_path "$entry"
        bounded "${CONFIG[LOOK_SECONDS]}" test -d "$ROOT$EXPORT_PATH" || why+=", there is no directory $EXPORT_PATH"
    done
    [[ -z $why ]] || bad_arguments "Nothing was changed, because ${CONFIG[NODE_NAME]} is active and would not serve by the new settings: ${why#, }. Put that right there, or the settings, and deploy again."
    export_directories || fail "${CONFIG[NODE_NAME]} can't export its directories over NFS: $LAST_ERROR."
}

# What only the lists of before had.
leave_old_exports() {
    local entry
    was_active || return 0
    for entry in ${INSTALLED[EXPORTS]//,/ }; do
        [[ ,${CONFIG[EXPORTS]}, == *",${entry%:*}:"* ]] || withdraw_exports "$entry" || log "$entry is exported still: $LAST_ERROR"
    done
}

run_install() {
    local key text="" missing=""
    for key in CLUSTER_NAME NODE_NAME ETH0_ADDRESS ETH1_ADDRESS PEER_NAME PEER_ETH0_ADDRESS PEER_ETH1_ADDRESS VIRTUAL_IP \
        MOUNT_POINT DATA_DEVICE REPLICATED_DEVICE REPLICATION_PROTOCOL DATABASE_PORT PATH_PORT EXPORT_CLIENTS \
        WATCH_INTERVAL_SECONDS NFS_LEASE_SECONDS SERVICES EXPORTS; do
        [[ -n ${CONFIG[$key]} ]] || missing+=" $key"
        text+="$key=\"${CONFIG[$key]}\""$'\n'
    done
    [[ -z ${CONFIG[FURTHER_VOLUMES]} ]] || text+="FURTHER_VOLUMES=\"${CONFIG[FURTHER_VOLUMES]}\""$'\n'
    [[ -z $missing ]] || bad_arguments "Nothing was installed, because these settings have no value:$missing."
    adopt_resources
    put_file "$INSTALLED_SCRIPT" 0755 "$(<"${BASH_SOURCE[0]}")"
    put_file "$CONFIG_FILE" 0644 "${text%$'\n'}"
    put_file "$UNIT_DIRECTORY/garoon-node-boot.service" 0644 "$(boot_unit)"
    put_file "$UNIT_DIRECTORY/garoon-node-watch.service" 0644 "$(watch_unit)"
    put_file "$UNIT_DIRECTORY/nfs-server.service.d/garoon-node.conf" 0644 "$(nfs_times)"
    install_replication
    # An install that broke off after it had written the files has changed nothing the next time, and is not done.
    if [[ $HAS_CHANGED == true ]] || ! are_units_in_place; then
        HAS_CHANGED=true
        act "${CONFIG[SERVICE_SECONDS]}" systemctl daemon-reload
        # Only enabled: started by hand on a node in service, the boot unit would take it out of service. Its ExecStop
        # must be armed all the same, which the next boot does.
        act "${CONFIG[SERVICE_SECONDS]}" systemctl enable "${UNITS[@]}" || fail "The units can't be enabled: $LAST_ERROR."
        act "${CONFIG[SERVICE_SECONDS]}" systemctl restart garoon-node-watch.service || fail "The watch can't be started: $LAST_ERROR."
    fi
    leave_old_exports
    install_agent_config
    # Room for what will have to be recorded once the disk is full.
    write_state epoch "$(obeyed_epoch)"
    read_state role
    write_state role "$STATE" || fail "Can't write $STATE_DIRECTORY."
    attach_or_connect || missing="; its replica is not up: $LAST_ERROR"
    adopt_role || fail "${CONFIG[NODE_NAME]} is in service but can't record it in $STATE_DIRECTORY."
    # A server in service takes the times when it stands by.
    is_primary || is_mounted || ready_nfs || missing+="; its NFS server is not ready to take over: $LAST_ERROR"
    done_with "${CONFIG[NODE_NAME]} is installed$([[ $HAS_CHANGED == true ]] || printf ' already, nothing changed')$AGENT_WARNING$missing."
}

are_units_in_place() {
    bounded "${CONFIG[LOOK_SECONDS]}" systemctl is-enabled --quiet "${UNITS[@]}" &&
        bounded "${CONFIG[LOOK_SECONDS]}" systemctl is-active --quiet garoon-node-watch.service
}

# The agent's own tool puts our part beside what is configured already, or refuses and leaves everything as it was: then
# so do we. (`fetch-config`, unlike `append-config`, throws our part away: so it is looked for every time.)
install_agent_config() {
    local ctl=$AGENT_DIRECTORY/bin/amazon-cloudwatch-agent-ctl reason=""
    touch "$SIGNS_FILE" || fail "Can't write $SIGNS_FILE."
    put_file "$AGENT_CONFIG_FILE" 0644 "$(agent_config)"
    [[ -x $ctl ]] || { AGENT_WARNING="; the CloudWatch agent is not, so its metrics will be missing"; return; }
    # What an older version of this script had put there.
    rm -f "${AGENT_MERGED_FILE%/*}/garoon.json"
    ! is_agent_configured || return 0
    HAS_CHANGED=true
    bounded 60 "$ctl" -a append-config -m ec2 -c "file:$AGENT_CONFIG_FILE" -s && return
    rm -f "$AGENT_MERGED_FILE.tmp"
    log "append-config: $BOUNDED_OUTPUT"
    # The tool ends in a stack trace; what matters is a line somewhere above it.
    [[ $BOUNDED_OUTPUT =~ [^$'\n']*(ifferent values|ailed|nvalid|rror)[^$'\n']* ]] && reason=": ${BASH_REMATCH[0]:0:120}"
    AGENT_WARNING="; its metrics will be missing: the CloudWatch agent's configuration is as it was, and does not go with"
    AGENT_WARNING+=" $AGENT_CONFIG_FILE (docs/operations.md, The CloudWatch agent)$reason"
}

# Each distribution and each nfs-utils has a file of its own for these times; the kernel's files are the same everywhere,
# and take them only before the server starts (nfsd(7)).
nfs_times() {
    cat <<UNIT
[Service]
ExecStartPre=-/bin/sh -c 'for what in lease grace; do echo ${CONFIG[NFS_LEASE_SECONDS]} >/proc/fs/nfsd/nfsv4$\${what}time; done'
UNIT
}

boot_unit() {
    cat <<UNIT
[Unit]
Description=Garoon node: a booting node is a standby, a node that shuts down leaves cleanly
After=network-online.target local-fs.target nfs-server.service $ENGINE_UNIT
Wants=network-online.target
Before=garoon-node-watch.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/garoon-node boot
ExecStop=/usr/local/sbin/garoon-node leave
TimeoutSec=180

[Install]
WantedBy=multi-user.target
UNIT
}

watch_unit() {
    cat <<'UNIT'
[Unit]
Description=Garoon node: metrics of this node for the failover controller
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=/usr/local/sbin/garoon-node watch
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
UNIT
}

# Nothing but files of ours in the section on logs: no namespace, no dimension and no flush of anybody's metrics changes.
# force_flush_interval is 5 s by default, and holds for all of the agent's logs.
agent_config() {
    cat <<CONFIG
{"logs": {"force_flush_interval": 1, "logs_collected": {"files": {"collect_list": [
$(collected_file "$BEATS_FILE" beats),
$(collected_file "$SIGNS_FILE" signs)
]}}}}
CONFIG
}

collected_file() {
    printf '{"file_path": "%s", "log_group_name": "/garoon-failover/%s/%s", "log_stream_name": "%s"}' \
        "${1#"$ROOT"}" "${CONFIG[CLUSTER_NAME]}" "$2" "${CONFIG[NODE_NAME]}"
}

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
