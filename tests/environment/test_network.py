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
