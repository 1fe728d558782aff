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
