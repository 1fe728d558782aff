"""CloudFormation's types of EC2 that the emulator does not know, made by the actions that it does know.

Follows, in the CloudFormation Template Reference: AWS::EC2::Instance (LaunchTemplate, NetworkInterfaces),
AWS::EC2::NetworkInterface, AWS::EC2::Volume, AWS::EC2::VolumeAttachment, AWS::EC2::EIP (Ref is the address),
AWS::EC2::NatGateway, AWS::EC2::VPNGateway, AWS::EC2::SecurityGroupIngress, and their return values;
in the Amazon EC2 Auto Scaling User Guide: "Launch templates" and "Elastic Load Balancing" (a group registers what it
launches). The emulator's own Auto Scaling group of a stack is empty.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import alb, autoscaling, ec2

from testbed.cloud import network_acls

Properties = dict[str, Any]
Made = tuple[str, dict[str, str]]
Handler = dict[str, Callable[..., Any]]

_FIRST_LAUNCHED = 10
"""Host number of the first address that a group's instances get in a subnet. Any free one is right."""


def resource_handlers() -> dict[str, Handler]:
    """The types, as the emulator's table of provisioners wants them."""
    return {
        "AWS::EC2::Subnet": {"create": _make_subnet, "delete": _remover("Subnet")},
        "AWS::EC2::Instance": {"create": _make_instance, "update": _change_instance, "delete": _terminate},
        "AWS::EC2::NetworkInterface": {"create": _make_interface, "delete": _remover("NetworkInterface")},
        "AWS::EC2::Volume": {"create": _make_volume, "delete": _remover("Volume")},
        "AWS::EC2::VolumeAttachment": {"create": _attach_volume, "delete": _detach_volume},
        "AWS::EC2::EIP": {"create": _allocate_address, "delete": _release_address},
        "AWS::EC2::NatGateway": {"create": _make_nat_gateway, "delete": _remover("NatGateway")},
        "AWS::EC2::VPNGateway": {"create": _make_vpn_gateway, "delete": _remover("VpnGateway")},
        "AWS::EC2::SecurityGroupIngress": {"create": _permit, "delete": _forbid},
        "AWS::AutoScaling::AutoScalingGroup": {"create": _make_group, "delete": _remove_group},
    }


def _make_subnet(logical_id: str, properties: Properties, stack_name: str) -> Made:
    """The emulator's own has no network ACL, and does not know its network."""
    from ministack.services.cloudformation import provisioners

    subnet_id, attributes = provisioners._ec2_subnet_create(logical_id, properties, stack_name)
    network_acls.associate_new_subnets()
    return subnet_id, {**attributes, "CidrBlock": properties["CidrBlock"]}


def _make_instance(_logical_id: str, properties: Properties, _stack_name: str) -> Made:
    parameters = _launch_parameters(properties)
    for number, interface in enumerate(properties.get("NetworkInterfaces", []), start=1):
        for key in ("DeviceIndex", "NetworkInterfaceId"):
            parameters[f"NetworkInterface.{number}.{key}"] = interface[key]
    return _run(parameters, properties.get("Tags", []))


def _change_instance(instance_id: str, old: Properties, new: Properties, stack_name: str) -> Made:
    """Another launch template, or version of it, is another instance ("Update requires: Replacement")."""
    if all(old.get(key) == new.get(key) for key in ("LaunchTemplate", "ImageId", "NetworkInterfaces", "SubnetId")):
        _tag(instance_id, new.get("Tags", []))
        return instance_id, _attributes(instance_id)
    _terminate(instance_id, old)
    return _make_instance("", new, stack_name)


def _launch_parameters(properties: Properties) -> dict[str, str]:
    """RunInstances' parameters by a resource's properties, those of its launch template among them."""
    wanted = {**_template_data(properties.get("LaunchTemplate")), **properties}
    profile = wanted.get("IamInstanceProfile", {})
    named = (
        {"IamInstanceProfile.Name": profile}
        if isinstance(profile, str)
        else {"IamInstanceProfile.Arn": profile.get("Arn")}
    )
    parameters = {key: wanted.get(key) for key in ("ImageId", "InstanceType", "SubnetId", "KeyName")} | named
    parameters |= _groups(wanted.get("SecurityGroupIds", []))
    return {key: str(value) for key, value in parameters.items() if value}


def _template_data(reference: Mapping[str, str] | None) -> Properties:
    if reference is None:
        return {}
    versions = ec2._launch_templates[reference["LaunchTemplateId"]]["Versions"]
    data = next(each for each in versions if str(each["VersionNumber"]) == str(reference["Version"]))
    return dict(data["LaunchTemplateData"])


def _run(parameters: Mapping[str, str], tags: list[dict[str, str]]) -> Made:
    instance_id = _id(_call("RunInstances", {**parameters, "MinCount": "1", "MaxCount": "1"}), "instanceId")
    _tag(instance_id, tags)
    groups = {key: value for key, value in parameters.items() if key.startswith("SecurityGroupId.")}
    for interface_id in _interfaces_of(instance_id) if groups else ():
        _call("ModifyNetworkInterfaceAttribute", {"NetworkInterfaceId": interface_id, **groups})
    return instance_id, _attributes(instance_id)


def _attributes(instance_id: str) -> dict[str, str]:
    instance = ec2._instances[instance_id]
    zone = instance["Placement"]["AvailabilityZone"]
    return {"PrivateIp": instance["PrivateIpAddress"], "AvailabilityZone": zone, "InstanceId": instance_id}


def _terminate(instance_id: str, _properties: Properties) -> None:
    _call("TerminateInstances", {"InstanceId.1": instance_id})


def _interfaces_of(instance_id: str) -> list[str]:
    interfaces = ec2._network_interfaces.items()
    return [key for key, each in interfaces if (each.get("Attachment") or {}).get("InstanceId") == instance_id]


def _make_interface(_logical_id: str, properties: Properties, _stack_name: str) -> Made:
    known = ("SubnetId", "PrivateIpAddress", "Description")
    parameters: dict[str, str] = {key: properties[key] for key in known if key in properties}
    parameters |= _groups(properties.get("GroupSet", []))
    interface_id = _id(_call("CreateNetworkInterface", parameters), "networkInterfaceId")
    if str(properties.get("SourceDestCheck", "true")).lower() == "false":
        change = {"NetworkInterfaceId": interface_id, "SourceDestCheck.Value": "false"}
        _call("ModifyNetworkInterfaceAttribute", change)
    _tag(interface_id, properties.get("Tags", []))
    address = ec2._network_interfaces[interface_id]["PrivateIpAddress"]
    return interface_id, {"Id": interface_id, "PrimaryPrivateIpAddress": address}


def _make_volume(_logical_id: str, properties: Properties, _stack_name: str) -> Made:
    known = ("AvailabilityZone", "Size", "VolumeType", "Encrypted", "SnapshotId")
    parameters = {key: str(properties[key]) for key in known if key in properties}
    volume_id = _id(_call("CreateVolume", parameters), "volumeId")
    _tag(volume_id, properties.get("Tags", []))
    return volume_id, {"VolumeId": volume_id}


def _attach_volume(_logical_id: str, properties: Properties, _stack_name: str) -> Made:
    _call("AttachVolume", {key: properties[key] for key in ("Device", "InstanceId", "VolumeId")})
    return f"{properties['VolumeId']}|{properties['InstanceId']}", {}


def _detach_volume(_attachment: str, properties: Properties) -> None:
    _call("DetachVolume", {"VolumeId": properties["VolumeId"]})


def _allocate_address(_logical_id: str, properties: Properties, _stack_name: str) -> Made:
    answer = _call("AllocateAddress", {"Domain": properties.get("Domain", "vpc")})
    address, allocation_id = _id(answer, "publicIp"), _id(answer, "allocationId")
    _tag(allocation_id, properties.get("Tags", []))
    return address, {"AllocationId": allocation_id, "PublicIp": address}


def _release_address(address: str, _properties: Properties) -> None:
    found = [key for key, each in ec2._addresses.items() if each.get("PublicIp") == address]
    for allocation_id in found:
        _call("ReleaseAddress", {"AllocationId": allocation_id})


def _make_nat_gateway(_logical_id: str, properties: Properties, _stack_name: str) -> Made:
    parameters = {key: properties[key] for key in ("SubnetId", "AllocationId")}
    gateway_id = _id(_call("CreateNatGateway", parameters), "natGatewayId")
    _tag(gateway_id, properties.get("Tags", []))
    return gateway_id, {"NatGatewayId": gateway_id}


def _make_vpn_gateway(_logical_id: str, properties: Properties, _stack_name: str) -> Made:
    gateway_id = _id(_call("CreateVpnGateway", {"Type": properties["Type"]}), "vpnGatewayId")
    _tag(gateway_id, properties.get("Tags", []))
    return gateway_id, {"VPNGatewayId": gateway_id}


def _permit(_logical_id: str, properties: Properties, _stack_name: str) -> Made:
    _call("AuthorizeSecurityGroupIngress", _permission(properties))
    return f"{properties['GroupId']}|{properties.get('FromPort')}|{properties.get('SourceSecurityGroupId')}", {}


def _forbid(_rule: str, properties: Properties) -> None:
    if properties["GroupId"] in ec2._security_groups:
        _call("RevokeSecurityGroupIngress", _permission(properties))


def _permission(properties: Properties) -> dict[str, str]:
    rule = "IpPermissions.1"
    named = {f"{rule}.{key}": properties[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in properties}
    if "CidrIp" in properties:
        named[f"{rule}.IpRanges.1.CidrIp"] = properties["CidrIp"]
    else:
        named[f"{rule}.Groups.1.GroupId"] = properties["SourceSecurityGroupId"]
    return {"GroupId": properties["GroupId"], **{key: str(value) for key, value in named.items()}}


def _make_group(logical_id: str, properties: Properties, stack_name: str) -> Made:
    from ministack.services.cloudformation import provisioners

    name, attributes = provisioners._asg_create(logical_id, properties, stack_name)
    tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in properties.get("Tags", [])]
    subnets = properties["VPCZoneIdentifier"]
    group = autoscaling._asgs[name]
    for number in range(group["DesiredCapacity"]):
        subnet_id = subnets[number % len(subnets)]
        network_of_subnet = ipaddress.ip_network(ec2._subnets[subnet_id]["CidrBlock"])
        address = network_of_subnet[_FIRST_LAUNCHED + number // len(subnets)]
        parameters = {**_launch_parameters(properties), "SubnetId": subnet_id, "PrivateIpAddress": str(address)}
        instance_id, _ = _run(parameters, tags)
        group["Instances"].append(
            {
                "InstanceId": instance_id,
                "LifecycleState": "InService",
                "HealthStatus": "Healthy",
                "AvailabilityZone": ec2._subnets[subnet_id]["AvailabilityZone"],
                "ProtectedFromScaleIn": False,
                "LaunchTemplate": group["LaunchTemplate"],
                "LaunchConfigurationName": "",
            }
        )
    for target_group in properties.get("TargetGroupARNs", []):
        targets = {f"Targets.member.{n}.Id": [each["InstanceId"]] for n, each in enumerate(group["Instances"], 1)}
        alb._register_targets({"TargetGroupArn": [target_group], **targets})
    return name, attributes


def _remove_group(name: str, properties: Properties) -> None:
    from ministack.services.cloudformation import provisioners

    for instance in autoscaling._asgs[name]["Instances"] if name in autoscaling._asgs else ():
        _terminate(instance["InstanceId"], {})
    provisioners._asg_delete(name, properties)


def _remover(kind: str) -> Callable[[str, Properties], None]:
    def remove(resource_id: str, _properties: Properties) -> None:
        _call(f"Delete{kind}", {f"{kind}Id": resource_id})

    return remove


def _call(action: str, parameters: Mapping[str, str]) -> str:
    """What the action answers. Raises ValueError."""
    status, _headers, body = ec2._ACTION_MAP[action]({key: [value] for key, value in parameters.items()})
    text: str = body.decode()
    if status != 200:
        raise ValueError(f"{action}: {text}")
    return text


def _id(answer: str, element: str) -> str:
    """The first one in it. Raises LookupError."""
    found = re.search(rf"<{element}>([^<]+)</{element}>", answer)
    if found is None:
        raise LookupError(f"No {element} in {answer}")
    return found[1]


def _groups(group_ids: list[str]) -> dict[str, str]:
    return {f"SecurityGroupId.{number}": group_id for number, group_id in enumerate(group_ids, start=1)}


def _tag(resource_id: str, tags: list[dict[str, str]]) -> None:
    if tags:
        ec2._tags[resource_id] = list(tags)
