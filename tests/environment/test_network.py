"""The second interface, by each of the three tools that may have a server's network: what the tool makes of it."""

from __future__ import annotations

import pytest

from tests.environment.server import DATABASE, Server, functions_of, with_interfaces

SET_UP = f"""{functions_of(DATABASE)}
find_first_interface 10.0.3.4
find_second_interface
set_up_second_interface 10.0.12.4/24 10.0.14.0/24
"""
# As a boot does it. Sysfs is this network's, and cannot be written to: so systemd-networkd and NetworkManager wait for
# no udev.
_BOOT = """
mount -t sysfs -o ro sysfs /sys
ip link add {second} type veth peer name far; ip link set far up
ip link set lo up
{tool}
for _ in $(seq 100); do ip route show dev {second} | grep -q 10.0.14.0 && break; sleep 0.1; done
ip -o -4 addr show dev {second}
ip route show dev {second}
"""
_NETWORKD = """
mkdir -p /run/systemd/netif/{links,leases,lldp} && chown -R systemd-network: /run/systemd/netif
mkdir -p /run/dbus && dbus-daemon --system --fork
/lib/systemd/systemd-networkd &
"""
_NETWORK_MANAGER = """
mkdir -p /run/dbus && dbus-daemon --system --fork
NetworkManager --no-daemon >/dev/null 2>&1 &
"""


@pytest.mark.parametrize("second", ["eth1", "ens6"])
@pytest.mark.parametrize(
    ("unit", "file", "tool"),
    [
        ("", "/etc/network/interfaces.d/00-garoon-second", "ifup {second}"),
        ("systemd-networkd", "/etc/systemd/network/05-garoon-second.network", _NETWORKD),
        ("NetworkManager", "/etc/NetworkManager/system-connections/garoon-second.nmconnection", _NETWORK_MANAGER),
    ],
    ids=["ifupdown", "systemd-networkd", "NetworkManager"],
)
def test_second_interface_has_its_address_and_the_way_to_the_peer_and_no_default_route(
    server: Server, second: str, unit: str, file: str, tool: str
) -> None:
    first = "eth0" if second == "eth1" else "ens5"
    if unit:
        server.run(f"systemctl enable -q {unit}")

    server.run(with_interfaces(SET_UP, first, second))
    booted = server.run(_BOOT.replace("{tool}", tool).replace("{second}", second))

    assert server.read(file)
    assert "inet 10.0.12.4/24" in booted
    assert "10.0.14.0/24 via 10.0.12.1" in booted
    assert "default" not in booted


def test_a_server_whose_network_is_stopped_loses_its_users_before_its_peer(server: Server) -> None:
    """With ifupdown, from the next boot on; the other two take no address away when they are stopped."""
    server.run("printf 'auto eth0\\niface eth0 inet static\\n    address 10.0.3.4/24\\n' >/etc/network/interfaces")
    server.run(with_interfaces(SET_UP))

    booted_and_stopped = server.run(
        "for name in eth0 eth1; do ip link add $name type veth peer name far-$name; done\n"
        "mkdir -p /run/network; ifup -a; ifdown -a --verbose"
    )

    stopped = [line for line in booted_and_stopped.splitlines() if line.startswith("ifdown: configuring interface eth")]
    assert [line.split()[3] for line in stopped] == ["eth0=eth0", "eth1=eth1"]


_OTHER_PROFILE = """
cd /etc/NetworkManager/system-connections
printf '%s\\n' '[connection]' id=cloud-init type=ethernet interface-name=eth1 \\
    uuid=6f2ac1b4-ae5c-4d7e-a4d7-21c4a12c3f10 '[ipv4]' method=manual \\
    address1=192.0.2.4/24,192.0.2.1 '[ipv6]' method=disabled >cloud-init.nmconnection
chmod 600 cloud-init.nmconnection
mkdir -p /var/lib/NetworkManager
printf '[timestamps]\\n6f2ac1b4-ae5c-4d7e-a4d7-21c4a12c3f10=%s\\n' "$(date +%s)" >/var/lib/NetworkManager/timestamps
"""


def test_cloud_inits_own_profile_does_not_come_before(server: Server) -> None:
    """cloud-init makes one of each interface, and the one that was used last is used again unless one comes first."""
    server.run("systemctl enable -q NetworkManager")
    server.run(with_interfaces(SET_UP))

    booted = server.run(_OTHER_PROFILE + _BOOT.replace("{tool}", _NETWORK_MANAGER).replace("{second}", "eth1"))

    assert "inet 10.0.12.4/24" in booted
    assert "192.0.2.4" not in booted
    assert "default" not in booted


_ADDED = f"""
mount -t sysfs -o ro sysfs /sys
ip link add ens5 type veth peer name far; ip link set far up
ip link set lo up
mkdir -p /run/systemd/network
printf '%s\\n' '[Match]' Name=ens5 '[Network]' Address=10.0.3.4/24 LinkLocalAddressing=no IPv6AcceptRA=no \\
    >/run/systemd/network/10-netplan-ens5.network
{_NETWORKD}
wait_until() {{ for _ in $(seq 100); do $1 && return; sleep 0.1; done; echo "not $1"; exit 1; }}
has() {{ [[ -n $(ip -o -4 addr show dev ens5 to $1) ]]; }}
is_configured() {{ has 10.0.3.4 && networkctl list ens5 2>/dev/null | grep -qw configured; }}
is_there() {{ has 10.1.0.10; }}
is_away() {{ ! is_there; }}
configure_anew() {{
    networkctl reload; wait_until is_configured
    ip addr add 10.1.0.10/32 dev ens5; ip addr del 10.0.3.4/24 dev ens5
    networkctl reconfigure ens5; wait_until is_configured
}}
wait_until is_configured
configure_anew; wait_until is_away; echo "taken away"
{functions_of(DATABASE)}
network_tool() {{ printf systemd-networkd; }}
is_running() {{ true; }} # no systemd tells
FIRST=ens5
keep_added_addresses
configure_anew; is_there && echo "kept"
keep_added_addresses
conclude again
"""


def test_systemd_networkd_leaves_the_virtual_ip_where_it_is(server: Server) -> None:
    """Debian's image has networkd, with a file of netplan's, and restarts it when it updates systemd by itself."""
    shown = server.run(_ADDED)

    assert "taken away\n" in shown
    assert "kept\n" in shown
    drop_in = "/etc/systemd/network/10-netplan-ens5.network.d/garoon.conf"
    assert server.read(drop_in) == "[Network]\nKeepConfiguration=static\n"
    assert shown.count(f"Wrote {drop_in}.") == 1


@pytest.mark.parametrize("unit", ["", "systemd-networkd", "NetworkManager"])
def test_a_second_run_changes_nothing(server: Server, unit: str) -> None:
    if unit:
        server.run(f"systemctl enable -q {unit}")
    server.run(with_interfaces(SET_UP))
    before = server.digest("etc")

    again = server.run(with_interfaces(f"{SET_UP}\nconclude db-01"))

    assert again == "db-01 is set up already, nothing changed.\n"
    assert server.digest("etc") == before


def test_the_virtual_ips_interface_is_told_to_the_node_script_unless_it_is_eth0(server: Server) -> None:
    tell = f"{SET_UP}\ntell_interface"

    server.run(with_interfaces(tell, "ens5", "ens6"))
    server.run(with_interfaces(tell, "ens5", "ens6"))

    assert server.read("/etc/garoon-node.local.conf") == 'ETH0_INTERFACE="ens5"\n'


def test_a_setting_of_an_operators_stays(server: Server) -> None:
    server.run("echo 'ETH0_INTERFACE=\"bond0\"' >/etc/garoon-node.local.conf")

    shown = server.run(with_interfaces(f"{SET_UP}\ntell_interface", "ens5", "ens6"))

    assert "names another first interface than ens5" in shown
    assert server.read("/etc/garoon-node.local.conf") == 'ETH0_INTERFACE="bond0"\n'


def test_another_servers_settings_are_refused(server: Server) -> None:
    ran = server.try_to_run(with_interfaces(f"{functions_of(DATABASE)}\nfind_first_interface 10.0.6.4"))

    assert ran.returncode == 1
    assert "No interface of this server has the address 10.0.6.4" in ran.stdout


@pytest.mark.parametrize("other", ["rm -r /sys/class/net/eth1", "mkdir -p /sys/class/net/eth2/device"])
def test_two_interfaces_are_asked_for(server: Server, other: str) -> None:
    script = f"{other}\n{SET_UP}"

    ran = server.try_to_run(with_interfaces(script))

    assert ran.returncode == 1
    assert "Beside eth0 this server has" in ran.stdout


@pytest.mark.parametrize(
    ("address", "router"),
    [("10.0.12.4/24", "10.0.12.1"), ("172.31.255.200/20", "172.31.240.1"), ("10.9.8.77/28", "10.9.8.65")],
)
def test_the_router_is_the_subnets_first_address(server: Server, address: str, router: str) -> None:
    assert server.run(f"{functions_of(DATABASE)}\nrouter_of {address}") == router
