#!/bin/bash
# The second interface of a database server: its address and the route to the peer's second subnet, and no default route.
# Uses common.sh. The first interface stays as EC2's DHCP makes it, and keeps what is added to it.

readonly SYS_NET=/sys/class/net

# first_interface ADDRESS: the one that has that address. In FIRST.
find_first_interface() {
    FIRST=$(ip -o -4 addr show to "$1/32" | awk '{print $2; exit}')
    [[ -n $FIRST ]] || refuse "No interface of this server has the address $1: it is not the server that these settings are for."
}

# The other one that is a device: EC2 calls them eth0 and eth1, or ens5 and ens6, or enp39s0. In SECOND.
find_second_interface() {
    local path name found=""
    for path in "$SYS_NET"/*; do
        name=${path##*/}
        [[ -e $path/device && $name != "$FIRST" ]] && found+=" $name"
    done
    # shellcheck disable=SC2086 # words
    set -- $found
    (($# == 1)) || refuse "Beside $FIRST this server has $# interfaces ($*), and must have one: the second interface of the instance."
    SECOND=$1
}

# router_of ADDRESS/BITS: the first address of a subnet is its router (VPC User Guide, "Subnet CIDR reservations").
router_of() {
    local a b c d bits=${1#*/}
    IFS=. read -r a b c d <<<"${1%/*}"
    local address=$(((a << 24 | b << 16 | c << 8 | d) & (0xffffffff << (32 - bits) & 0xffffffff) | 1))
    printf '%d.%d.%d.%d' $((address >> 24)) $((address >> 16 & 255)) $((address >> 8 & 255)) $((address & 255))
}

network_tool() {
    if is_enabled NetworkManager.service; then
        printf 'NetworkManager'
    elif is_enabled systemd-networkd.service; then
        printf 'systemd-networkd'
    elif command -v ifup >/dev/null; then
        printf 'ifupdown'
    fi
}

# set_up_second_interface ADDRESS/BITS PEER_SUBNET
set_up_second_interface() {
    local address=$1 peer_subnet=$2 router
    router=$(router_of "$address")
    case $(network_tool) in
    NetworkManager)
        # It would add every address that EC2 knows, with routes of its own, and take away what it does not know: the virtual IP.
        disable_units nm-cloud-setup.timer nm-cloud-setup.service
        put_file /etc/NetworkManager/system-connections/garoon-second.nmconnection 0600 "$(nm_connection)"
        [[ $WROTE == true ]] && is_running NetworkManager.service || return 0
        nmcli connection reload
        nmcli connection up garoon-second
        ;;
    systemd-networkd)
        # The name comes before those of netplan (10-netplan-*) and amazon-ec2-net-utils (70-*): the first file that fits wins.
        put_file /etc/systemd/network/05-garoon-second.network 0644 "$(networkd_network)"
        [[ $WROTE == true ]] && is_running systemd-networkd.service || return 0
        networkctl reload
        networkctl reconfigure "$SECOND"
        ;;
    ifupdown)
        # Before all others, since `ifdown -a` begins with the interface that came up last (ifup(8)): a server whose network
        # is stopped must lose its users first, and its peer after them. What it wrote in between would be lost.
        grep -Eqs '^ *source(-directory)? +/etc/network/interfaces\.d' /etc/network/interfaces ||
            put_file /etc/network/interfaces 0644 "source /etc/network/interfaces.d/*"$'\n'"$(</etc/network/interfaces)"
        put_file /etc/network/interfaces.d/00-garoon-second 0644 "$(ifupdown_stanza)"
        [[ $WROTE == true ]] || return 0
        ip addr flush dev "$SECOND"
        ifup --force "$SECOND"
        ;;
    *) refuse "Neither NetworkManager nor systemd-networkd nor ifupdown is on this server: $SECOND can't be set up." ;;
    esac
}

# keep_added_addresses: on the first interface, the virtual IP above all. systemd-networkd takes away what others have added
# when it starts, as after an update of systemd, or configures the interface anew (systemd.network(5), KeepConfiguration;
# NetworkManager's start leaves it). It counts from networkd's next start on: nothing is touched now.
keep_added_addresses() {
    local file
    [[ $(network_tool) == systemd-networkd ]] && is_running systemd-networkd.service || return 0
    file=$(networkctl --no-pager status "$FIRST" | sed -n 's/^ *Network File: //p')
    [[ $file == /* ]] || return 0 # n/a: the interface is not its own
    put_file "/etc/systemd/network/${file##*/}.d/garoon.conf" 0644 $'[Network]\nKeepConfiguration=static'
}

is_running() {
    [[ $(systemctl is-active "$1" 2>/dev/null) == active ]]
}

# Of two profiles for an interface NetworkManager takes the one with the higher priority; cloud-init makes one of every
# interface of the instance's, with DHCP and a default route (cloud-init, DataSourceEc2).
nm_connection() {
    cat <<FILE
[connection]
id=garoon-second
type=ethernet
interface-name=$SECOND
autoconnect=true
autoconnect-priority=100

[ipv4]
method=manual
address1=$address
route1=$peer_subnet,$router
never-default=true

[ipv6]
method=disabled
FILE
}

networkd_network() {
    cat <<FILE
[Match]
Name=$SECOND

[Network]
Address=$address
LinkLocalAddressing=no
IPv6AcceptRA=no

[Route]
Destination=$peer_subnet
Gateway=$router
FILE
}

ifupdown_stanza() {
    cat <<FILE
auto $SECOND
iface $SECOND inet static
    address $address
    up ip route replace $peer_subnet via $router dev $SECOND
FILE
}
