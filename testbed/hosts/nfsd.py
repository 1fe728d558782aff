"""The kernel's NFS server as nfsd(7) shows it: its grace period, its clients, and the times that it takes at its start.

A client that used the server is recorded (nfsdcld(8)) and holds files open until it is expired or the server stops.
A server that starts with records waits for those clients: until its grace period is over nobody may create a file.
"""

from __future__ import annotations

import re
import shutil
import time
from contextlib import suppress

from testbed.hosts.layout import HostFiles
from testbed.world.files import replace_file

DEFAULT_SECONDS = 90
_UNIT_TIMES = re.compile(r"echo (\d+) >/proc/fs/nfsd/nfsv4")


class Nfsd:
    """One host's server. What the script writes to its files takes effect when they are looked at next."""

    def __init__(self, files: HostFiles) -> None:
        self.is_running = False
        self._files = files
        self._directory = files.root / "proc/fs/nfsd"
        self._clients = self._directory / "clients"
        self._records = files.root / "var/lib/nfs/nfsdcld"
        self._grace_ends_at = 0.0
        shutil.rmtree(self._directory, ignore_errors=True)

    def start(self) -> None:
        seconds = self._seconds()
        for directory in (self._clients, self._records):
            directory.mkdir(parents=True, exist_ok=True)
        for name in ("nfsv4leasetime", "nfsv4gracetime"):
            replace_file(self._directory / name, f"{seconds}\n")
        replace_file(self._directory / "unlock_filesystem", "")
        has_records = any(self._records.iterdir())
        self._grace_ends_at = time.monotonic() + (seconds if has_records else 0)
        replace_file(self._directory / "v4_end_grace", "N\n" if has_records else "Y\n")
        self.is_running = True

    def stop(self) -> None:
        self.is_running = False
        shutil.rmtree(self._clients, ignore_errors=True)

    def is_in_grace(self) -> bool:
        ended = self._directory / "v4_end_grace"
        if not self.is_running or ended.read_text().startswith("Y"):
            return False
        if time.monotonic() < self._grace_ends_at:
            return True
        self._forget_records()
        replace_file(ended, "Y\n")
        return False

    def serve(self, client: str) -> None:
        """That client opens a file."""
        if not self.is_in_grace():
            self._forget_records()
            (self._clients / client).mkdir(exist_ok=True)
            (self._clients / client / "ctl").touch()
            (self._records / client).touch()

    def has_open_files(self) -> bool:
        """Whether a client still holds a file open."""
        if not self._clients.exists():
            return False
        for client in list(self._clients.iterdir()):
            if (client / "ctl").read_text().startswith("expire"):
                shutil.rmtree(client)
                (self._records / client.name).unlink(missing_ok=True)
        return any(self._clients.iterdir())

    def _forget_records(self) -> None:
        """When the grace period is over, those who did not come back are forgotten."""
        for record in self._records.iterdir():
            if not (self._clients / record.name).exists():
                record.unlink()

    def _seconds(self) -> int:
        with suppress(FileNotFoundError):
            unit = self._files.root / "etc/systemd/system/nfs-server.service.d/garoon-node.conf"
            if found := _UNIT_TIMES.search(unit.read_text()):
                return int(found[1])
        return DEFAULT_SECONDS
