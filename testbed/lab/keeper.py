"""`python -m testbed.lab.keeper HOST_DIRECTORY`: runs a host's machine and keeps the line to it.

Only one process can hold a machine's line; the keeper takes requests from all others, until the machine is off. It also
stands for what leaves the machine by its default route: metrics go on to CloudWatch only while AWS could be reached.
"""

from __future__ import annotations

import datetime
import fcntl
import json
import logging
import os
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from testbed.hosts.cloudwatch import CollectedFile, put_log_events
from testbed.lab.host import LabHost
from testbed.lab.machine import Machine, MachineError
from testbed.lab.reports import Report
from testbed.world.files import replace_file

_TICK_SECONDS = 0.2
_COLLECTED = {
    "/run/garoon-node-beats.log": "/garoon-failover/garoon/beats",
    "/var/log/garoon-node-signs.log": "/garoon-failover/garoon/signs",
}
"""Files and log groups, as `install` writes them into the agent's configuration."""
_ACT_SECONDS = 60.0
_HANG_SECONDS = 10.0
"""A machine that booted and then says nothing for so long is hung; a busy one is not."""

logger = logging.getLogger("testbed.keeper")


class Keeper:
    """Serves one machine from its start to its end."""

    def __init__(self, host: LabHost, lock: int) -> None:
        self._host = host
        # The machine's process inherits the lock: the host counts as on exactly as long as the machine runs.
        self._machine = Machine(host.machine_directory, host.spec, self._hear, inherited=[lock])
        self._lock = threading.Lock()
        self._lines: dict[str, list[str]] = {}
        self._state: dict[str, Any] = {}
        self._heard_at: float | None = None
        self._report = Report(host.files)

    def run(self) -> None:
        """Returns when the machine is off."""
        host = self._host
        host.socket_file.unlink(missing_ok=True)
        with host.changing_faults() as faults:
            for name in ("hang", "nic_eth0"):
                faults.pop(name, None)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.bind(str(host.socket_file))
            server.listen(16)
            try:
                self._machine.start()
                threading.Thread(target=self._tell_identity, daemon=True).start()
                threading.Thread(target=self._serve, args=(server,), daemon=True).start()
                replace_file(host.files.kernel_file, json.dumps({"machine": self._machine.process_id}))
                self._watch()
            finally:
                self._machine.power_off()
                self._report.write({})

    def _tell_identity(self) -> None:
        """As the metadata service of a real instance would; nobody is one here."""
        instance_id = self._host.settings.instance_id
        try:
            self._machine.wait_until_heard()
            self._machine.run(f"echo {instance_id} >/run/garoon-node.instance", {}, _ACT_SECONDS)
        except MachineError as error:
            logger.warning("It does not know which instance it is: %s", error)

    def _watch(self) -> None:
        while not self._machine.wait_until_off(_TICK_SECONDS):
            self._measure_faults()
            self._put_lines()

    def _measure_faults(self) -> None:
        with self._lock:
            heard_at, state = self._heard_at, self._state
        if heard_at is None:
            return  # still booting
        measured = {
            "hang": True if time.monotonic() - heard_at > _HANG_SECONDS else None,
            "nic_eth0": None if state.get("hasDefaultRoute", True) else "down",
        }
        with self._host.changing_faults() as faults:
            for name, value in measured.items():
                faults[name] = value
                if value is None:
                    del faults[name]

    def _put_lines(self) -> None:
        """Kept while AWS cannot be reached, as the agent keeps them."""
        faults = self._host.files.faults()
        if faults.is_hung or faults.is_aws_path_down or self._host.settings.cloud_endpoint is None:
            return
        with self._lock:
            collected, self._lines = self._lines, {}
        for path, lines in collected.items():
            file = CollectedFile(path, _COLLECTED[path], self._host.settings.name)
            try:
                put_log_events(self._host.settings, file, lines, datetime.datetime.now(datetime.UTC))
            except OSError as error:
                logger.warning("Lines of %s were lost: %s", path, error)

    def _hear(self, message: dict[str, Any]) -> None:
        with self._lock:
            self._heard_at = time.monotonic()
            for path, lines in message.get("lines", {}).items():
                self._lines.setdefault(path, []).extend(lines)
            state = message.get("state")
            if state is None or state == self._state:
                return
            self._state = state
        self._report.write(state)

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return  # the machine is off
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        # Whoever asked may have gone; what was asked for is done all the same, as by the SSM Agent.
        with connection, suppress(OSError), connection.makefile("rwb") as stream:
            request = json.loads(stream.readline())
            try:
                result = self._machine.run(request["script"], request["environment"], request["timeoutSeconds"])
                answer: dict[str, Any] = asdict(result)
            except MachineError as error:
                answer = {"error": str(error)}
            stream.write(json.dumps(answer).encode() + b"\n")


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    host = LabHost(Path(sys.argv[1]))
    lock = os.open(host.files.kernel_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    Keeper(host, lock).run()


if __name__ == "__main__":
    main()
