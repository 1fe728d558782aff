"""Network ACLs behave as the VPC's do, and cut off the hosts of a subnet that lets nothing through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from testbed.world.cut_off import read_cut_off
from tests.cloud.conftest import Account, Instance, name


def _acl_of(account: Account, subnet_id: str) -> dict[str, Any]:
    """The network ACL of a subnet, with only that subnet's association."""
    (acl,) = account.client("ec2").describe_network_acls(
        Filters=[{"Name": "association.subnet-id", "Values": [subnet_id]}]
    )["NetworkAcls"]
    (association,) = [each for each in acl["Associations"] if each["SubnetId"] == subnet_id]
    return {
        "id": acl["NetworkAclId"],
        "default": acl["IsDefault"],
        "association": association["NetworkAclAssociationId"],
    }


def _make_acl(account: Account, vpc_id: str) -> str:
    return str(account.client("ec2").create_network_acl(VpcId=vpc_id)["NetworkAcl"]["NetworkAclId"])


def _replace(account: Account, subnet_id: str, acl_id: str) -> str:
    association_id = _acl_of(account, subnet_id)["association"]
    answer = account.client("ec2").replace_network_acl_association(AssociationId=association_id, NetworkAclId=acl_id)
    return str(answer["NewAssociationId"])


def test_a_new_subnet_has_the_vpc_s_default_network_acl(account: Account) -> None:
    """Amazon VPC User Guide, "Network ACL basics"."""
    instance = account.make_instance()
    assert _acl_of(account, instance.subnet_id)["default"]
    others = account.client("ec2").create_subnet(VpcId=instance.vpc_id, CidrBlock="10.0.4.0/24")["Subnet"]["SubnetId"]
    assert _acl_of(account, others)["id"] == _acl_of(account, instance.subnet_id)["id"]


def test_a_new_network_acl_denies_everything_both_ways(account: Account) -> None:
    """Amazon VPC User Guide, "Custom network ACLs"."""
    acl_id = _make_acl(account, account.make_instance().vpc_id)
    (acl,) = account.client("ec2").describe_network_acls(NetworkAclIds=[acl_id])["NetworkAcls"]
    assert {(entry["RuleNumber"], entry["RuleAction"], entry["Egress"]) for entry in acl["Entries"]} == {
        (32767, "deny", False),
        (32767, "deny", True),
    }
    assert acl["Associations"] == []


def test_a_replaced_association_has_a_new_id_and_the_old_one_is_gone(account: Account) -> None:
    """EC2 API Reference, ReplaceNetworkAclAssociation; "Error codes": InvalidAssociationID.NotFound."""
    instance, ec2 = account.make_instance(), account.client("ec2")
    acl_id, before = _make_acl(account, instance.vpc_id), _acl_of(account, instance.subnet_id)
    new_id = _replace(account, instance.subnet_id, acl_id)
    after = _acl_of(account, instance.subnet_id)
    assert (after["id"], after["association"]) == (acl_id, new_id)
    assert new_id != before["association"]
    with pytest.raises(ClientError, match=r"InvalidAssociationID\.NotFound"):
        ec2.replace_network_acl_association(AssociationId=before["association"], NetworkAclId=acl_id)
    with pytest.raises(ClientError, match=r"InvalidNetworkAclID\.NotFound"):
        ec2.replace_network_acl_association(AssociationId=new_id, NetworkAclId="acl-0123456789abcdef0")


def test_a_network_acl_in_use_cannot_be_deleted(account: Account) -> None:
    """EC2 API Reference, DeleteNetworkAcl: not while it is associated with a subnet."""
    instance = account.make_instance()
    default, acl_id = _acl_of(account, instance.subnet_id)["id"], _make_acl(account, instance.vpc_id)
    _replace(account, instance.subnet_id, acl_id)
    with pytest.raises(ClientError, match="DependencyViolation"):
        account.client("ec2").delete_network_acl(NetworkAclId=acl_id)
    _replace(account, instance.subnet_id, default)
    account.client("ec2").delete_network_acl(NetworkAclId=acl_id)


def test_a_filter_that_matches_nothing_finds_nothing(account: Account) -> None:
    """EC2 API Reference, DescribeNetworkAcls: filters."""
    filters = [{"Name": "association.subnet-id", "Values": ["subnet-0123456789abcdef0"]}]
    assert account.client("ec2").describe_network_acls(Filters=filters)["NetworkAcls"] == []


def _cut_off(account: Account, instance: Instance) -> set[str]:
    return set(read_cut_off(account.cloud.world_directory).get(instance.id, ()))


def test_a_host_is_cut_off_while_its_subnet_lets_nothing_through(account: Account) -> None:
    """Amazon VPC User Guide, "Network ACL basics": evaluated when traffic enters and leaves the subnet; stateless."""
    instance, other = account.make_instance(), account.make_instance()
    default, acl_id = _acl_of(account, instance.subnet_id)["id"], _make_acl(account, instance.vpc_id)
    _replace(account, instance.subnet_id, acl_id)
    assert (_cut_off(account, instance), _cut_off(account, other)) == ({"eth0"}, set())
    _replace(account, instance.subnet_id, default)
    assert _cut_off(account, instance) == set()


def test_a_network_acl_that_allows_one_way_only_lets_nobody_talk(account: Account) -> None:
    """Amazon VPC User Guide, "Network ACL basics": responses are not allowed by themselves."""
    instance, ec2 = account.make_instance(), account.client("ec2")
    acl_id = _make_acl(account, instance.vpc_id)
    _replace(account, instance.subnet_id, acl_id)
    entry = {"NetworkAclId": acl_id, "RuleNumber": 100, "Protocol": "-1", "RuleAction": "allow"}
    ec2.create_network_acl_entry(**entry, Egress=False, CidrBlock="0.0.0.0/0")
    assert _cut_off(account, instance) == {"eth0"}
    ec2.create_network_acl_entry(**entry, Egress=True, CidrBlock="0.0.0.0/0")
    assert _cut_off(account, instance) == set()
    ec2.delete_network_acl_entry(NetworkAclId=acl_id, RuleNumber=100, Egress=True)
    assert _cut_off(account, instance) == {"eth0"}


def test_cloudformation_makes_and_deletes_a_network_acl(account: Account) -> None:
    """CloudFormation Template Reference, AWS::EC2::NetworkAcl: Ref is the id; it has only the entries that deny."""
    instance, cloudformation, stack = account.make_instance(), account.client("cloudformation"), name("acls")
    template = {
        "Resources": {"Acl": {"Type": "AWS::EC2::NetworkAcl", "Properties": {"VpcId": instance.vpc_id}}},
        "Outputs": {"Id": {"Value": {"Ref": "Acl"}}},
    }
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    acl_id = described["Outputs"][0]["OutputValue"]
    ec2 = account.client("ec2")
    (acl,) = ec2.describe_network_acls(NetworkAclIds=[acl_id])["NetworkAcls"]
    assert acl["VpcId"] == instance.vpc_id
    assert {entry["RuleAction"] for entry in acl["Entries"]} == {"deny"}
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    with pytest.raises(ClientError, match="InvalidNetworkAclID"):
        ec2.describe_network_acls(NetworkAclIds=[acl_id])
