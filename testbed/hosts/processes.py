"""The processes of a host, found by the mark in their environment, whatever group or session they moved to."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from testbed.hosts.layout import HOST_MARK, HostFiles

POLL_SECONDS = 0.005


def host_environment(files: HostFiles) -> dict[str, str]:
    """What a process on the host sees: nothing of the environment that the testbed itself runs in."""
    return {
        "PATH": f"{files.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "LANG": "C",
        "HOME": str(files.root),
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
    """SIGKILL everything on the host, again until nothing is left: what was forked meanwhile carries the mark too.

    Returns when all are dead indeed, with their files and sockets closed: a dying process gives up its environment,
    by which it is found, some time before those.
    """
    killed: set[tuple[int, str]] = set()
    while processes := processes_of(directory):
        for process in processes:
            killed.add((process, _start_of(process)))
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    while any(start and _start_of(process) == start for process, start in killed):
        time.sleep(POLL_SECONDS)


def _start_of(process: int) -> str:
    """When the process was started, which tells it from a later one of the same number; empty when it is dead."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    # A zombie holds nothing any more.
    return "" if fields[0] in {"Z", "X"} else fields[19]
