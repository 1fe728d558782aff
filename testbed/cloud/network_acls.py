"""Network ACLs: each subnet has one, and a host whose subnet's network ACL lets nothing through is cut off.

Follows, in the Amazon VPC User Guide: "Network ACL basics" (a subnet has exactly one, at first the VPC's default one;
it keeps no state, so flows under way end too) and "Custom network ACLs" (without entries of one's own it has only the
entry `*`, number 32767, which denies everything); in the EC2 API Reference: CreateNetworkAcl, DescribeNetworkAcls
(filters), ReplaceNetworkAclAssociation (InvalidAssociationID.NotFound), DeleteNetworkAcl (DependencyViolation); in the
CloudFormation Template Reference: AWS::EC2::NetworkAcl (Ref is its id).
The emulator's subnets have none, a replaced association forgets its subnet, and CloudFormation does not know the type.

What an entry lets through is not looked into: an interface is cut off when its subnet's network ACL has no entry that
allows anything in one of the two directions.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from ministack.services import ec2

from testbed.cloud.emulator import Cloud
from testbed.world.cut_off import write_cut_off

Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Action = Callable[[Parameters], Response]
Acl = dict[str, Any]

_NO_ACL = "acl-00000000000000000"
_ACTIONS_THAT_MAY_CUT_OFF = (
    "RunInstances",
    "AttachNetworkInterface",
    "DetachNetworkInterface",
    "CreateNetworkAclEntry",
    "DeleteNetworkAclEntry",
    "ReplaceNetworkAclEntry",
    "ReplaceNetworkAclAssociation",
)


class NetworkAcls:
    """The network ACLs of an account, and what they do to the world's hosts."""

    def __init__(self, cloud: Cloud) -> None:
        self._world_directory = cloud.world_directory

    def install(self) -> None:
        """After everything else that changes the actions on instances and interfaces."""
        actions = ec2._ACTION_MAP
        actions["CreateSubnet"] = _then(actions["CreateSubnet"], associate_new_subnets)
        actions["CreateNetworkAcl"] = _then(actions["CreateNetworkAcl"], _add_last_entries)
        actions["DescribeNetworkAcls"] = _with_filters(actions["DescribeNetworkAcls"])
        actions["DeleteNetworkAcl"] = _unless_in_use(actions["DeleteNetworkAcl"])
        actions["ReplaceNetworkAclAssociation"] = replace_association
        for action in _ACTIONS_THAT_MAY_CUT_OFF:
            actions[action] = _then(actions[action], self._tell_hosts)

    def _tell_hosts(self) -> None:
        closed = {
            association["SubnetId"]
            for acl in ec2._network_acls.values()
            for association in acl["Associations"]
            if not _lets_anything_through(acl)
        }
        cut_off: dict[str, frozenset[str]] = {}
        for interface in ec2._network_interfaces.values():
            attachment = interface.get("Attachment") or {}
            if interface["SubnetId"] in closed and attachment:
                instance_id = attachment["InstanceId"]
                cut_off[instance_id] = cut_off.get(instance_id, frozenset()) | {f"eth{attachment['DeviceIndex']}"}
        write_cut_off(self._world_directory, cut_off)


def resource_handlers() -> dict[str, dict[str, Any]]:
    """The CloudFormation resource type, as the emulator's table of provisioners wants it."""
    return {"AWS::EC2::NetworkAcl": {"create": _provision, "delete": _deprovision}}


def replace_association(parameters: Parameters) -> Response:
    association_id, acl_id = ec2._p(parameters, "AssociationId"), ec2._p(parameters, "NetworkAclId")
    acl = ec2._network_acls.get(acl_id)
    if acl is None:
        return _error("InvalidNetworkAclID.NotFound", f"The networkAcl ID '{acl_id}' does not exist")
    for other in list(ec2._network_acls.values()):
        for association in other["Associations"]:
            if association["NetworkAclAssociationId"] == association_id:
                other["Associations"] = [each for each in other["Associations"] if each is not association]
                new_id = _associate(acl, association["SubnetId"])
                return ec2._xml(  # type: ignore[no-any-return]
                    200, "ReplaceNetworkAclAssociationResponse", f"<newAssociationId>{new_id}</newAssociationId>"
                )
    return _error("InvalidAssociationID.NotFound", f"The association ID '{association_id}' does not exist")


def _then(action: Action, work: Callable[[], None]) -> Action:
    def act(parameters: Parameters) -> Response:
        response = action(parameters)
        if response[0] == 200:
            work()
        return response

    return act


def _with_filters(describe: Action) -> Action:
    """The emulator looks at the ids and at some of the filters."""

    def describe_network_acls(parameters: Parameters) -> Response:
        filters = ec2._parse_filters(parameters)
        ids = ec2._parse_member_list(parameters, "NetworkAclId") or list(ec2._network_acls)
        for acl_id in ids:
            if acl_id not in ec2._network_acls:
                return _error("InvalidNetworkAclID.NotFound", f"The networkAcl ID '{acl_id}' does not exist")
        found = [acl_id for acl_id in ids if acl_id in ec2._network_acls and _matches(acl_id, filters)]
        shown = {f"NetworkAclId.{number}": [acl_id] for number, acl_id in enumerate(found or [_NO_ACL], start=1)}
        others = {key: value for key, value in parameters.items() if not key.startswith("NetworkAclId.")}
        return describe({**others, **shown})

    return describe_network_acls


def _matches(acl_id: str, filters: dict[str, list[str]]) -> bool:
    associations = ec2._network_acls[acl_id]["Associations"]
    values = {
        "network-acl-id": {acl_id},
        "association.subnet-id": {each["SubnetId"] for each in associations},
        "association.association-id": {each["NetworkAclAssociationId"] for each in associations},
        "association.network-acl-id": {acl_id} if associations else set(),
    }
    return all(values[name] & set(wanted) for name, wanted in filters.items() if name in values)


def _unless_in_use(delete: Action) -> Action:
    def delete_network_acl(parameters: Parameters) -> Response:
        acl_id = ec2._p(parameters, "NetworkAclId")
        if acl_id in ec2._network_acls and ec2._network_acls[acl_id]["Associations"]:
            return _error("DependencyViolation", f"The networkAcl '{acl_id}' has dependencies and cannot be deleted.")
        return delete(parameters)

    return delete_network_acl


def associate_new_subnets() -> None:
    defaults = {acl["VpcId"]: acl for acl in ec2._network_acls.values() if acl["IsDefault"]}
    known = {each["SubnetId"] for acl in ec2._network_acls.values() for each in acl["Associations"]}
    for subnet in list(ec2._subnets.values()):
        if subnet["SubnetId"] not in known and subnet["VpcId"] in defaults:
            _associate(defaults[subnet["VpcId"]], subnet["SubnetId"])


def _associate(acl: Acl, subnet_id: str) -> str:
    association_id = f"aclassoc-{random.randrange(16**17):017x}"
    acl["Associations"] = [*acl["Associations"], {"NetworkAclAssociationId": association_id, "SubnetId": subnet_id}]
    return association_id


def _add_last_entries() -> None:
    for acl in ec2._network_acls.values():
        if not any(entry["RuleNumber"] == 32767 for entry in acl["Entries"]):
            last = {"RuleNumber": 32767, "Protocol": "-1", "RuleAction": "deny", "CidrBlock": "0.0.0.0/0"}
            acl["Entries"] = [*acl["Entries"], {**last, "Egress": False}, {**last, "Egress": True}]


def _lets_anything_through(acl: Acl) -> bool:
    allowed = {entry["Egress"] for entry in acl["Entries"] if entry["RuleAction"] == "allow"}
    return allowed == {True, False}


def _provision(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    del stack_name
    if properties.get("VpcId") not in ec2._vpcs:
        raise ValueError(f"AWS::EC2::NetworkAcl {logical_id}: the vpc ID '{properties.get('VpcId')}' does not exist")
    known = set(ec2._network_acls)
    ec2._ACTION_MAP["CreateNetworkAcl"]({"VpcId": [properties["VpcId"]]})
    (acl_id,) = set(ec2._network_acls) - known
    ec2._tags[acl_id] = list(properties.get("Tags", []))
    return acl_id, {"Id": acl_id}


def _deprovision(acl_id: str, _properties: dict[str, Any]) -> None:
    status, _headers, body = ec2._ACTION_MAP["DeleteNetworkAcl"]({"NetworkAclId": [acl_id]})
    if status != 200:
        raise ValueError(f"AWS::EC2::NetworkAcl {acl_id}: {body.decode(errors='replace')}")


def _error(code: str, message: str) -> Response:
    response: Response = ec2._error(code, message, 400)
    return response
