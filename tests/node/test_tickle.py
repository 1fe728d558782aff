"""The packets themselves, in network namespaces: a client, a router with a stateful firewall, and two servers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
VIRTUAL_IP = "10.1.0.10"
CLIENT = "10.0.2.10"
CLIENT_PORT = 777
BACK_OFF_SECONDS = 7.0
UNTIL_NEXT_TRY_SECONDS = 5.0
"""What was lost is repeated after 0.2, 0.6, 1.4, 3.0, 6.2 and 12.6 s (RFC 6298; Linux begins at 0.2 s)."""
HOSTS = {"client": CLIENT, "old": "10.0.3.4", "new": "10.0.6.4"}
FIREWALL = """
table inet firewall {
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        ip daddr 10.1.0.10 ip protocol tcp accept
    }
}
"""
SERVE = f"""
import socket
connection, _ = socket.create_server(("{VIRTUAL_IP}", 2049)).accept()
print(connection.recv(1), flush=True)
connection.recv(1)
"""
ASK = f"""
import socket, sys
connection = socket.create_connection(("{VIRTUAL_IP}", 2049), source_address=("", {CLIENT_PORT}))
connection.sendall(b"x")
sys.stdin.readline()
connection.sendall(b"y")
try:
    print(connection.recv(1))
except ConnectionResetError:
    print("reset")
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("nft")),
    reason="needs Linux, root, ip and nft for network namespaces",
)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@pytest.fixture
def network() -> Iterator[str]:
    """The prefix of the namespaces' names: client, router, old and new, both with the virtual IP."""
    prefix = f"tickle{os.getpid()}"
    names = [f"{prefix}-{name}" for name in ("router", *HOSTS)]
    try:
        for name in names:
            ip("netns", "add", name)
        router = names[0]
        for host, address in HOSTS.items():
            gateway = f"{address.rpartition('.')[0]}.1"
            ends = ("name", "eth0", "netns", f"{prefix}-{host}", "type", "veth", "peer", "name", host, "netns", router)
            ip("link", "add", *ends)
            ip("-n", router, "addr", "add", f"{gateway}/24", "dev", host)
            ip("-n", router, "link", "set", host, "up")
            ip("-n", f"{prefix}-{host}", "addr", "add", f"{address}/24", "dev", "eth0")
            ip("-n", f"{prefix}-{host}", "link", "set", "eth0", "up")
            ip("-n", f"{prefix}-{host}", "route", "add", "default", "via", gateway)
            if host != "client":
                ip("-n", f"{prefix}-{host}", "addr", "add", f"{VIRTUAL_IP}/32", "dev", "eth0")
        ip("netns", "exec", router, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        subprocess.run(["ip", "netns", "exec", router, "nft", "-f", "-"], input=FIREWALL, text=True, check=True)
        ip("-n", router, "route", "add", f"{VIRTUAL_IP}/32", "via", HOSTS["old"])
        yield prefix
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def start(namespace: str, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["ip", "netns", "exec", namespace, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def program() -> str:
    found = re.search(r"^readonly TICKLE='\n(.*?)^'$", (REPOSITORY / "node/garoon-node.sh").read_text(), re.S | re.M)
    assert found is not None
    return found[1]


def test_a_client_in_back_off_is_reset_at_once(network: str) -> None:
    """Before the time at which it would have tried again by itself."""
    server = start(f"{network}-old", sys.executable, "-c", SERVE)
    time.sleep(1)
    client = start(f"{network}-client", sys.executable, "-c", ASK)
    assert server.stdout is not None
    assert client.stdin is not None
    assert server.stdout.readline() == "b'x'\n"
    ip("-n", f"{network}-router", "route", "replace", "blackhole", f"{VIRTUAL_IP}/32")
    client.stdin.write("\n")
    client.stdin.flush()
    time.sleep(BACK_OFF_SECONDS)

    ip("-n", f"{network}-router", "route", "replace", f"{VIRTUAL_IP}/32", "via", HOSTS["new"])
    connection = "".join(f"{int(part):02X}" for part in reversed(CLIENT.split("."))) + f":{CLIENT_PORT:04X},0801"
    tickler = start(f"{network}-new", sys.executable, "-c", program(), "", VIRTUAL_IP, "30", connection)
    began = time.monotonic()
    try:
        answer, _ = client.communicate(timeout=20)
    finally:
        for process in (tickler, server, client):
            process.kill()
            process.wait()

    assert answer == "reset\n"
    assert time.monotonic() - began < UNTIL_NEXT_TRY_SECONDS, "it has only tried again by itself"
