"""EC2 instances that take time to start and stop, tell EventBridge, fail status checks, and have a host behind them.

Follows, in the Amazon EC2 User Guide: "Amazon EC2 instance state changes", "Stop and start Amazon EC2 instances",
"Status checks for Amazon EC2 instances", "State change events for your instances"; and in the EC2 API Reference:
StopInstances (Force, SkipOsShutdown; stop protection), ModifyInstanceAttribute (disableApiStop), StartInstances,
RebootInstances, DescribeInstanceStatus, RunInstances.
The emulator's own instances change state at once and silently, and every status check passes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch, ec2

from testbed.cloud.background import arn, each_scoped
from testbed.cloud.emulator import Cloud, emit_event

Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Instance = dict[str, Any]

_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
_STOP_PROTECTION = "_is_stop_protected"
_LOOK_SECONDS = 0.1
_NEW_HOSTS_SECONDS = 0.5


class Instances:
    """The life of the instances. `on_boot` functions are called with the instance id once a host has booted."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.RLock()
        self._journeys: dict[str, int] = {}
        self._waiting_for_host: dict[str, tuple[str, str]] = {}
        self._impaired_since: dict[str, float] = {}
        self._running_since: dict[str, float] = {}
        self.on_boot: list[Callable[[str], None]] = []

    def install(self) -> None:
        actions = ec2._ACTION_MAP
        self._run_original = actions["RunInstances"]
        self._terminate_original = actions["TerminateInstances"]
        actions["RunInstances"] = self.run
        actions["StartInstances"] = self.start
        actions["StopInstances"] = self.stop
        actions["RebootInstances"] = self.reboot
        actions["TerminateInstances"] = self.terminate
        actions["DescribeInstanceStatus"] = self.describe_status
        actions["DescribeInstanceAttribute"] = _with_stop_protection(actions["DescribeInstanceAttribute"])
        actions["ModifyInstanceAttribute"] = _set_stop_protection
        instance_xml = ec2._instance_xml
        ec2._instance_xml = lambda instance: _with_details(instance_xml(instance), instance)
        self._cloud.background.repeat(self._boot_new_hosts, _NEW_HOSTS_SECONDS)
        self._cloud.background.repeat(self._check_status, self._cloud.profile.status_check_interval_seconds)

    # API actions

    def run(self, parameters: Parameters) -> Response:
        known = set(ec2._instances)
        response: Response = self._run_original(parameters)
        if response[0] != 200:
            return response
        created = [instance for key, instance in ec2._instances.items() if key not in known]
        for instance in created:
            _attach_interfaces(instance, parameters)
            self._begin(instance, "pending", "running", self._cloud.profile.instance_start_seconds)
        items = "".join(ec2._instance_xml(instance) for instance in created)
        inner = (
            f"<reservationId>r-{created[0]['InstanceId'][2:]}</reservationId>"
            f"<instancesSet>{items}</instancesSet><groupSet/>"
        )
        return ec2._xml(200, "RunInstancesResponse", inner)  # type: ignore[no-any-return]

    def start(self, parameters: Parameters) -> Response:
        def start_one(instance: Instance) -> None:
            if _state(instance) == "stopped":
                self._begin(instance, "pending", "running", self._cloud.profile.instance_start_seconds)

        return self._change("StartInstances", parameters, {"stopped", "pending", "running"}, "started", start_one)

    def stop(self, parameters: Parameters) -> Response:
        for instance_id in ec2._parse_member_list(parameters, "InstanceId"):
            if ec2._instances.get(instance_id, {}).get(_STOP_PROTECTION):
                message = (
                    f"The instance '{instance_id}' may not be stopped. Modify its 'disableApiStop' instance attribute "
                    "and try again."
                )
                return ec2._error("OperationNotPermitted", message, 400)  # type: ignore[no-any-return]
        is_power_cut = _is_true(parameters, "Force") and _is_true(parameters, "SkipOsShutdown")

        def stop_one(instance: Instance) -> None:
            is_under_way = _state(instance) == "stopping" and (not is_power_cut or instance.get("_is_power_cut"))
            if _state(instance) == "stopped" or is_under_way:
                return
            instance["_is_power_cut"] = is_power_cut
            profile = self._cloud.profile
            seconds = profile.instance_forced_stop_seconds if is_power_cut else profile.instance_clean_stop_seconds
            self._begin(instance, "stopping", "stopped", seconds, self._power_down(instance, is_power_cut))

        return self._change("StopInstances", parameters, {"running", "stopping", "stopped"}, "stopped", stop_one)

    def reboot(self, parameters: Parameters) -> Response:
        instances = _find(parameters)
        if isinstance(instances, tuple):
            return instances
        for instance in instances:
            self._cloud.background.start(self._reboot_host, instance["InstanceId"])
        return ec2._xml(200, "RebootInstancesResponse", "<return>true</return>")  # type: ignore[no-any-return]

    def terminate(self, parameters: Parameters) -> Response:
        def terminate_one(instance: Instance) -> None:
            if _state(instance) not in ("shutting-down", "terminated"):
                seconds = self._cloud.profile.instance_forced_stop_seconds
                self._begin(instance, "shutting-down", "terminated", seconds, self._power_down(instance, True))

        return self._change("TerminateInstances", parameters, set(_CODES), "terminated", terminate_one)

    def describe_status(self, parameters: Parameters) -> Response:
        ids = ec2._parse_member_list(parameters, "InstanceId")
        if unknown := [instance_id for instance_id in ids if instance_id not in ec2._instances]:
            return _not_found(unknown)
        does_include_all = _is_true(parameters, "IncludeAllInstances")
        shown = [
            instance
            for instance in ec2._instances.values()
            if (not ids or instance["InstanceId"] in ids) and (does_include_all or _state(instance) == "running")
        ]
        items = "".join(self._status_xml(instance) for instance in shown)
        inner = f"<instanceStatusSet>{items}</instanceStatusSet>"
        return ec2._xml(200, "DescribeInstanceStatusResponse", inner)  # type: ignore[no-any-return]

    # Transitions

    def _change(
        self,
        action: str,
        parameters: Parameters,
        allowed: set[str],
        participle: str,
        change: Callable[[Instance], None],
    ) -> Response:
        instances = _find(parameters)
        if isinstance(instances, tuple):
            return instances
        with self._lock:
            for instance in instances:
                if _state(instance) not in allowed:
                    message = (
                        f"The instance '{instance['InstanceId']}' is not in a state from which it can be {participle}."
                    )
                    return ec2._error("IncorrectInstanceState", message, 400)  # type: ignore[no-any-return]
            items = ""
            for instance in instances:
                previous = _state(instance)
                change(instance)
                items += (
                    f"<item><instanceId>{instance['InstanceId']}</instanceId>"
                    f"<currentState>{_state_xml(_state(instance))}</currentState>"
                    f"<previousState>{_state_xml(previous)}</previousState></item>"
                )
        return ec2._xml(200, f"{action}Response", f"<instancesSet>{items}</instancesSet>")  # type: ignore[no-any-return]

    def _begin(
        self,
        instance: Instance,
        transient: str,
        final: str,
        seconds: float,
        work: Callable[[], None] | None = None,
    ) -> None:
        """Enters the transient state now and the final one when both the time has passed and the work is done."""
        instance_id = instance["InstanceId"]
        with self._lock:
            journey = self._journeys[instance_id] = self._journeys.get(instance_id, 0) + 1
            if _state(instance) != transient or transient == "pending":
                self._enter(instance, transient)

        def travel() -> None:
            ends = time.monotonic() + seconds
            if work:
                work()
            self._cloud.background.sleep(max(0.0, ends - time.monotonic()))
            with self._lock:
                if self._journeys[instance_id] == journey:
                    self._enter(instance, final)

        self._cloud.background.start(travel)

    def _enter(self, instance: Instance, state: str) -> None:
        instance_id = instance["InstanceId"]
        instance["State"] = {"Code": _CODES[state], "Name": state}
        at = time.strftime("%Y-%m-%d %H:%M:%S GMT", time.gmtime())
        instance["_transition_reason"] = f"User initiated ({at})" if state in _CODES and _CODES[state] > 16 else ""
        if state == "terminated":
            instance["_terminated_at"] = time.time()
        if state == "running":
            instance["LaunchTime"] = ec2._now_ts()
            self._running_since[instance_id] = time.monotonic()
            account, region = arn("ec2", "").split(":")[4], arn("ec2", "").split(":")[3]
            self._waiting_for_host[instance_id] = (account, region)
        else:
            self._waiting_for_host.pop(instance_id, None)
            self._impaired_since.pop(instance_id, None)
        emit_event(
            "aws.ec2",
            "EC2 Instance State-change Notification",
            [arn("ec2", f"instance/{instance_id}")],
            {"instance-id": instance_id, "state": state},
        )

    def _power_down(self, instance: Instance, is_power_cut: bool) -> Callable[[], None]:
        instance_id = instance["InstanceId"]

        def power_down() -> None:
            while (host := self._cloud.faults.read().stuck_in_stopping.get(instance_id)) == "on":
                self._cloud.background.sleep(_LOOK_SECONDS)
            machine = self._cloud.machines.find(instance_id)
            if (machine and is_power_cut) or (machine and host == "off"):
                machine.power_off()
            elif machine:
                machine.shutdown()
            while instance_id in self._cloud.faults.read().stuck_in_stopping:
                self._cloud.background.sleep(_LOOK_SECONDS)
            if machine:
                machine.power_off()

        return power_down

    def _reboot_host(self, instance_id: str) -> None:
        machine = self._cloud.machines.find(instance_id)
        if machine:
            machine.shutdown()
            self._boot(instance_id)

    def _boot_new_hosts(self) -> None:
        """An instance's host may become known after the instance runs: the world writes host.json with its id."""
        with self._lock:
            waiting = list(self._waiting_for_host.items())
        for instance_id, (account, region) in waiting:
            if self._cloud.machines.find(instance_id) and self._waiting_for_host.pop(instance_id, None):
                with request_scope(account, region):
                    self._cloud.background.start(self._boot, instance_id)

    def _boot(self, instance_id: str) -> None:
        machine = self._cloud.machines.find(instance_id)
        if machine is None or _state(ec2._instances[instance_id]) != "running":
            return
        machine.boot()
        if _state(ec2._instances[instance_id]) != "running":
            machine.power_off()  # stopped while it booted
            return
        for told in self.on_boot:
            told(instance_id)

    # Status checks

    def _failed_check(self, instance_id: str) -> str | None:
        """`instance` or `system`; None when both checks pass."""
        failed = self._cloud.faults.read().failed_status_checks.get(instance_id)
        machine = self._cloud.machines.find(instance_id)
        if failed is None and machine and instance_id not in self._waiting_for_host:
            is_booting = time.monotonic() - self._running_since[instance_id] < self._cloud.profile.host_boot_seconds + 5
            if not machine.answers_status_check and not (is_booting and not machine.is_on):
                return "instance"
        return failed

    def _check_status(self) -> None:
        for instance_id, instance in each_scoped(ec2._instances):
            if _state(instance) != "running":
                continue
            failed = self._failed_check(instance_id)
            if failed:
                self._impaired_since.setdefault(instance_id, time.time())
                instance["_failed_check"] = failed
            else:
                self._impaired_since.pop(instance_id, None)
                instance.pop("_failed_check", None)
            values = {
                "StatusCheckFailed": bool(failed),
                "StatusCheckFailed_Instance": failed == "instance",
                "StatusCheckFailed_System": failed == "system",
            }
            for name, value in values.items():
                cloudwatch.record_metric("AWS/EC2", name, float(value), "Count", {"InstanceId": instance_id})

    def _status_xml(self, instance: Instance) -> str:
        state = _state(instance)
        failed = instance.get("_failed_check") if state == "running" else None
        since = self._impaired_since.get(instance["InstanceId"])
        checks = ""
        for kind in ("system", "instance"):
            status, detail = ("ok", "passed") if state == "running" else ("not-applicable", "")
            if failed == kind:
                status, detail = "impaired", "failed"
            impaired = f"<impairedSince>{_iso(since)}</impairedSince>" if since and failed == kind else ""
            details = (
                f"<details><item><name>reachability</name><status>{detail}</status>{impaired}</item></details>"
                if detail
                else ""
            )
            checks += f"<{kind}Status><status>{status}</status>{details}</{kind}Status>"
        return (
            f"<item><instanceId>{instance['InstanceId']}</instanceId>"
            f"<availabilityZone>{instance['Placement']['AvailabilityZone']}</availabilityZone>"
            f"<instanceState>{_state_xml(state)}</instanceState>{checks}</item>"
        )


def _attach_interfaces(instance: Instance, parameters: Parameters) -> None:
    """Gives the instance the interfaces asked for, or a primary one in its subnet, as RunInstances does."""
    specifications = list(_interface_specifications(parameters))
    if not specifications:
        specifications = [(0, None, instance["SubnetId"], ec2._p(parameters, "PrivateIpAddress"))]
    for index, interface_id, subnet_id, address in specifications:
        if interface_id is None:
            create = {"SubnetId": [subnet_id], "PrivateIpAddress": [address] if address else []}
            known = set(ec2._network_interfaces)
            ec2._ACTION_MAP["CreateNetworkInterface"](create)
            interface_id = next(key for key in ec2._network_interfaces if key not in known)
        ec2._attach_network_interface(
            {
                "NetworkInterfaceId": [interface_id],
                "InstanceId": [instance["InstanceId"]],
                "DeviceIndex": [str(index)],
            }
        )
    primary = next(eni for eni in _interfaces_of(instance) if eni["Attachment"]["DeviceIndex"] == 0)
    address = primary["PrivateIpAddress"]
    instance |= {
        "SubnetId": primary["SubnetId"],
        "VpcId": primary["VpcId"],
        "PrivateIpAddress": address,
        "PrivateDnsName": f"ip-{address.replace('.', '-')}.{arn('ec2', '').split(':')[3]}.compute.internal",
        "PublicIpAddress": "",
        "PublicDnsName": "",
        "SourceDestCheck": primary["SourceDestCheck"],
        "Placement": {"AvailabilityZone": primary["AvailabilityZone"], "Tenancy": "default"},
    }


def _interface_specifications(parameters: Parameters) -> Iterable[tuple[int, str | None, str, str]]:
    position = 1
    while any(key.startswith(f"NetworkInterface.{position}.") for key in parameters):
        prefix = f"NetworkInterface.{position}"
        index = int(ec2._p(parameters, f"{prefix}.DeviceIndex") or position - 1)
        interface_id = ec2._p(parameters, f"{prefix}.NetworkInterfaceId") or None
        subnet_id = ec2._p(parameters, f"{prefix}.SubnetId")
        yield index, interface_id, subnet_id, ec2._p(parameters, f"{prefix}.PrivateIpAddress")
        position += 1


def _interfaces_of(instance: Instance) -> list[dict[str, Any]]:
    attached = [
        interface
        for interface in ec2._network_interfaces.values()
        if (interface.get("Attachment") or {}).get("InstanceId") == instance["InstanceId"]
    ]
    return sorted(attached, key=lambda interface: int(interface["Attachment"]["DeviceIndex"]))


def _with_details(xml: str, instance: Instance) -> str:
    """The emulator's XML of an instance, with its network interfaces and the reason of its last transition."""
    interfaces = "".join(ec2._eni_fields_xml(interface) for interface in _interfaces_of(instance))
    reason = f"<reason>{instance.get('_transition_reason', '')}</reason>"
    added = f"<networkInterfaceSet>{interfaces}</networkInterfaceSet>{reason}<amiLaunchIndex>"
    return xml.replace("<amiLaunchIndex>", added, 1)


def _with_stop_protection(describe: Callable[[Parameters], Response]) -> Callable[[Parameters], Response]:
    def describe_attribute(parameters: Parameters) -> Response:
        instance_id = ec2._p(parameters, "InstanceId")
        if ec2._p(parameters, "Attribute") != "disableApiStop" or instance_id not in ec2._instances:
            return describe(parameters)
        value = str(bool(ec2._instances[instance_id].get(_STOP_PROTECTION))).lower()
        inner = f"<instanceId>{instance_id}</instanceId><disableApiStop><value>{value}</value></disableApiStop>"
        return ec2._xml(200, "DescribeInstanceAttributeResponse", inner)  # type: ignore[no-any-return]

    return describe_attribute


def _set_stop_protection(parameters: Parameters) -> Response:
    instance_id = ec2._p(parameters, "InstanceId")
    if instance_id not in ec2._instances:
        return _not_found([instance_id])
    if not ec2._p(parameters, "DisableApiStop.Value"):
        return ec2._error("InvalidParameterCombination", "No attribute that is known here.", 400)  # type: ignore[no-any-return]
    ec2._instances[instance_id][_STOP_PROTECTION] = _is_true(parameters, "DisableApiStop.Value")
    return ec2._xml(200, "ModifyInstanceAttributeResponse", "<return>true</return>")  # type: ignore[no-any-return]


def _find(parameters: Parameters) -> list[Instance] | Response:
    ids = ec2._parse_member_list(parameters, "InstanceId")
    if unknown := [instance_id for instance_id in ids if instance_id not in ec2._instances]:
        return _not_found(unknown)
    return [ec2._instances[instance_id] for instance_id in ids]


def _not_found(ids: list[str]) -> Response:
    what = f"ID '{ids[0]}' does" if len(ids) == 1 else f"IDs '{', '.join(ids)}' do"
    return ec2._error("InvalidInstanceID.NotFound", f"The instance {what} not exist", 400)  # type: ignore[no-any-return]


def _state(instance: Instance) -> str:
    return str(instance["State"]["Name"])


def _state_xml(state: str) -> str:
    return f"<code>{_CODES[state]}</code><name>{state}</name>"


def _is_true(parameters: Parameters, key: str) -> bool:
    return str(ec2._p(parameters, key)).lower() == "true"


def _iso(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))
