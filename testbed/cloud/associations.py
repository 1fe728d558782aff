"""State Manager associations: the CloudFormation resource type AWS::SSM::Association.

Follows the CloudFormation Template Reference, AWS::SSM::Association (Ref and AssociationId, Targets, Parameters,
WaitForSuccessTimeoutSeconds), and, in the Systems Manager User Guide, "About targets and rate controls in State
Manager associations": an association runs when it is created and when a target comes online. The emulator has none.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, new_uuid

from testbed.cloud.documents import DocumentError
from testbed.cloud.emulator import Cloud
from testbed.cloud.instances import Instances
from testbed.cloud.run_command import Invocation, Order, RunCommand, target_instances

_LOOK_SECONDS = 0.1


class Associations:
    """Documents that are to be run on instances."""

    def __init__(self, cloud: Cloud, run_command: RunCommand) -> None:
        self._cloud = cloud
        self._run_command = run_command
        self._associations: Any = AccountRegionScopedDict()

    def install(self, instances: Instances) -> None:
        instances.on_boot.append(self._run_on)

    def resource_handlers(self) -> dict[str, dict[str, Any]]:
        """The CloudFormation resource type, as the emulator's table of provisioners wants it."""
        return {
            "AWS::SSM::Association": {
                "create": self._provision,
                "update": self._reprovision,
                "delete": lambda association_id, _properties: self._associations.pop(association_id, None),
            }
        }

    def _provision(self, logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
        del stack_name
        association_id = new_uuid()
        self._associate(association_id, logical_id, properties)
        return association_id, {"AssociationId": association_id}

    def _reprovision(
        self, association_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str
    ) -> tuple[str, dict[str, str]]:
        del old, stack_name
        self._associate(association_id, association_id, new)
        return association_id, {"AssociationId": association_id}

    def _associate(self, association_id: str, label: str, properties: dict[str, Any]) -> None:
        try:
            version = properties.get("DocumentVersion") or "$DEFAULT"
            parameters = properties.get("Parameters") or {}
            order = self._run_command.order(properties["Name"], parameters, version=version)
        except DocumentError as error:
            raise ValueError(f"AWS::SSM::Association {label}: {error.code}: {error}") from error
        instance_ids = target_instances(properties) + (
            [properties["InstanceId"]] if properties.get("InstanceId") else []
        )
        self._associations[association_id] = (order, instance_ids)
        online = [instance_id for instance_id in instance_ids if self._is_online(instance_id)]
        invocations = self._run_command.run(order, online) if online else []
        if limit := properties.get("WaitForSuccessTimeoutSeconds"):
            self._wait_for_success(label, invocations, float(limit))

    def _run_on(self, instance_id: str) -> None:
        for order, instance_ids in self._associations.values():
            if instance_id in instance_ids:
                self._start(order, instance_id)

    def _start(self, order: Order, instance_id: str) -> None:
        self._run_command.run(order, [instance_id])

    def _is_online(self, instance_id: str) -> bool:
        machine = self._cloud.machines.find(instance_id)
        return machine is not None and machine.can_reach_aws

    def _wait_for_success(self, label: str, invocations: list[Invocation], limit_seconds: float) -> None:
        deadline = time.monotonic() + limit_seconds
        while time.monotonic() < deadline and not all(invocation.is_over for invocation in invocations):
            self._cloud.background.sleep(_LOOK_SECONDS)
        if failed := [invocation for invocation in invocations if invocation.status != "Success"]:
            ended = ", ".join(f"{invocation.instance_id}: {invocation.status_details}" for invocation in failed)
            raise ValueError(f"AWS::SSM::Association {label} did not succeed on {ended}")
