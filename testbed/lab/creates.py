"""How soon the App servers create files through NFS again once the virtual IP's route has moved and services run.

The user's visits tell of an outage as a user sees it, with the load balancer's health checks in it. This tells of the
clients alone: each App server creates a file on its mount, one after the other, and notes when it was done.
"""

from __future__ import annotations

from collections.abc import Sequence

from testbed.lab.host import LabHost

_ACT_SECONDS = 60.0
_UNIT = "lab-creates"
_NOTES = "/run/lab-creates"
_SCRIPT = "/run/lab-creates.sh"
# Bash alone: to start a program costs an emulated processor more than the creation. What is created anew each time has
# a name of its own; to empty a file that is there is no creation. And a directory of its own: each change that a client
# makes to a directory itself lets it trust what it remembers of the others' changes there.
_LOOP = f"""
directory=/usr/local/cybozu/mysql-5.0/files/created-$HOSTNAME
exec 5<> <(sleep infinity)
for ((number = 0; ; number++)); do
    read -r -t 0.5 -u 5
    if : >"$directory/$number"; then printf '%s\\n' "$EPOCHREALTIME" >>{_NOTES}; else mkdir -p "$directory"; fi
done
"""


class Creates:
    """The creations of some App servers."""

    def __init__(self, servers: Sequence[LabHost]) -> None:
        self._servers = servers

    def start(self) -> None:
        """From here on they create files. Raises HostError."""
        for server in self._servers:
            server.must(
                f"cat >{_SCRIPT} <<'SCRIPT'\n{_LOOP}SCRIPT\n"
                # The exports take no root for root, and what clients may write belongs to their web server.
                f"install -o www-data -m 0644 /dev/null {_NOTES} && "
                f"systemd-run --quiet --uid=www-data --unit={_UNIT} bash {_SCRIPT}",
                _ACT_SECONDS,
            )

    def stop(self) -> dict[str, list[float]]:
        """When each server had created one, in Unix seconds. Raises HostError."""
        return {
            server.name: [
                float(line) for line in server.must(f"systemctl stop {_UNIT}; cat {_NOTES}", _ACT_SECONDS).splitlines()
            ]
            for server in self._servers
        }


def first_create_seconds(created_at: dict[str, list[float]], served_at: float) -> float | None:
    """From when clients can be served until each of the servers had created a file; None when one of them did not."""
    firsts = [min((time for time in times if time > served_at), default=None) for times in created_at.values()]
    if not firsts or None in firsts:
        return None
    return max(first for first in firsts if first is not None) - served_at
