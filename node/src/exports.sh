# ------------------------------------------------------------------------------------------------ exports, virtual IP
# Uses core and checks: the exports answer only when the server does.

export_clients() {
    local IFS=,
    # The list is split at its commas on purpose; set_setting let nothing through that could be a pattern.
    # shellcheck disable=SC2086
    printf '%s\n' ${CONFIG[EXPORT_CLIENTS]}
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
    for entry in "${EXPORTS[@]}"; do
        while read -r client; do
            is_listed_in_etab "${CONFIG[MOUNT_POINT]}/${entry%=*}" "$client" || return 1
        done < <(export_clients)
    done
}

start_exports() {
    local entry client path
    is_nfs_answering || act 60 systemctl restart nfs-server
    for entry in "${EXPORTS[@]}"; do
        path=${CONFIG[MOUNT_POINT]}/${entry%=*}
        while read -r client; do
            is_listed_in_etab "$path" "$client" && continue
            act 20 exportfs -o "${CONFIG[EXPORT_OPTIONS]},fsid=${entry#*=}" "$client:$path" || return 1
        done < <(export_clients)
    done
    wait_until "${CONFIG[ANSWER_SECONDS]}" is_nfs_answering && is_exported
}

stop_exports() {
    local entry client path code=0
    for entry in "${EXPORTS[@]}"; do
        path=${CONFIG[MOUNT_POINT]}/${entry%=*}
        while read -r client; do
            ! is_listed_in_etab "$path" "$client" || act 20 exportfs -u "$client:$path" || code=1
        done < <(export_clients)
    done
    return "$code"
}

look_at_virtual_ip() {
    timeout -k 1 "${CONFIG[LOOK_SECONDS]}" ip -o -4 addr show dev "${CONFIG[ETH0_INTERFACE]}"
}

has_virtual_ip() {
    look "virtual ip" look_at_virtual_ip
    answer "virtual ip"
    [[ $ANSWER == *" ${CONFIG[VIRTUAL_IP]}/32 "* ]]
}

add_virtual_ip() {
    has_virtual_ip && return 0
    act 10 ip addr add "${CONFIG[VIRTUAL_IP]}/32" dev "${CONFIG[ETH0_INTERFACE]}"
    # A look that took too long has not seen it.
    wait_until "${CONFIG[ANSWER_SECONDS]}" has_virtual_ip
}

remove_virtual_ip() {
    has_virtual_ip || return 0
    act 10 ip addr del "${CONFIG[VIRTUAL_IP]}/32" dev "${CONFIG[ETH0_INTERFACE]}"
    ! has_virtual_ip
}
