"""Runs inside every machine of the lab, in place of the SSM Agent and the CloudWatch agent.

Talks over a virtio-serial port, so that it works whatever a test does to the network. One JSON object a line:

    to the machine    {"id": 1, "script": "...", "environment": {"SSM_Verb": "status"}, "timeoutSeconds": 10}
    from the machine  {"id": 1, "exitCode": 0, "stdout": "...", "stderr": "...", "hasTimedOut": false}
                      {"lines": {"/var/log/garoon-node-signs.log": ["..."]}}       new lines of a file that is collected
                      {"state": {"drbd": "...", "isMounted": true, ...}}           what it is, several times a second

Whether AWS could be reached by the machine's own network is for the other side to judge.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PORT = Path("/dev/virtio-ports/garoon.lab")
STATE_INTERVAL_SECONDS = 0.8
GREETING = b"SSH-2.0-lab\r\n"
GREETING_ADDRESS = ("0.0.0.0", 22)
COLLECTED_FILES = (Path("/run/garoon-node-beats.log"), Path("/var/log/garoon-node-signs.log"))
LINES_INTERVAL_SECONDS = 1.0
SERVICES = ("cyde_5_0", "cyss_cbgrn", "search")
DATABASE_PORT = 3770
MOUNT_POINT = "/mnt/DIR1"
# As systemd starts the SSM Agent: commands inherit this.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DRBD_LINE = re.compile(r"^ *0: cs:(\w+)(?: ro:(\w+)/(\w+) ds:(\w+)/(\w+))?", re.MULTILINE)


class Line:
    """The serial port; several threads write whole lines."""

    def __init__(self) -> None:
        self._descriptor = os.open(PORT, os.O_RDWR)
        self._lock = threading.Lock()
        self._received = b""

    def send(self, message: Mapping[str, object]) -> None:
        data = json.dumps(message).encode() + b"\n"
        with self._lock:
            while data:
                data = data[os.write(self._descriptor, data) :]

    def receive(self) -> dict[str, Any]:
        """The next message; waits for it."""
        while b"\n" not in self._received:
            part = os.read(self._descriptor, 65536)
            if not part:
                time.sleep(0.2)  # nobody is at the other end
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message


def run_command(line: Line, order: Mapping[str, Any]) -> None:
    """aws:runShellScript: the script in a file of its own, run by `sh -c`, killed as a group when time is up."""
    with tempfile.TemporaryDirectory(prefix="command-") as directory:
        script = Path(directory) / "_script.sh"
        script.write_text(order["script"])
        script.chmod(0o700)
        # Into files, not pipes: what a service leaves running must not keep the command from ending.
        with (Path(directory) / "stdout").open("w+b") as stdout, (Path(directory) / "stderr").open("w+b") as stderr:
            process = subprocess.Popen(
                ["/bin/sh", "-c", str(script)],
                env={"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", **order["environment"]},
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            try:
                exit_code, has_timed_out = process.wait(order["timeoutSeconds"]), False
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                exit_code, has_timed_out = -signal.SIGKILL, True
            texts = []
            for file in (stdout, stderr):
                file.seek(0)
                texts.append(file.read(100_000).decode(errors="replace"))
    line.send(
        {
            "id": order["id"],
            "exitCode": exit_code,
            "stdout": texts[0],
            "stderr": texts[1],
            "hasTimedOut": has_timed_out,
        }
    )


def greet(_line: Line) -> None:
    """What an SSH server says first; a real one costs an emulated processor half a second each time. Never returns."""
    with socket.create_server(GREETING_ADDRESS) as server:
        while True:
            with contextlib.suppress(OSError):  # a caller that is gone already
                connection, _ = server.accept()
                with connection:
                    connection.sendall(GREETING)


def forward_lines(line: Line) -> None:
    """New lines of the files that the CloudWatch agent would collect, in its place; never returns."""
    known = {path: path.stat().st_size if path.exists() else 0 for path in COLLECTED_FILES}
    while True:
        time.sleep(LINES_INTERVAL_SECONDS)
        for path in COLLECTED_FILES:
            if lines := _new_lines(path, known):
                line.send({"lines": {str(path): lines}})


def _new_lines(path: Path, known: dict[Path, int]) -> list[str]:
    try:
        with path.open("rb") as file:
            if path.stat().st_size < known[path]:
                known[path] = 0  # begun anew
            file.seek(known[path])
            text = file.read().rpartition(b"\n")[0]
    except FileNotFoundError:
        return []
    known[path] += len(text) + 1 if text else 0
    return text.decode(errors="replace").splitlines()


def report_state(line: Line) -> None:
    """Sends the state at a steady rate; never returns."""
    while True:
        line.send({"state": read_state()})
        time.sleep(STATE_INTERVAL_SECONDS)


def read_state() -> dict[str, object]:
    """Only what /proc tells, which answers also when a volume or a server hangs."""
    drbd = _read("/proc/drbd")
    found = _DRBD_LINE.search(drbd)
    connection, role, _, disk, _ = found.groups() if found else (None,) * 5
    return {
        "connection": connection or "Unknown",
        "role": role or "Unknown",
        "disk": disk or "Unknown",
        "isMounted": f" {MOUNT_POINT} " in _read("/proc/mounts"),
        "services": [name for name in SERVICES if _is_running(name)],
        "isDatabaseListening": _is_listening(DATABASE_PORT),
        "hasDefaultRoute": _has_default_route(),
    }


def _is_running(service: str) -> bool:
    process = _read(f"/run/{service}.pid").strip()
    return process.isdigit() and Path(f"/proc/{process}").exists()


def _is_listening(port: int) -> bool:
    # Number, local address:port, remote one, state; in hexadecimal, 0A is listening.
    sockets = (line.split() for line in _read("/proc/net/tcp").splitlines()[1:])
    return any(fields[1].endswith(f":{port:04X}") and fields[3] == "0A" for fields in sockets)


def _has_default_route() -> bool:
    # Interface, destination, gateway and so on, in hexadecimal; gone with the interface's address or its link.
    routes = (line.split() for line in _read("/proc/net/route").splitlines()[1:])
    return any(fields[:2] == ["eth0", "00000000"] for fields in routes)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def main() -> None:
    line = Line()
    for work in (forward_lines, greet, report_state):
        threading.Thread(target=work, args=(line,), daemon=True).start()
    while True:
        threading.Thread(target=run_command, args=(line, line.receive()), daemon=True).start()


if __name__ == "__main__":
    main()
