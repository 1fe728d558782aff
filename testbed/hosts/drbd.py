"""DRBD on a simulated host: `drbdadm`, `drbdsetup` and /proc/drbd over the mirrors of its volumes, one resource of all.

DRBD 8.4 has a role for each volume: its `drbdadm primary` goes from volume to volume and stops at the first that fails
(drbd-utils 9.34, call_cmd in user/v84/drbdadm_main.c). The connection is the resource's: what ends it for one volume,
such as a split, ends it for all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from testbed.hosts.answer import Answer
from testbed.hosts.layout import HostFiles, HostSettings
from testbed.hosts.mirror import LINKED, UNCONFIGURED, UNPLUGGED, Mirror, MirrorError, View

MAJOR = 147
VERSION_9 = "version: 9.2.18 (api:2/proto:118-124)\nTransports (api:21): tcp (9.2.18)\n"
_VERSION = "version: 8.4.11-1 (api:1/proto:86-101)\n"


class Drbd:
    """`is_open` says whether the device of a volume, by its number, is in use."""

    def __init__(self, files: HostFiles, settings: HostSettings, is_open: Callable[[int], bool]) -> None:
        self._files = files
        self._name = settings.name
        self._is_open = is_open
        self.mirrors = [Mirror(files.world, number) for number in range(len(settings.mount_points))]
        self.commands = {"drbdadm": self.adm, "drbdsetup": self.setup}

    def is_primary(self, number: int) -> bool:
        return self.mirrors[number].view(self._name).role == "primary"

    def proc_files(self) -> dict[str, str]:
        """/proc/drbd, after what is the connection's own has come to all volumes. DRBD 9 has only its version there."""
        self._share_connection()
        views = [mirror.view(self._name) for mirror in self.mirrors]
        is_drbd_9 = "drbdsetup" in self._files.faults().hanging_commands
        return {"proc/drbd": VERSION_9 if is_drbd_9 else format_proc_drbd(views)}

    def device(self, number: int) -> tuple[str, str]:
        """Of a volume: its name, and its number as the kernel has it."""
        return f"/dev/drbd{number}", f"{MAJOR}:{number}"

    def adm(self, arguments: Sequence[str]) -> Answer:
        """`drbdadm VERB [OPTIONS] garoon[/NUMBER]`."""
        verb, *rest = arguments
        options = {argument for argument in rest if argument.startswith("-")}
        if not self._is_resource_known():
            return Answer(1, "", "'garoon' not defined in your config (for this host).\n")
        numbers = range(len(self.mirrors))
        for argument in rest:
            if argument.startswith("garoon/"):
                numbers = range(int(argument[7:]), int(argument[7:]) + 1)
        if verb in ("up", "adjust", "connect"):
            self._apply_protocol()
        if verb == "status":
            return Answer(0, format_status(self.mirrors[0].view(self._name)))
        for number in numbers:
            try:
                if not self._obey(verb, options, number):
                    return Answer(1, "", f"drbdadm: unknown command '{verb}'\n")
            except MirrorError as refusal:
                return Answer(refusal.code, "", f"{refusal}\n")
        return Answer()

    def setup(self, arguments: Sequence[str]) -> Answer:
        """`drbdsetup status`."""
        if list(arguments[:1]) != ["status"]:
            return Answer(1, "", "drbdsetup: only status is simulated\n")
        return Answer(0, format_status(self.mirrors[0].view(self._name)))

    def _obey(self, verb: str, options: set[str], number: int) -> bool:
        """The verb for one volume. False if there is no such verb. Raises MirrorError."""
        mirror, name = self.mirrors[number], self._name
        if verb in ("down", "secondary") and self._is_open(number):
            raise MirrorError(11, f"{number}: State change failed: (-12) Device is held open by someone")
        if verb == "primary" and self._files.faults().does_promote_fail(number):
            raise MirrorError(17, f"{number}: State change failed: (-7) State change was refused")
        match verb:
            case "net-options":
                # DRBD 8.4's drbdadm passes on what it is told, and nothing of the file.
                for protocol in (option[-1] for option in options if option.startswith("--protocol=")):
                    mirror.set_protocol(name, protocol)
            case "up" | "adjust":
                mirror.configure(name)
            case "new-resource":
                pass
            case "new-minor":
                mirror.create_minor(name)
            case "attach":
                mirror.attach(name)
            case "down":
                mirror.unconfigure(name)
            case "primary":
                mirror.promote(name, is_forced="--force" in options)
            case "secondary":
                mirror.demote(name)
            case "outdate":
                mirror.outdate(name)
            case "connect":
                mirror.connect(name, does_discard="--discard-my-data" in options)
            case "disconnect":
                mirror.disconnect(name)
            case _:
                return False
        return True

    def _share_connection(self) -> None:
        views = [mirror.view(self._name) for mirror in self.mirrors]
        if any(view.link == "apart" for view in views):
            for mirror, view in zip(self.mirrors, views, strict=True):
                if view.link not in (UNPLUGGED, UNCONFIGURED, "apart"):
                    mirror.disconnect(self._name)

    def _apply_protocol(self) -> None:
        resource = self._files.root / "etc/drbd.d/garoon.res"
        if resource.exists() and (found := re.search(r"\bprotocol\s+([ABC]);", resource.read_text())):
            for mirror in self.mirrors:
                mirror.set_protocol(self._name, found[1])

    def _is_resource_known(self) -> bool:
        # A section with a floating address is this host's while the host has the address and its link is up.
        resource = self._files.root / "etc/drbd.d/garoon.res"
        is_by_address = resource.exists() and "floating" in resource.read_text()
        return not (is_by_address and self._files.faults().is_nic_down("eth1"))


_ROLES = {"primary": "Primary", "secondary": "Secondary", "unknown": "Unknown"}
_LINKS = {"connected": "Connected", "waiting": "WFConnection", "apart": "StandAlone"}
_DISKS = {"current": "UpToDate", "unknown": "DUnknown"}
"""DRBD's words for those of the mirror."""


def _in_words_of_drbd(view: View) -> tuple[str, str, str]:
    """Connection, roles and disks, as DRBD 8.4 says them."""
    is_resyncing = view.link == "resyncing"
    sync = "SyncSource" if view.is_sync_source else "SyncTarget"
    disks = (_DISKS.get(data, "Inconsistent" if is_resyncing else "Outdated") for data in (view.data, view.peer_data))
    roles = f"{_ROLES[view.role]}/{_ROLES[view.peer_role]}"
    return (sync if is_resyncing else _LINKS[view.link]), roles, "/".join(disks)


def format_proc_drbd(views: Sequence[View]) -> str:
    """/proc/drbd of DRBD 8.4 (user's guide, "Status information in /proc/drbd"), of the volumes in their order."""
    return _VERSION + "".join(_format_volume(number, view) for number, view in enumerate(views))


def _format_volume(number: int, view: View) -> str:
    if view.link == UNPLUGGED:
        return ""
    if view.link == UNCONFIGURED:
        return f" {number}: cs:Unconfigured\n"
    connection, roles, disks = _in_words_of_drbd(view)
    text = (
        f" {number}: cs:{connection} ro:{roles} ds:{disks} {view.protocol or ' '} r-----\n"
        "    ns:0 nr:0 dw:0 dr:0 al:8 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0\n"
    )
    if view.sync_percent is not None:
        bar = "=" * int(view.sync_percent / 5) + ">" + "." * (19 - int(view.sync_percent / 5))
        text += (
            f"\t[{bar}] sync'ed:{view.sync_percent:5.1f}% (1024/8192)K\n\tfinish: 0:00:01 speed: 1,024 (1,024) K/sec\n"
        )
    return text


def format_status(view: View) -> str:
    """`drbdadm status` (DRBD user's guide, "Status information via drbdadm")."""
    if view.link in (UNPLUGGED, UNCONFIGURED):
        return ""
    connection, roles, disks = _in_words_of_drbd(view)
    (role, peer_role), (disk, peer_disk) = roles.split("/"), disks.split("/")
    text = f"garoon role:{role}\n  disk:{disk}\n"
    if view.link in LINKED:
        replication = "Established" if connection == "Connected" else connection
        done = "" if view.sync_percent is None else f" done:{view.sync_percent:.2f}"
        return text + f"  peer role:{peer_role}\n    replication:{replication} peer-disk:{peer_disk}{done}\n"
    return text + f"  peer connection:{'Connecting' if connection == 'WFConnection' else connection}\n"
