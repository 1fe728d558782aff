"""Another replication engine on a simulated host, which is no real one: `mirrorctl` over the mirrors of its volumes.

It is there so that tests can run the node script with an engine that is not DRBD (tests/node/engine_mirrorctl.sh). It
has words of its own, and a connection for each volume.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from testbed.hosts.answer import Answer
from testbed.hosts.layout import HostFiles, HostSettings
from testbed.hosts.mirror import UNCONFIGURED, UNPLUGGED, Mirror, MirrorError, View

MAJOR = 240  # local and experimental use (Linux, admin-guide/devices.txt)
_ROLES = {"primary": "writer", "secondary": "reader", "unknown": "hidden"}
_LINKS = {"connected": "joined", "resyncing": "copying", "waiting": "calling", "apart": "alone"}
_DATA = {"current": "fresh", "stale": "old", "unknown": "hidden"}


class Mirrorctl:
    """`is_open` says whether the device of a volume, by its number, is in use."""

    def __init__(self, files: HostFiles, settings: HostSettings, is_open: Callable[[int], bool]) -> None:
        self._files = files
        self._name = settings.name
        self._is_open = is_open
        self.mirrors = [Mirror(files.world, number) for number in range(len(settings.mount_points))]
        self.commands = {"mirrorctl": self.run}

    def is_primary(self, number: int) -> bool:
        return self.mirrors[number].view(self._name).role == "primary"

    def proc_files(self) -> dict[str, str]:
        """None: the engine is asked."""
        return {}

    def device(self, number: int) -> tuple[str, str]:
        """Of a volume: its name, and its number as the kernel has it."""
        return f"/dev/mirror{number}", f"{MAJOR}:{number}"

    def run(self, arguments: Sequence[str]) -> Answer:
        """`mirrorctl VERB [OPTION]`, of all volumes. What fails for one is not tried for those behind it."""
        verb, *options = arguments
        if verb == "status":
            views = [mirror.view(self._name) for mirror in self.mirrors]
            return Answer(0, "".join(f"{number} {_format(view)}\n" for number, view in enumerate(views)))
        for number in range(len(self.mirrors)):
            try:
                if not self._obey(verb, options, number):
                    return Answer(2, "", f"mirrorctl: there is no {verb}\n")
            except MirrorError as refusal:
                return Answer(1, "", f"{refusal}\n")
        return Answer()

    def _obey(self, verb: str, options: Sequence[str], number: int) -> bool:
        """The verb for one volume. False if there is no such verb. Raises MirrorError."""
        mirror, name = self.mirrors[number], self._name
        if verb in ("down", "read") and self._is_open(number):
            raise MirrorError(1, f"mirror {number} is in use")
        if verb == "write" and self._files.faults().does_promote_fail(number):
            raise MirrorError(1, f"mirror {number} does not become writable")
        match verb:
            case "up":
                mirror.configure(name)
            case "attach":
                mirror.create_minor(name)
                mirror.attach(name)
            case "down":
                mirror.unconfigure(name)
            case "write":
                mirror.promote(name, is_forced="force" in options)
            case "read":
                mirror.demote(name)
            case "age":
                mirror.outdate(name)
            case "call":
                mirror.connect(name)
            case "follow":
                mirror.disconnect(name)
                mirror.connect(name, does_discard=True)
            case "acknowledge":
                mirror.set_protocol(name, "C" if options[0] == "both" else "A")
            case _:
                return False
        return True


def _format(view: View) -> str:
    """E.g. `reader/writer joined fresh/fresh - both`."""
    if view.link in (UNPLUGGED, UNCONFIGURED):
        return "down"
    roles = f"{_ROLES[view.role]}/{_ROLES[view.peer_role]}"
    data = f"{_DATA[view.data]}/{_DATA[view.peer_data]}"
    percent = "-" if view.sync_percent is None else f"{view.sync_percent:.1f}"
    protocol = {"C": "both", "A": "one", None: "-"}[view.protocol]
    return f"{roles} {_LINKS[view.link]} {data} {percent} {protocol}"
