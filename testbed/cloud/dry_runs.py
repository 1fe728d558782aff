"""Dry runs: an EC2 call with DryRun says whether it would be carried out, and is not.

Follows, in the EC2 API Reference: StopInstances, "DryRun" ("Checks whether you have the required permissions for the
operation, without actually making the request, and provides an error response"; every action has it), and "Error
codes" (DryRunOperation, UnauthorizedOperation). The emulator does not look at it: it would carry the call out.

Rights are checked before any action is asked, so what comes here is allowed. An id that does not exist is an error as
without DryRun. What else would keep a call from success (the state of an instance, stop protection, a limit) is not
looked into: which of it AWS looks at is not documented.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import Any

from ministack.services import ec2

Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Action = Callable[[Parameters], Response]

_NAMED: dict[str, tuple[str, str, Callable[[], Container[str]]]] = {
    "InstanceId": ("instance", "InvalidInstanceID.NotFound", lambda: ec2._instances),
    "NetworkAclId": ("networkAcl", "InvalidNetworkAclID.NotFound", lambda: ec2._network_acls),
    "NetworkInterfaceId": ("networkInterface", "InvalidNetworkInterfaceID.NotFound", lambda: ec2._network_interfaces),
    "RouteTableId": ("routeTable", "InvalidRouteTableID.NotFound", lambda: ec2._route_tables),
    "SnapshotId": ("snapshot", "InvalidSnapshot.NotFound", lambda: ec2._snapshots),
    "SubnetId": ("subnet", "InvalidSubnetID.NotFound", lambda: ec2._subnets),
    "VolumeId": ("volume", "InvalidVolume.NotFound", lambda: ec2._volumes),
    "VpcId": ("vpc", "InvalidVpcID.NotFound", lambda: ec2._vpcs),
}
"""What a parameter of that name names, the error for one that does not exist (EC2 API Reference, "Error codes"), and
where it would be found."""


def install() -> None:
    """After everything else that changes EC2's actions."""
    for name, action in list(ec2._ACTION_MAP.items()):
        ec2._ACTION_MAP[name] = _unless_dry(name, action)


def _unless_dry(name: str, action: Action) -> Action:
    def act(parameters: Parameters) -> Response:
        if str(ec2._p(parameters, "DryRun")).lower() != "true":
            return action(parameters)
        for what, code, named, known in _named(name, parameters):
            if named not in known:
                return _error(code, f"The {what} ID '{named}' does not exist", 400)
        return _error("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)

    return act


def _named(action: str, parameters: Parameters) -> Iterator[tuple[str, str, str, Container[str]]]:
    for parameter, (what, code, find) in _NAMED.items():
        for named in (ec2._p(parameters, parameter), *ec2._parse_member_list(parameters, parameter)):
            if named:
                yield what, code, str(named), find()
    if action == "ReplaceNetworkAclAssociation":
        associations = {
            each["NetworkAclAssociationId"] for acl in ec2._network_acls.values() for each in acl["Associations"]
        }
        named = str(ec2._p(parameters, "AssociationId"))
        yield "association", "InvalidAssociationID.NotFound", named, associations


def _error(code: str, message: str, status: int) -> Response:
    response: Response = ec2._error(code, message, status)
    return response
