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
