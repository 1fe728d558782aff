#!/bin/bash
# Sets a database server up: what the failover controller needs there, and Garoon's part. Can run again at any time.
source "${BASH_SOURCE[0]%/*}/common.sh"
source "${BASH_SOURCE[0]%/*}/network.sh"
source "${BASH_SOURCE[0]%/*}/volume.sh"
source "${BASH_SOURCE[0]%/*}/../stand-in/stand-in.sh"
source "${BASH_SOURCE[0]%/*}/garoon.sh"

readonly AGENT_DIRECTORY=/opt/aws/amazon-cloudwatch-agent
# From 1.300052 to 1.300070 a quiet log stream could stall for ever (docs/operations.md, The CloudWatch agent).
readonly AGENT_VERSION=1.300071

read_settings() {
    setting NodeName && NODE_NAME=$VALUE
    setting PeerName && PEER_NAME=$VALUE
    setting Eth0Address && ETH0_ADDRESS=$VALUE
    setting Eth1Address && ETH1_ADDRESS=${VALUE%/*} ETH1_NETWORK=$VALUE
    setting PeerEth0Address && PEER_ETH0_ADDRESS=$VALUE
    setting PeerEth1Address && PEER_ETH1_ADDRESS=$VALUE
    setting PeerEth1Subnet && PEER_ETH1_SUBNET=$VALUE
    setting VolumeId && VOLUME_ID=$VALUE
    setting IsHome && IS_HOME=$VALUE
    setting Region && REGION=$VALUE
    setting DataVolumes && DATA_VOLUMES=$VALUE
    setting GaroonInstaller && GAROON_INSTALLER=$VALUE
}

# The virtual IP is added to the first interface, which garoon-node calls eth0 unless it is told another name.
tell_interface() {
    local file=/etc/garoon-node.local.conf
    [[ $FIRST != eth0 ]] || return 0
    if grep -qs '^ETH0_INTERFACE=' "$file"; then
        grep -q "^ETH0_INTERFACE=\"$FIRST\"$" "$file" || say "$file names another first interface than $FIRST; it is left as it is."
        return 0
    fi
    printf 'ETH0_INTERFACE="%s"\n' "$FIRST" >>"$file"
    changed "Wrote the name of the first interface to $file."
}

# The server runs at all times, so that it is past its grace period when the role comes (docs/decisions/0015). It exports
# nothing by itself: the controller does. Version 4 alone, whose one port the security groups let through.
set_up_nfs_server() {
    if is_debian; then install_packages nfs-kernel-server; else install_packages nfs-utils; fi
    put_file /etc/nfs.conf.d/garoon.conf 0644 $'[nfsd]\nvers3=n'
    local has_changed=$WROTE
    enable_units nfs-server.service
    [[ $has_changed == false ]] || systemctl restart nfs-server.service
}

agent_version() {
    local version=0
    { read -r version <"$AGENT_DIRECTORY/bin/CWAGENT_VERSION"; } 2>/dev/null || true
    printf '%s' "$version"
}

# is_at_least WANTED VERSION
is_at_least() {
    [[ $(printf '%s\n%s\n' "$1" "$2" | sort --version-sort | head -n 1) == "$1" ]]
}

# From the bucket of the region (CloudWatch User Guide, "Download the CloudWatch agent package"), which the gateway endpoint reaches.
install_cloudwatch_agent() {
    local directory package
    is_at_least "$AGENT_VERSION" "$(agent_version)" && return
    install_packages curl
    directory=$(mktemp --directory)
    package=$directory/amazon-cloudwatch-agent.deb
    if is_debian; then
        fetch "https://amazoncloudwatch-agent-$REGION.s3.$REGION.amazonaws.com/debian/amd64/latest/amazon-cloudwatch-agent.deb" "$package"
        apt_get install --yes "$package"
    else
        package=$directory/amazon-cloudwatch-agent.rpm
        fetch "https://amazoncloudwatch-agent-$REGION.s3.$REGION.amazonaws.com/redhat/amd64/latest/amazon-cloudwatch-agent.rpm" "$package"
        rpm --upgrade "$package"
    fi
    rm -r "$directory"
    changed "Installed the CloudWatch agent $(agent_version). What it sends the failover controller tells it."
}

# All but the volume.
set_up_server() {
    find_first_interface "$ETH0_ADDRESS"
    find_second_interface
    set_hostname "$NODE_NAME"
    put_block /etc/hosts "$(host_line "$ETH0_ADDRESS" "$REGION" "$NODE_NAME")
$(host_line "$PEER_ETH0_ADDRESS" "$REGION" "$PEER_NAME")"
    switch_off_filters
    set_up_second_interface "$ETH1_NETWORK" "$PEER_ETH1_SUBNET"
    keep_added_addresses
    tell_interface
    set_up_clock
    set_up_nfs_server
    install_packages python3 # by which garoon-node makes clients notice a move
    install_cloudwatch_agent
    install_garoon_on_node
}

main() {
    read_settings
    set_up_server
    wait_for_volume "$VOLUME_ID"
    name_volume "$VOLUME_ID"
    install_drbd
    set_up_volume fill_with_garoon
    conclude "$NODE_NAME"
}

main
