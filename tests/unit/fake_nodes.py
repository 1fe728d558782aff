"""Two nodes that answer Run Command: a stand-in for the SSM client, with a state that the verbs change."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from failover.node_script import DIGEST

_BLIND_REPLICATION = {"role": "Unknown", "connection": "Unknown", "disk": "Unknown", "syncPercent": None}
_BLIND = {"isMounted": None, "isWritable": None, "isServing": None}


@dataclass
class FakeNode:
    """A node as garoon-node.sh would report it."""

    name: str
    role: str = "Secondary"
    disk: str = "UpToDate"
    connection: str = "Connected"
    is_serving: bool = False
    epoch: int = 0
    is_silent: bool = False
    """Commands reach it and nothing comes back."""
    was_active: bool = False
    is_unreplicated: bool = False
    obeys: bool = True
    """Mutating verbs succeed; otherwise they fail."""
    sees_peer: bool = False
    """What `probe` says: the peer's database and NFS answer, and it answers on both paths."""
    is_blind: bool = False
    """Its looks at its replica fail: what goes by the role is not done."""
    seconds_ahead: float = 0.0
    """How far its clock is ahead of ours."""
    instance_id: str = ""
    """Whose the answers are; empty where the node does not know."""
    is_recovering: bool = False
    """Its database was begun and does not answer yet."""
    busy_for: int = 0
    """How many more orders find it at work on an earlier one."""
    heard: list[str] = field(default_factory=list)

    def _service_state(self) -> str:
        if self.is_serving:
            return "running"
        return "starting" if self.is_recovering else "stopped"

    def status(self) -> dict[str, Any]:
        is_primary = self.role == "Primary"
        return {
            "node": self.name,
            "instanceId": self.instance_id,
            "version": DIGEST,
            "epoch": self.epoch,
            "bootedAt": 1,
            "wasActive": is_primary or self.was_active,
            "isUnreplicated": self.is_unreplicated,
            "replication": {
                "role": self.role,
                "connection": self.connection,
                "disk": self.disk,
                "syncPercent": None,
                "protocol": "C",
            },
            "isMounted": is_primary,
            "isWritable": is_primary,
            "services": dict.fromkeys(("cyde_5_0", "cyss_cbgrn"), self._service_state()),
            "databaseAnswers": self.is_serving,
            "nfsAnswers": self.is_serving,
            "isExported": is_primary,
            "hasVirtualIp": is_primary,
            "isServing": self.is_serving,
            "agent": {"version": "1.300071.0b1", "isRunning": True, "hasOurPart": True},
        } | (_BLIND | {"replication": _BLIND_REPLICATION} if self.is_blind else {})

    def run(self, verb: str, epoch: int, accept_data_loss: bool) -> dict[str, Any]:
        self.heard.append(verb)
        result = {"verb": verb, "result": "done", "code": "done", "message": "done"}
        if verb == "probe":
            word = "answers" if self.sees_peer else "unreachable"
            paths = {"eth0": self.sees_peer, "eth1": self.sees_peer}
            probe = {"peer": "?", "database": word, "nfs": word, "paths": paths}
            return result | {"probe": probe}
        if verb != "status" and self.busy_for:
            self.busy_for -= 1
            return result | {"result": "refused", "code": "busy", "message": "Another command is at work on this node."}
        if verb != "status" and epoch < self.epoch:
            return result | {"result": "refused", "code": "stale_epoch", "message": f"epoch {epoch} has passed"}
        if verb != "status" and not self.obeys:
            return result | {"result": "failed", "code": "failed", "message": f"{verb} went wrong"}
        if self.is_blind and verb not in ("status", "promote"):
            return result | {"result": "failed", "code": "unknown", "message": "its look at its replica failed"}
        if verb == "promote" and self.disk != "UpToDate" and not accept_data_loss:
            return result | {"result": "refused", "code": "stale_replica", "message": f"its replica is {self.disk}"}
        self.epoch = max(self.epoch, epoch)
        match verb:
            case "promote":
                self.role = "Primary"
            case "demote":
                self.role, self.is_serving = "Secondary", False
            case "reconnect" if self.role != "Primary":
                return result | {"result": "refused", "code": "not_primary", "message": "it is no Primary"}
            case "rejoin":
                self.was_active = self.is_unreplicated = False
                self.connection = "SyncTarget" if self.disk != "UpToDate" else "Connected"
            case "start" | "restart" if self.is_recovering:
                message = f"cyde_5_0 is on its way on {self.name}: 84 s since its start, 12 MiB read."
                result |= {"result": "pending", "code": "recovering", "message": message}
            case "start" | "restart":
                self.is_serving = self.role == "Primary"
        return result | {"status": self.status()}


class FakeSsm:
    """The three calls of the SSM client that the controller makes."""

    def __init__(self, nodes: dict[str, FakeNode]) -> None:
        self.nodes = nodes
        self.sent: list[dict[str, Any]] = []
        self.cancelled: list[str] = []
        self.answers: dict[str, str] = {}
        self.now: Callable[[], float] = lambda: 0.0
        """Our clock."""
        self.garble: Callable[[str], str] = lambda output: output
        self.ends_as = "Success"
        """StatusDetails of a command."""

    def send_command(self, **command: Any) -> dict[str, Any]:
        [instance_id] = command["InstanceIds"]
        if instance_id not in self.nodes:
            raise ClientError({"Error": {"Code": "InvalidInstanceId", "Message": "not here"}}, "SendCommand")
        parameters = {name: value for name, [value] in command["Parameters"].items()}
        document = (command["DocumentName"], command["DocumentVersion"])
        self.sent.append(parameters | {"instance": instance_id, "document": document})
        command_id = str(len(self.sent))
        node = self.nodes[instance_id]
        if not node.is_silent:
            verb, its_now = parameters["Verb"], self.now() + node.seconds_ahead
            if verb in ("status", "probe") or 0 < int(parameters["ExpiresAt"]) - its_now <= 120:
                answer = node.run(verb, int(parameters["Epoch"]), parameters["AcceptDataLoss"] == "true")
            else:
                answer = {"verb": verb, "result": "refused", "code": "expired", "message": "not now", "clock": its_now}
            self.answers[command_id] = self.garble(json.dumps(answer))
        return {"Command": {"CommandId": command_id}}

    def get_command_invocation(self, CommandId: str, InstanceId: str) -> dict[str, Any]:  # noqa: N803
        if CommandId not in self.answers:
            return {"Status": "InProgress", "StatusDetails": "InProgress"}
        return {
            "Status": "Success" if self.ends_as == "Success" else "Failed",
            "StatusDetails": self.ends_as,
            "ResponseCode": 0,
            "StandardOutputContent": self.answers[CommandId] + "\n",
            "StandardErrorContent": "",
        }

    def cancel_command(self, CommandId: str, InstanceIds: list[str]) -> None:  # noqa: N803
        self.cancelled.append(CommandId)
