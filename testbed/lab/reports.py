"""What a machine is, where observers of simulated hosts look: mirror.json, proc/mounts, the marks of services."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testbed.hosts.layout import RECOVERING, HostFiles, host_files
from testbed.hosts.mirror import Mirror
from testbed.world.files import exclusively, replace_file

_ROLES = {"Primary": "primary", "Secondary": "secondary"}
_LINKS = {"Connected": "connected", "WFConnection": "waiting", "StandAlone": "apart"}
_DATA = {
    "UpToDate": "current",
    "Inconsistent": "stale",
    "Outdated": "stale",
    "Consistent": "stale",
    "Diskless": "unusable",
}
"""The product's words for DRBD's, which the agent tells."""


def create_reports(world: Path, names: tuple[str, str]) -> None:
    """Files for a pair of which nothing is known yet."""
    Mirror.create(world, names, resync_seconds=0.0, link_loss_seconds=0.0)
    for name in names:
        Report(host_files(world, name)).write({})


class Report:
    """The files about one host. Only its keeper writes them."""

    def __init__(self, files: HostFiles) -> None:
        self._files = files
        self._mirror_file = files.world / "mirror.json"

    def write(self, state: Mapping[str, Any]) -> None:
        """`state` is what the agent told; empty for a machine that is off."""
        if not self._mirror_file.exists() or self._files.directory.name not in self._read():
            return  # no database server
        mounts = self._files.root / "proc/mounts"
        mounts.parent.mkdir(parents=True, exist_ok=True)
        mount = f"/dev/drbd0 {self._files.settings().mount_point} xfs rw 0 0\n" if state.get("isMounted") else ""
        replace_file(mounts, mount)
        settings = self._files.settings()
        for service in settings.services:
            mark = self._files.service_mark(service)
            mark.parent.mkdir(parents=True, exist_ok=True)
            if service in state.get("services", ()):
                is_recovering = service == settings.database_service and not state.get("isDatabaseListening")
                replace_file(mark, RECOVERING if is_recovering else "")
            else:
                mark.unlink(missing_ok=True)
        connection = str(state.get("connection"))
        link = "resyncing" if connection.startswith(("Sync", "PausedSync")) else _LINKS.get(connection, "unknown")
        role, data = _ROLES.get(str(state.get("role")), "unknown"), _DATA.get(str(state.get("disk")), "unknown")
        self._write_replica({"role": role, "data": data, "link": link})

    def _read(self) -> dict[str, Any]:
        replicas: dict[str, Any] = json.loads(self._mirror_file.read_text())["replicas"]
        return replicas

    def _write_replica(self, values: Mapping[str, str]) -> None:
        with exclusively(self._files.world / "mirror.lock"):
            pair = json.loads(self._mirror_file.read_text())
            pair["replicas"][self._files.directory.name] |= values
            replace_file(self._mirror_file, json.dumps(pair))
