"""HAProxy as the load balancer: it checks the App servers itself, and users come in through it.

Set as the target group is: its health check, its thresholds, and, as an Application Load Balancer does (ELB user guide,
"Health checks for your target groups": fail open), requests to all targets while none is healthy.
"""

from __future__ import annotations

import csv
import io
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from testbed.cloud.health import INITIAL, Health, Judge
from testbed.lab.network import LOAD_BALANCER

PORT = 80
_SOCKET = "balancer.sock"
_ANSWER_SECONDS = 5.0
_CHECK_FAILURES = {"L4TOUT": "Target.Timeout", "L7TOUT": "Target.Timeout", "L7STS": "Target.ResponseCodeMismatch"}
"""HAProxy's word for the last check (management guide, "show stat", check_status) -> the load balancer's reason."""


class Entrance:
    """Where users come in (`testbed.garoon.user.Door`)."""

    def choose(self) -> tuple[str, int]:
        return LOAD_BALANCER, PORT


@contextmanager
def running_balancer(world: Path, group: Mapping[str, Any], servers: Mapping[str, str]) -> Iterator[None]:
    """Balances over `servers` (name -> address) as the target group, a description of ELB's, says."""
    file = world / "haproxy.cfg"
    file.write_text(configuration(world, group, servers))
    with (world / "haproxy.log").open("ab") as log:
        process = subprocess.Popen(["haproxy", "-db", "-f", str(file)], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def configuration(world: Path, group: Mapping[str, Any], servers: Mapping[str, str]) -> str:
    port = group["Port"]
    check = (
        f"check inter {group['HealthCheckIntervalSeconds']}s"
        f" rise {group['HealthyThresholdCount']} fall {group['UnhealthyThresholdCount']}"
    )
    checked = "".join(f"    server {name} {address}:{port} {check}\n" for name, address in servers.items())
    unchecked = "".join(f"    server {name} {address}:{port}\n" for name, address in servers.items())
    return f"""\
global
    stats socket {world / _SOCKET} mode 600 level operator
defaults
    mode http
    option http-server-close
    retries 0
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    timeout check {group["HealthCheckTimeoutSeconds"]}s
    source {LOAD_BALANCER}
frontend users
    bind {LOAD_BALANCER}:{PORT}
    use_backend all if {{ nbsrv(healthy) eq 0 }}
    default_backend healthy
backend healthy
    option httpchk GET {group["HealthCheckPath"]}
    http-check expect status {group["Matcher"]["HttpCode"]}
{checked}backend all
{unchecked}"""


def judge_targets(world: Path) -> Judge:
    """For `python -m testbed.cloud --target-judge`: what HAProxy holds of the target with that address."""

    def judge(address: str) -> Health:
        try:
            answer = _show_stat(world / _SOCKET)
        except OSError:
            return INITIAL
        return read_verdict(answer, address)

    return judge


def read_verdict(answer: str, address: str) -> Health:
    """`answer` is that of HAProxy's "show stat", comma-separated values whose first line begins with "# "."""
    for row in csv.DictReader(io.StringIO(answer.removeprefix("# "))):
        if row["pxname"] != "healthy" or row["addr"].rpartition(":")[0] != address:
            continue
        if row["check_status"] in ("INI", "* INI", ""):
            break
        if row["status"].startswith("UP"):
            return Health("healthy")
        reason = _CHECK_FAILURES.get(row["check_status"].removeprefix("* "), "Target.FailedHealthChecks")
        return Health("unhealthy", reason, f"Health checks failed: {row['check_desc'] or row['check_status']}")
    return INITIAL


def _show_stat(file: Path) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_ANSWER_SECONDS)
        connection.connect(str(file))
        connection.sendall(b"show stat\n")
        with connection.makefile() as stream:
            return stream.read()
