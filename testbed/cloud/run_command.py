"""Run Command against the world's hosts.

Follows, in the Systems Manager API Reference: SendCommand (TimeoutSeconds: "If this time is reached and the command
hasn't already started running, it won't run"; errors), GetCommandInvocation (InvocationDoesNotExist; the first 24,000
characters of stdout and 8,000 of stderr), ListCommandInvocations, CancelCommand, DescribeInstanceInformation
(PingStatus); in the Systems Manager User Guide: "Understanding command statuses" and "Data elements and parameters"
(interpolationType ENV_VAR: the agent sets SSM_<parameter>). The emulator runs commands in containers only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import (
    AccountRegionScopedDict,
    error_response_json,
    get_account_id,
    json_response,
    new_uuid,
)
from ministack.services import ec2, ssm

from testbed.cloud import documents
from testbed.cloud.documents import DocumentError
from testbed.cloud.emulator import Cloud
from testbed.cloud.machines import Machine, UnreachableError
from testbed.world.profiles import draw

Response = tuple[int, dict[str, str], bytes]

_STDOUT_CHARACTERS = 24_000
_STDERR_CHARACTERS = 8_000
_DEFAULT_DELIVERY_TIMEOUT_SECONDS = 3600
_SHORTEST_DELIVERY_TIMEOUT_SECONDS = 30
_DEFAULT_EXECUTION_TIMEOUT_SECONDS = 3600
_REDELIVERY_SECONDS = 0.25
_SHELL_ACTION = "aws:runShellScript"
_EXECUTION_TIMED_OUT_CODE = 137


@dataclass
class Invocation:
    """A command on one instance."""

    command_id: str
    instance_id: str
    document_name: str
    comment: str
    plugin_name: str
    visible_from: float
    status: str = "Pending"
    status_details: str = "Pending"
    response_code: int = -1
    stdout: str = ""
    stderr: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    requested_at: float = field(default_factory=time.time)

    @property
    def is_over(self) -> bool:
        return self.status in ("Success", "Failed", "TimedOut", "Cancelled")

    def finish(self, status: str, details: str, code: int = -1) -> None:
        self.ended_at = datetime.now(UTC)
        self.response_code = code
        self.status_details = details
        self.status = status  # last: a reader who sees the end sees all of it


@dataclass(frozen=True)
class Order:
    """What to run: a shell document with its parameters filled in."""

    document_name: str
    plugin_name: str
    script: str
    environment: dict[str, str]
    delivery_timeout_seconds: float
    execution_timeout_seconds: float
    comment: str = ""


class RunCommand:
    """Commands and their invocations."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._commands: Any = AccountRegionScopedDict()
        self._last_ping: dict[str, float] = {}

    def install(self) -> None:
        original: Callable[..., Awaitable[Response]] = ssm.handle_request
        actions: dict[str, Callable[[dict[str, Any]], Response]] = {
            "CreateDocument": documents.create_document,
            "DescribeDocument": documents.describe_document,
            "GetDocument": documents.get_document,
            "DeleteDocument": documents.delete_document,
            "SendCommand": self.send_command,
            "CancelCommand": self.cancel_command,
            "GetCommandInvocation": self.get_command_invocation,
            "ListCommandInvocations": self.list_command_invocations,
            "DescribeInstanceInformation": self.describe_instance_information,
        }

        async def handle_request(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
        ) -> Response:
            action = actions.get(headers.get("x-amz-target", "").rpartition(".")[2])
            if action is None:
                return await original(method, path, headers, body, query)
            try:
                return action(ssm.json.loads(body or b"{}"))
            except DocumentError as error:
                return documents.refusal(error)

        ssm.handle_request = handle_request
        self._cloud.background.repeat(self._ping, self._cloud.profile.ping_interval_seconds)

    def order(
        self,
        document_name: str,
        given: dict[str, Any],
        delivery_timeout_seconds: float = _DEFAULT_DELIVERY_TIMEOUT_SECONDS,
        comment: str = "",
        version: str = "$DEFAULT",
    ) -> Order:
        """Fills the parameters of that version of the document in. Raises DocumentError."""
        document = documents.find(document_name)
        content = documents.content_of(document, version)
        values = _parameter_values(content.get("parameters", {}), given)
        steps = content.get("mainSteps", [])
        if len(steps) != 1 or steps[0].get("action") != _SHELL_ACTION:
            raise DocumentError("InvalidDocument", "Only documents with one aws:runShellScript step run here.")
        inputs = steps[0].get("inputs", {})
        script = "\n".join(_lines(inputs.get("runCommand", [])))
        environment = {}
        for name, value in values.items():
            if content["parameters"][name].get("interpolationType") == "ENV_VAR":
                environment[f"SSM_{name}"] = value
            else:
                script = script.replace("{{ " + name + " }}", value).replace("{{" + name + "}}", value)
        timeout = float(inputs.get("timeoutSeconds") or _DEFAULT_EXECUTION_TIMEOUT_SECONDS)
        step_name = steps[0].get("name", _SHELL_ACTION)
        return Order(document["Name"], step_name, script, environment, delivery_timeout_seconds, timeout, comment)

    def run(self, order: Order, instance_ids: list[str]) -> list[Invocation]:
        """Starts the order on each instance; returns at once."""
        command_id = new_uuid()
        invocations = [
            Invocation(
                command_id,
                instance_id,
                order.document_name,
                order.comment,
                order.plugin_name,
                time.monotonic() + self._cloud.profile.command_visibility_seconds,
            )
            for instance_id in instance_ids
        ]
        with self._lock:
            self._commands[command_id] = {invocation.instance_id: invocation for invocation in invocations}
        for invocation in invocations:
            delay = draw(self._cloud.profile.command_delivery_seconds)
            deadline = time.monotonic() + order.delivery_timeout_seconds
            self._cloud.background.start(self._deliver, invocation, order, deadline, after_seconds=delay)
        return invocations

    # API actions

    def send_command(self, request: dict[str, Any]) -> Response:
        timeout = request.get("TimeoutSeconds", _DEFAULT_DELIVERY_TIMEOUT_SECONDS)
        if timeout < _SHORTEST_DELIVERY_TIMEOUT_SECONDS:
            message = (
                f"1 validation error detected: Value '{timeout}' at 'timeoutSeconds' failed to satisfy constraint: "
                f"Member must have value greater than or equal to {_SHORTEST_DELIVERY_TIMEOUT_SECONDS}"
            )
            raise DocumentError("ValidationException", message)
        comment = request.get("Comment", "")
        version = request.get("DocumentVersion") or "$DEFAULT"
        order = self.order(request.get("DocumentName", ""), request.get("Parameters") or {}, timeout, comment, version)
        instance_ids = target_instances(request)
        unmanaged = [instance_id for instance_id in instance_ids if not self.is_managed(instance_id)]
        if unmanaged or not instance_ids:
            message = f"Instances [[{', '.join(unmanaged)}]] not in a valid state for account {get_account_id()}"
            raise DocumentError("InvalidInstanceId", message)
        invocations = self.run(order, instance_ids)
        return json_response(  # type: ignore[no-any-return]
            {
                "Command": {
                    "CommandId": invocations[0].command_id,
                    "DocumentName": order.document_name,
                    "Comment": comment,
                    "ExpiresAfter": time.time() + timeout + order.execution_timeout_seconds,
                    "Parameters": request.get("Parameters") or {},
                    "InstanceIds": instance_ids,
                    "RequestedDateTime": time.time(),
                    "Status": "Pending",
                    "StatusDetails": "Pending",
                    "TimeoutSeconds": timeout,
                    "TargetCount": len(instance_ids),
                    "CompletedCount": 0,
                    "ErrorCount": 0,
                }
            }
        )

    def cancel_command(self, request: dict[str, Any]) -> Response:
        invocations = self._commands.get(request.get("CommandId", ""))
        if invocations is None:
            raise DocumentError("InvalidCommandId", f"Command {request.get('CommandId')} does not exist.")
        with self._lock:
            for invocation in invocations.values():
                if request.get("InstanceIds") and invocation.instance_id not in request["InstanceIds"]:
                    continue
                if invocation.status == "Pending":
                    invocation.finish("Cancelled", "Cancelled")
                elif invocation.status == "InProgress":
                    invocation.status = invocation.status_details = "Cancelling"
        return json_response({})  # type: ignore[no-any-return]

    def get_command_invocation(self, request: dict[str, Any]) -> Response:
        command_id, instance_id = request.get("CommandId", ""), request.get("InstanceId", "")
        invocation = (self._commands.get(command_id) or {}).get(instance_id)
        if invocation is None or time.monotonic() < invocation.visible_from:
            return error_response_json("InvocationDoesNotExist", "", 400)  # type: ignore[no-any-return]
        return json_response(  # type: ignore[no-any-return]
            {
                "CommandId": command_id,
                "InstanceId": instance_id,
                "Comment": invocation.comment,
                "DocumentName": invocation.document_name,
                "DocumentVersion": "$DEFAULT",
                "PluginName": invocation.plugin_name,
                "ResponseCode": invocation.response_code,
                "ExecutionStartDateTime": _iso(invocation.started_at),
                "ExecutionElapsedTime": _elapsed(invocation),
                "ExecutionEndDateTime": _iso(invocation.ended_at),
                "Status": invocation.status,
                "StatusDetails": invocation.status_details,
                "StandardOutputContent": invocation.stdout[:_STDOUT_CHARACTERS],
                "StandardOutputUrl": "",
                "StandardErrorContent": invocation.stderr[:_STDERR_CHARACTERS],
                "StandardErrorUrl": "",
            }
        )

    def list_command_invocations(self, request: dict[str, Any]) -> Response:
        command_id, instance_id = request.get("CommandId"), request.get("InstanceId")
        shown = [
            _summary(invocation, has_details=bool(request.get("Details")))
            for command in self._commands.values()
            for invocation in command.values()
            if command_id in (None, invocation.command_id)
            and instance_id in (None, invocation.instance_id)
            and time.monotonic() >= invocation.visible_from
        ]
        return json_response({"CommandInvocations": shown})  # type: ignore[no-any-return]

    def describe_instance_information(self, request: dict[str, Any]) -> Response:
        wanted: set[str] = set()
        for condition in [*request.get("Filters", []), *request.get("InstanceInformationFilterList", [])]:
            if (condition.get("Key") or condition.get("key")) == "InstanceIds":
                wanted |= set(condition.get("Values") or condition.get("valueSet") or [])
        entries = []
        for instance_id, instance in ec2._instances.items():
            last_ping = self._last_ping.get(instance_id)
            if last_ping is None or (wanted and instance_id not in wanted):
                continue
            is_online = time.time() - last_ping < self._cloud.profile.connection_lost_seconds
            machine = self._cloud.machines.find(instance_id)
            entries.append(
                {
                    "InstanceId": instance_id,
                    "PingStatus": "Online" if is_online else "ConnectionLost",
                    "LastPingDateTime": last_ping,
                    "AgentVersion": "3.3.2746.0",
                    "IsLatestVersion": True,
                    "PlatformType": "Linux",
                    "PlatformName": "Red Hat Enterprise Linux",
                    "PlatformVersion": "9.4",
                    "ResourceType": "EC2Instance",
                    "IPAddress": instance["PrivateIpAddress"],
                    "ComputerName": machine.name if machine else "",
                }
            )
        return json_response({"InstanceInformationList": entries})  # type: ignore[no-any-return]

    # Instances and delivery

    def is_managed(self, instance_id: str) -> bool:
        """Whether SendCommand takes the instance: it runs, and its agent has been heard of at least once.

        An agent that fell silent is still managed: the command then waits for it until its time is over.
        """
        instance = ec2._instances.get(instance_id)
        if instance is None or instance["State"]["Name"] not in ("running", "stopping"):
            return False
        if instance_id not in self._last_ping:
            self._ping_one(instance_id)
        return instance_id in self._last_ping

    def _ping(self) -> None:
        for instance_id in {key for _, _, key in ec2._instances.to_dict()}:
            self._ping_one(instance_id)

    def _ping_one(self, instance_id: str) -> None:
        machine = self._cloud.machines.find(instance_id)
        if machine and machine.can_reach_aws:
            self._last_ping[instance_id] = time.time()

    def _deliver(self, invocation: Invocation, order: Order, deadline: float) -> None:
        """Tries until the agent takes the command or the delivery time is over."""
        while not invocation.is_over:
            machine = self._cloud.machines.find(invocation.instance_id)
            # Asked first, since a failed delivery does not tell whether the command was taken.
            if machine and machine.takes_commands():
                with self._lock:
                    if invocation.is_over:
                        return
                    invocation.started_at = datetime.now(UTC)
                    invocation.status = invocation.status_details = "InProgress"
                self._execute(machine, invocation, order)
                return
            if time.monotonic() > deadline:
                invocation.finish("TimedOut", "DeliveryTimedOut")
                return
            self._cloud.background.sleep(_REDELIVERY_SECONDS)

    def _execute(self, machine: Machine, invocation: Invocation, order: Order) -> None:
        deadline = time.monotonic() + order.execution_timeout_seconds
        try:
            result = machine.deliver(order.script, order.environment, order.execution_timeout_seconds)
        except UnreachableError:
            # The agent took the command and was never heard of again: the service waits as long as it may run.
            while time.monotonic() < deadline and invocation.status == "InProgress":
                self._cloud.background.sleep(_REDELIVERY_SECONDS)
            invocation.finish("TimedOut", "ExecutionTimedOut")
            return
        invocation.stdout, invocation.stderr = result.stdout, result.stderr
        if result.has_timed_out:
            invocation.finish("TimedOut", "ExecutionTimedOut", _EXECUTION_TIMED_OUT_CODE)
        elif invocation.status == "Cancelling":
            invocation.finish("Cancelled", "Cancelled", result.exit_code)
        elif result.exit_code == 0:
            invocation.finish("Success", "Success", 0)
        else:
            invocation.finish("Failed", "Failed", result.exit_code)


def target_instances(request: dict[str, Any]) -> list[str]:
    """InstanceIds, and Targets that name instances."""
    ids = list(request.get("InstanceIds") or [])
    for target in request.get("Targets") or []:
        if target.get("Key", "").lower() == "instanceids":
            ids += target.get("Values") or []
    return ids


def _parameter_values(definitions: dict[str, Any], given: dict[str, Any]) -> dict[str, str]:
    if unknown := sorted(set(given) - set(definitions)):
        raise DocumentError("InvalidParameters", f"The document has no parameter {', '.join(unknown)}.")
    values = {}
    for name, definition in definitions.items():
        if name in given:
            value = "\n".join(_lines(given[name]))
        elif "default" in definition:
            value = str(definition["default"])
        else:
            raise DocumentError("InvalidParameters", f"Parameter {name} has no default and was not given.")
        documents.check_value(name, definition, value)
        values[name] = value
    return values


def _lines(value: object) -> list[str]:
    return [str(line) for line in value] if isinstance(value, list) else [str(value)]


def _summary(invocation: Invocation, has_details: bool) -> dict[str, Any]:
    plugin = {
        "Name": invocation.plugin_name,
        "Status": invocation.status,
        "StatusDetails": invocation.status_details,
        "ResponseCode": invocation.response_code,
        "Output": invocation.stdout[:2500],
    }
    return {
        "CommandId": invocation.command_id,
        "InstanceId": invocation.instance_id,
        "Comment": invocation.comment,
        "DocumentName": invocation.document_name,
        "DocumentVersion": "$DEFAULT",
        "RequestedDateTime": invocation.requested_at,
        "Status": invocation.status,
        "StatusDetails": invocation.status_details,
        "CommandPlugins": [plugin] if has_details else [],
    }


def _iso(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if at else ""


def _elapsed(invocation: Invocation) -> str:
    if invocation.started_at is None or invocation.ended_at is None:
        return ""
    return f"PT{(invocation.ended_at - invocation.started_at).total_seconds():.3f}S"
