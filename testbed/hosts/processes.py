"""The processes of a host, found by the mark in their environment, whatever group or session they moved to."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from testbed.hosts.layout import HOST_MARK, HostFiles


def host_environment(files: HostFiles) -> dict[str, str]:
    """What a process on the host sees: nothing of the environment that the testbed itself runs in."""
    return {
        "PATH": f"{files.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "LANG": "C",
        "HOME": "/root",
        "GAROON_NODE_ROOT": str(files.root),
        HOST_MARK: str(files.directory),
    }


def processes_of(directory: Path) -> list[int]:
    """Process ids of everything that runs on the host, its kernel included."""
    mark = f"{HOST_MARK}={directory}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if mark in environment.split(b"\0"):
                found.append(int(entry.name))
    return found


def kill_all(directory: Path) -> None:
    """SIGKILL everything on the host, again until nothing is left: what was forked meanwhile carries the mark too."""
    while processes := processes_of(directory):
        for process in processes:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
