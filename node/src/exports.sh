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
