"""What a node says: the one JSON object that each verb of garoon-node.sh prints, built and parsed for all who stand in.

The script prints it (`finish`, `format_status` and `format_probe` in node/src), the controller reads it (VerbResult in
the models). tests/contract holds the script and every stand-in to the names and the exit codes here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DATABASE_SERVICE, SCHEDULER_SERVICE = "cyde_5_0", "cyss_cbgrn"

RESULTS: Mapping[str, tuple[str, int]] = {
    "done": ("done", 0),
    "failed": ("failed", 1),
    "bad_arguments": ("refused", 2),
    "stale_replica": ("refused", 10),
    "peer_primary": ("refused", 11),
    "stale_epoch": ("refused", 12),
    "expired": ("refused", 13),
    "busy": ("refused", 14),
    "not_installed": ("refused", 15),
    "not_primary": ("refused", 16),
    "not_demoted": ("refused", 17),
    "unknown": ("failed", 18),
    "recovering": ("pending", 19),
    "peer_not_proven": ("refused", 20),
}
"""By code: the result's word, and the script's exit code."""

CONFIGURED = {
    "Services": f"{DATABASE_SERVICE},{SCHEDULER_SERVICE}",
    "Exports": "www/cgi-bin/cbgrn/sessiondata:3771,cybozu/mysql-5.0/files:3772",
    "DatabasePort": "3770",
}
"""What a node goes by that was told nothing else."""
SURVEY: Mapping[str, Any] = {
    "services": [DATABASE_SERVICE, SCHEDULER_SERVICE],
    "missing": [],
    "identifiers": ["cbgrn"],
    "databasePorts": [],
    "exports": [],
}
"""Of a standby with what CONFIGURED names."""
_FIELDS = ["verb", "result", "code", "message", "clock", "status", "probe", "survey"]
_AGENT = {"version": "1.300071.0b1", "isRunning": True, "hasOurPart": True}


class ReportError(ValueError):
    """What was printed is no report of a node."""


def make_report(
    verb: str,
    code: str,
    message: str,
    *,
    clock: int = 0,
    status: NodeState | None = None,
    sight: Sight | None = None,
    survey: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The object that a verb prints. `clock` is the node's, in Unix seconds."""
    return {
        "verb": verb,
        "result": RESULTS[code][0],
        "code": code,
        "message": message,
        "clock": clock,
        "status": status and status.to_json(),
        "probe": sight and sight.to_json(),
        "survey": survey,
    }


def parse_report(text: str) -> dict[str, Any]:
    """The object. Raises ReportError unless the text is exactly one line with the promised fields, in their order."""
    if not text.endswith("\n") or text.count("\n") != 1:
        raise ReportError(f"This is not one line: {text!r}")
    fields: dict[str, Any] = json.loads(text)
    if list(fields) != _FIELDS:
        raise ReportError(f"The fields are {list(fields)}, not {_FIELDS}.")
    if not fields["message"].strip() or RESULTS.get(fields["code"], ("", 0))[0] != fields["result"]:
        raise ReportError(f"A report says what happened, with a code of that result: {text}")
    return fields


@dataclass(frozen=True, kw_only=True)
class NodeState:
    """A node's `status`; as it begins here, that of an up-to-date standby. None is a look that failed."""

    node: str
    instance_id: str = ""
    version: str = "0123456789ab"
    epoch: int = 0
    booted_at: int = 1
    clock: int = 0
    word: str = ""
    """What it knows of its role: active; unreplicated, demoted while its peer was out of touch; empty for a standby."""
    role: str = "secondary"
    link: str = "connected"
    data: str = "current"
    sync_percent: float | None = None
    protocol: str | None = "C"
    is_mounted: bool | None = False
    is_writable: bool | None = False
    database: str = "stopped"
    scheduler: str = "stopped"
    only_warning: tuple[str, ...] = ()
    configured: Mapping[str, str] = field(default_factory=lambda: CONFIGURED)
    does_database_answer: bool | None = False
    does_nfs_answer: bool | None = True
    is_exported: bool | None = False
    has_virtual_ip: bool | None = False
    is_serving: bool | None = False
    answering_version: str = "0123456789ab"
    are_services_enabled_at_boot: bool = False
    is_mounted_by_fstab: bool = False
    missing_hosts: tuple[str, ...] = ()
    unwritable: tuple[str, ...] | None = ()
    agent: Mapping[str, Any] = field(default_factory=lambda: _AGENT)

    def to_json(self) -> dict[str, Any]:
        """As format_status prints it."""
        return {
            "node": self.node,
            "instanceId": self.instance_id,
            "version": self.version,
            "epoch": self.epoch,
            "bootedAt": self.booted_at,
            "clock": self.clock,
            "wasActive": self.word == "active",
            "isUnreplicated": self.word == "unreplicated",
            "replication": {
                "role": self.role,
                "link": self.link,
                "data": self.data,
                "syncPercent": self.sync_percent,
                "protocol": self.protocol,
            },
            "isMounted": self.is_mounted,
            "isWritable": self.is_writable,
            "services": {DATABASE_SERVICE: self.database, SCHEDULER_SERVICE: self.scheduler},
            "onlyWarning": list(self.only_warning),
            "configured": dict(self.configured),
            "databaseAnswers": self.does_database_answer,
            "nfsAnswers": self.does_nfs_answer,
            "isExported": self.is_exported,
            "hasVirtualIp": self.has_virtual_ip,
            "isServing": self.is_serving,
            "answeringVersion": self.answering_version,
            "areServicesEnabledAtBoot": self.are_services_enabled_at_boot,
            "isMountedByFstab": self.is_mounted_by_fstab,
            "missingHosts": list(self.missing_hosts),
            "unwritable": None if self.unwritable is None else list(self.unwritable),
            "agent": dict(self.agent),
        }

    @classmethod
    def from_json(cls, status: Mapping[str, Any] | None) -> NodeState:
        """Raises ReportError if it or a field is missing, or there is a field that only this node knows."""
        if status is None:
            raise ReportError("The report has no status.")
        words = {
            (True, False): "active",
            (False, True): "unreplicated",
            (False, False): "",
            (True, True): "active and unreplicated",
        }
        try:
            replication = status["replication"]
            unwritable = status["unwritable"]
            state = cls(
                node=status["node"],
                instance_id=status["instanceId"],
                version=status["version"],
                epoch=status["epoch"],
                booted_at=status["bootedAt"],
                clock=status["clock"],
                word=words[status["wasActive"], status["isUnreplicated"]],
                role=replication["role"],
                link=replication["link"],
                data=replication["data"],
                sync_percent=replication["syncPercent"],
                protocol=replication["protocol"],
                is_mounted=status["isMounted"],
                is_writable=status["isWritable"],
                database=status["services"][DATABASE_SERVICE],
                scheduler=status["services"][SCHEDULER_SERVICE],
                only_warning=tuple(status["onlyWarning"]),
                configured=status["configured"],
                does_database_answer=status["databaseAnswers"],
                does_nfs_answer=status["nfsAnswers"],
                is_exported=status["isExported"],
                has_virtual_ip=status["hasVirtualIp"],
                is_serving=status["isServing"],
                answering_version=status["answeringVersion"],
                are_services_enabled_at_boot=status["areServicesEnabledAtBoot"],
                is_mounted_by_fstab=status["isMountedByFstab"],
                missing_hosts=tuple(status["missingHosts"]),
                unwritable=None if unwritable is None else tuple(unwritable),
                agent=status["agent"],
            )
        except KeyError as error:
            raise ReportError(f"The status lacks the field {error}.") from error
        if state.to_json() != status:
            raise ReportError(f"The status says more, or in other words, than {state.to_json()}: {status}")
        return state


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A node's `probe`: what it sees of its peer."""

    peer: str
    database: str
    nfs: str
    eth0: bool | None
    eth1: bool | None

    def to_json(self) -> dict[str, Any]:
        """As format_probe prints it."""
        paths = {"eth0": self.eth0, "eth1": self.eth1}
        return {"peer": self.peer, "database": self.database, "nfs": self.nfs, "paths": paths}

    @classmethod
    def from_json(cls, probe: Mapping[str, Any]) -> Sight:
        """Raises ReportError if a field is missing, or there is one that only this node knows."""
        try:
            sight = cls(peer=probe["peer"], database=probe["database"], nfs=probe["nfs"], **probe["paths"])
        except (KeyError, TypeError) as error:
            raise ReportError(f"The probe has not the fields of one: {probe}") from error
        if sight.to_json() != probe:
            raise ReportError(f"The probe says more, or in other words, than {sight.to_json()}: {probe}")
        return sight
