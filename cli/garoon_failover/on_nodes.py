"""`preflight --on-nodes`: what only the nodes can say. One command of Run Command asks both; it changes nothing."""

from __future__ import annotations

import base64
import gzip
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from itertools import zip_longest
from typing import assert_never

from failover.adapters import nodes
from failover.errors import FailoverError
from failover.models import Unknown, Value, may_agent_stall
from failover.node_answers import BlockDevice, NodeHost, NodeSurvey, ReplicaRoom
from failover.readiness import CLOCK_TOLERANCE_SECONDS
from failover.settings import Node, service_name

from garoon_failover import account as reader
from garoon_failover.account import DeployedStack
from garoon_failover.preconditions import Check, fine, stop, unknown, version_of, warn

RUN_SHELL = "AWS-RunShellScript"
"""Before the stack is there, which brings a document of its own."""
PARTS = ("core", "resources", "replication_drbd", "room_drbd", "survey", "main")
"""Of the nodes' script: those that the survey uses."""
ANSWER_SECONDS = 60
OLDEST_BASH = (4, 2)
LEAST_MIB = 100
DATA_DEVICE, MOUNT_POINT, SERVICES = "/dev/xvdb1", "/mnt/DIR1", "cyde_5_0,cyss_cbgrn"
"""As the template has them by default."""


class Seen(Value):
    survey: NodeSurvey
    seconds_ahead: float
    """Of our clock; negative: behind it."""


Surveys = Mapping[str, Seen | Unknown]
"""By the letters of the nodes."""


def survey(asked: Mapping[str, Node], stack: DeployedStack | None, given: Mapping[str, str] | None = None) -> Surveys:
    """Asks both nodes at once, each by the stack's document, or before there is one by AWS's for shell scripts.

    `given` are parameters, of which DataDevice and FurtherVolumes are told; the stack's nodes know theirs.
    """
    if stack is None:
        written = commands(given or {})
        document, parameters = RUN_SHELL, {"commands": written, "executionTimeout": [str(ANSWER_SECONDS)]}
    else:
        environment = reader.read_environment(stack.outputs["CheckReadinessFunctionName"])
        document, parameters = environment["NODE_DOCUMENT"], {"Verb": ["survey"]}

    def ask(node: Node) -> Seen | Unknown:
        began_at = time.time()
        try:
            result = nodes.send(node, "survey", document, parameters, time.monotonic() + ANSWER_SECONDS)
        except FailoverError as error:
            return Unknown(why=str(error))
        if result is None:
            return Unknown(why=f"{node.name} did not answer within {ANSWER_SECONDS} s.")
        if result.survey is None or result.clock is None:
            return Unknown(why=result.message)
        # It looked at its clock some time between the question and the answer.
        ahead, behind = result.clock - time.time(), began_at - result.clock
        return Seen(survey=result.survey, seconds_ahead=ahead if ahead > 0 else -max(behind, 0))

    with ThreadPoolExecutor(max_workers=len(asked)) as pool:
        return dict(zip(asked, pool.map(ask, asked.values()), strict=True))


def commands(parameters: Mapping[str, str]) -> list[str]:
    """The survey alone, compressed: it needs no file on the node."""
    folder = resources.files("garoon_failover") / "node_parts"
    script = "\n".join((folder / f"{part}.sh").read_text() for part in PARTS)
    return [
        "#!/bin/bash",
        f"export SSM_Verb=survey SSM_DataDevice={shlex.quote(parameters.get('DataDevice') or DATA_DEVICE)}",
        f"export SSM_FurtherVolumes={shlex.quote(parameters.get('FurtherVolumes', ''))}",
        f"PACKED={base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode()}",
        'SCRIPT=$(printf %s "$PACKED" | base64 -d | gzip -d) || exit 1',
        'eval "$SCRIPT"',
    ]


def judge(parameters: Mapping[str, str], surveys: Surveys) -> list[Check]:
    """Every check of both nodes, and of one against the other."""
    checks: list[Check] = []
    hosts: dict[str, NodeHost] = {}
    for letter, found in surveys.items():
        name = parameters.get(f"Node{letter}Name") or f"node {letter}"
        if isinstance(found, Unknown):
            checks.append(unknown("on-node", name, found))
        elif found.survey.host is None:
            checks.append(unknown("on-node", name, Unknown(why="The stack's script is of before it could tell.")))
        else:
            hosts[letter] = host = found.survey.host
            volume = parameters.get(f"Node{letter}DataVolumeId", "")
            checks += [check for look in _CHECKS for check in look(name, host, parameters, volume)]
            checks += [*_services(name, found.survey, parameters), *_clock(name, found.seconds_ahead)]
    return [*checks, *_pair(hosts, parameters)]


def _tools(name: str, host: NodeHost, _parameters: Mapping[str, str], _volume: str) -> Iterator[Check]:
    oldest = ".".join(map(str, OLDEST_BASH))
    is_old = version_of(host.bash) < OLDEST_BASH
    if is_old:
        yield stop("tools", name, f"Its bash is {host.bash}, older than {oldest}.", "Bring the system up to date.")
    if host.missing_commands:
        yield stop("tools", name, f"It has no {', '.join(host.missing_commands)}.",
                   "Install coreutils, util-linux, iproute2, nfs-utils, Python 3, replication's tools.")  # fmt: skip
    if not is_old and not host.missing_commands:
        yield fine("tools", name, f"It has bash {host.bash} and every command that is needed.")


def _engine(name: str, host: NodeHost, _parameters: Mapping[str, str], _volume: str) -> Iterator[Check]:
    if host.engine is None:
        why = "the script on it does not say what replicates: deploy this version first."
        yield unknown("replication", name, Unknown(why=why))
    elif not host.engine:
        yield stop("replication", name, "Its kernel has no replication engine.",
                   "Install one for the kernel that runs (docs/replication.md).")  # fmt: skip
    else:
        yield fine("replication", name, f"Its kernel has {host.engine}.")


def _further(parameters: Mapping[str, str]) -> list[list[str]]:
    """Of each further volume its data device, its replicated device and its mount point."""
    return [entry.split(":") for entry in parameters.get("FurtherVolumes", "").split(",") if entry]


def _data_devices(parameters: Mapping[str, str]) -> list[str]:
    return [parameters.get("DataDevice") or DATA_DEVICE, *(entry[0] for entry in _further(parameters))]


def _devices(name: str, host: NodeHost, parameters: Mapping[str, str], volume: str) -> Iterator[Check]:
    if host.devices is None:
        yield unknown("device", name, Unknown(why="its block devices could not be listed."))
        return
    for device, own in zip_longest(_data_devices(parameters), volume.split(","), fillvalue=""):
        if device:
            yield _device(name, host.devices, device, own)


def _device(name: str, devices: Sequence[BlockDevice], device: str, volume: str) -> Check:
    named = next((one for one in devices if f"/dev/{one.name}" == device), None)
    others = [f"/dev/{one.name}" for one in devices if volume and one.volume == volume]
    hint = f" On {volume} are {', '.join(others)}." if others else f" It has {', '.join(one.name for one in devices)}."
    if named is None:
        return stop("device", name, f"It has no {device}, which DataDevice names.{hint}",
                    "Set DataDevice, or let udev give the device that name on both nodes.")  # fmt: skip
    if named.volume and volume and named.volume != volume:
        return stop("device", name, f"{device} is of {named.volume}, and Node*DataVolumeId is {volume}.{hint}",
                    "Correct one of the two parameters.")  # fmt: skip
    return fine("device", name, f"{device} is there" + (f", of {volume}." if named.volume else "."))


def _rooms(name: str, host: NodeHost, _parameters: Mapping[str, str], _volume: str) -> Iterator[Check]:
    for room in (host.room, *host.further_room):
        yield from _room(name, room)


def _room(name: str, room: ReplicaRoom | None) -> Iterator[Check]:
    if room is None:
        yield unknown("room", name, Unknown(why="room for the replication's own data could not be looked for."))
        return
    needs = f"The replication's own data takes {room.needed_bytes:,} bytes of {room.device}"
    run = f"Before replication is begun there, run: {'; '.join(room.commands)} (docs/migration.md)."
    match room.fits:
        case "there":
            yield fine("room", name, f"The replication's own data is on {room.device}.")
        case "internal":
            yield fine("room", name, f"{needs}, behind what is there.")
        case "enlargedPartition":
            yield warn(
                "room", name, f"{needs}, whose file system fills it; the disk is larger than the partition.", run
            )
        case "enlargedVolume":
            yield warn("room", name, f"{needs}, whose file system fills it, as it fills its disk.", run)
        case "external":
            yield warn("room", name, f"{needs}, which is filled, and another partition lies behind it.",
                       "Give it a small device for that (docs/migration.md, External metadata).")  # fmt: skip
        case "unknown":
            yield warn("room", name, f"{needs}, which begins with something that is no XFS.",
                       "Find out what that is before anything is written there.")  # fmt: skip
        case never:
            assert_never(never)


def _fstab(name: str, host: NodeHost, parameters: Mapping[str, str], _volume: str) -> Iterator[Check]:
    for mount_point in (parameters.get("MountPoint") or MOUNT_POINT, *(entry[2] for entry in _further(parameters))):
        if mount_point in host.mounted_at_boot:
            yield warn("fstab", name, f"/etc/fstab mounts {mount_point} at boot, which only the active node may do.",
                       "Remove the line, or give it the option noauto, before the controller takes over.")  # fmt: skip
        else:
            yield fine("fstab", name, f"/etc/fstab does not mount {mount_point} at boot.")


def _boot(name: str, host: NodeHost, _parameters: Mapping[str, str], _volume: str) -> Iterator[Check]:
    if host.enabled_at_boot:
        yield warn("boot", name, f"The system starts {', '.join(host.enabled_at_boot)} at boot, on a standby as well.",
                   "Disable them (chkconfig NAME off, systemctl disable NAME) before the deployment.")  # fmt: skip
    else:
        yield fine("boot", name, "The system starts no service of Garoon's by itself.")


def _cloudwatch(name: str, host: NodeHost, _parameters: Mapping[str, str], _volume: str) -> Iterator[Check]:
    if not host.agent:
        yield stop("cloudwatch-agent", name, "It has no CloudWatch agent: nobody would hear its heartbeat.",
                   "Install it (docs/operations.md, The CloudWatch agent).")  # fmt: skip
    elif may_agent_stall(host.agent):
        yield warn("cloudwatch-agent", name, f"Its CloudWatch agent {host.agent} can stop sending a quiet log.",
                   "Update it (docs/operations.md, The CloudWatch agent).")  # fmt: skip
    else:
        yield fine("cloudwatch-agent", name, f"It has the CloudWatch agent {host.agent}.")


def _space(name: str, host: NodeHost, _parameters: Mapping[str, str], _volume: str) -> Iterator[Check]:
    if host.free_mib is None:
        yield unknown("space", name, Unknown(why="its free space could not be read."))
        return
    full = {directory: free for directory, free in host.free_mib.items() if free < LEAST_MIB}
    for directory, free in full.items():
        yield warn("space", name, f"{directory} has {free} MiB left.", f"Make room: {LEAST_MIB} MiB at least.")
    if not full:
        yield fine("space", name, f"At least {LEAST_MIB} MiB are free where the controller's part writes.")


_CHECKS: tuple[Callable[[str, NodeHost, Mapping[str, str], str], Iterator[Check]], ...] = (
    _tools, _engine, _devices, _rooms, _fstab, _boot, _cloudwatch, _space,
)  # fmt: skip


def _services(name: str, found: NodeSurvey, parameters: Mapping[str, str]) -> Iterator[Check]:
    entries = (parameters.get("Services") or SERVICES).split(",")
    configured = [service_name(entry).removesuffix(".service") for entry in entries]
    there = [one.removesuffix(".service") for one in found.services]
    others = [one.removesuffix(".service") for one in found.services_beside(configured)]
    # What else Services names may be a folder or a unit of another name, for which nobody looks.
    missing = [one for one in configured if one.startswith(("cyde", "cyss")) and one not in there]
    if missing:
        yield stop("services", name, f"Services names {', '.join(missing)}; it has {', '.join(there) or 'none'}.",
                   "Correct Services, or install Garoon on both nodes.")  # fmt: skip
    elif others:
        yield warn("services", name, f"It has {', '.join(others)}, which Services does not name.",
                   "Add it to Services, or nobody starts it; or remove it if it is of no use.")  # fmt: skip
    else:
        yield fine("services", name, f"It has {', '.join(there)}.")


def _clock(name: str, seconds_ahead: float) -> Iterator[Check]:
    if abs(seconds_ahead) > CLOCK_TOLERANCE_SECONDS:
        way = "ahead" if seconds_ahead > 0 else "behind"
        yield warn("clock", name, f"Its clock is {abs(seconds_ahead):.0f} s {way} of yours.",
                   "Synchronise it (chrony with 169.254.169.123), or see whether yours is right.")  # fmt: skip
    else:
        yield fine("clock", name, "Its clock agrees with yours.")


def _pair(hosts: Mapping[str, NodeHost], parameters: Mapping[str, str]) -> Iterator[Check]:
    if len(hosts) < 2:
        return
    a, b = hosts["A"], hosts["B"]
    if a.engine and b.engine and a.engine.split(".")[0] != b.engine.split(".")[0]:
        yield warn("replication", "nodes", f"One has {a.engine}, the other {b.engine}.", "Bring both to one version.")
    for device in _data_devices(parameters):
        sizes = {one.bytes for host in (a, b) for one in host.devices or () if f"/dev/{one.name}" == device}
        if len(sizes) > 1:
            yield stop("device", "nodes", f"{device} has {' and '.join(f'{size:,}' for size in sorted(sizes))} bytes.",
                       "Make both the same size: replication goes block by block.")  # fmt: skip
