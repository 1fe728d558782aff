"""The installation's VPC, in the network namespace that the lab runs in: this namespace is its router.

Each subnet is a bridge whose first address is the router's, as in a VPC. What leaves an App subnet for the virtual IP
follows a routing table of its own, which is kept as the cloud's route table of that subnet says (`FollowedVpc` in
bed.py). The security groups are nftables rules on what is forwarded, stateful as the real ones are. Before them come
the network ACLs, which keep no state: of a subnet that the cloud lets nothing through (`cut_off`) nothing is forwarded,
connections that exist included. The load balancer's checks and requests come from its own address.
"""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Collection, Iterable, Mapping

VIRTUAL_IP = "10.1.0.10"
LOAD_BALANCER = "10.0.8.10"
SUBNETS = {
    "app-1a": "10.0.2.0/24",
    "db-1a": "10.0.3.0/24",
    "app-1c": "10.0.5.0/24",
    "db-1c": "10.0.6.0/24",
    "heartbeat-1a": "10.0.12.0/24",
    "heartbeat-1c": "10.0.14.0/24",
}
_TABLES = {"app-1a": 101, "app-1c": 102}
_DB_ADDRESSES = ("10.0.3.4", "10.0.6.4", "10.0.12.4", "10.0.14.4", VIRTUAL_IP)
_SETTINGS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
    "net.ipv6.conf.all.disable_ipv6": 1,
    "net.ipv6.conf.default.disable_ipv6": 1,
}


_NETWORK_ACLS = """
        table inet network_acls {
            chain forward { type filter hook forward priority -10; policy accept; }
        }
"""


class NetworkError(RuntimeError):
    """A command that sets the network up failed."""


def make_network() -> None:
    """Sets the VPC up in this network namespace, which must be a new one. Raises NetworkError."""
    for name, value in _SETTINGS.items():
        _run("sysctl", "-q", "-w", f"{name}={value}")
    commands = ["link set lo up", f"addr add {LOAD_BALANCER}/32 dev lo"]
    for name, network in SUBNETS.items():
        router = next(ipaddress.ip_network(network).hosts())
        commands += [
            f"link add {name} type bridge stp_state 0 forward_delay 0",
            f"addr add {router}/24 dev {name} noprefixroute",
            f"link set {name} up",
            f"route add {network} dev {name} src {LOAD_BALANCER if name.startswith('app-') else router}",
        ]
    for name, table in _TABLES.items():
        commands.append(f"rule add iif {name} lookup {table}")
    _batch(commands)
    _run("nft", "-f", "-", text=_NETWORK_ACLS + _security_groups())


def add_tap(name: str, subnet: str) -> None:
    """A port for a machine's interface in that subnet. Raises NetworkError."""
    _batch([f"tuntap add {name} mode tap", f"link set {name} master {subnet}", f"link set {name} up"])


def point_virtual_ip(targets: Mapping[str, str | None]) -> None:
    """Makes each App subnet's route to the virtual IP lead to that eth0 address, or nowhere. Raises NetworkError."""
    commands = []
    for subnet, address in targets.items():
        table = _TABLES[subnet]
        if address is None:
            commands.append(f"route replace blackhole {VIRTUAL_IP}/32 table {table}")
        else:
            commands.append(f"route replace {VIRTUAL_IP}/32 via {address} table {table}")
    _batch(commands)


def cut_off(subnets: Collection[str]) -> None:
    """Lets nothing through to or from exactly these subnets. Raises NetworkError."""
    rules = ["flush chain inet network_acls forward"]
    if subnets:
        names = ", ".join(f'"{name}"' for name in sorted(subnets))
        rules += [f"add rule inet network_acls forward {side} {{ {names} }} drop" for side in ("iifname", "oifname")]
    _run("nft", "-f", "-", text="\n".join(rules) + "\n")


def _security_groups() -> str:
    db_sources = ", ".join(SUBNETS.values())
    return f"""
        table inet security_groups {{
            chain forward {{
                type filter hook forward priority 0; policy drop;
                ct state established,related accept
                ip daddr {{ {", ".join(_DB_ADDRESSES)} }} ip saddr {{ {db_sources} }} ip protocol tcp accept
            }}
        }}
    """


def _batch(commands: Iterable[str]) -> None:
    _run("ip", "-batch", "-", text="\n".join(commands) + "\n")


def _run(*command: str, text: str = "") -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NetworkError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
