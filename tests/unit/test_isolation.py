"""The adapter on an account that answers as EC2 does: one node is cut off whole, and gets back exactly what it had."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from failover.adapters import isolation
from failover.errors import Failed, NotYet
from failover.proof import NotProven, Proof, Proven
from failover.settings import Node, Settings

from tests.unit.conftest import FakeTime
from tests.unit.fake_network import FakeNetwork


def why_not(proof: Proof) -> str:
    assert isinstance(proof, NotProven)
    return proof.why


@pytest.fixture
def installation(aws: None, settings: Settings) -> Settings:
    """db-01 with an interface in each of its two subnets, and the stack's network ACL; the settings have their ids."""
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=network)["Subnet"]["SubnetId"]
        for network in ("10.0.3.0/24", "10.0.12.0/24", "10.0.6.0/24")
    ]
    interfaces = [add_interface(subnet) for subnet in subnets[:2]]
    instance = ec2.run_instances(
        ImageId="ami-0123456789abcdef0",
        MinCount=1,
        MaxCount=1,
        NetworkInterfaces=[
            {"DeviceIndex": index, "NetworkInterfaceId": interface} for index, interface in enumerate(interfaces)
        ],
    )["Instances"][0]["InstanceId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    home = settings.node_a.model_copy(
        update={"instance_id": instance, "eth0_subnet_id": subnets[0], "eth1_subnet_id": subnets[1]}
    )
    return settings.model_copy(update={"node_a": home, "isolation_acl_id": acl})


def add_interface(subnet: str) -> str:
    interface = boto3.client("ec2").create_network_interface(SubnetId=subnet)["NetworkInterface"]
    return str(interface["NetworkInterfaceId"])


def acl_ids(node: Node) -> list[str]:
    return [acl.acl_id for acl in isolation.read_acls(node)]


def test_node_is_isolated_and_gets_back_what_its_subnets_had(installation: Settings) -> None:
    home = installation.node_a
    before = isolation.read_acls(home)
    assert [acl.subnet_id for acl in before] == list(home.subnet_ids)
    assert all(acl.does_allow for acl in before)
    assert isolation.isolated(before, installation) == []

    isolation.isolate(before, installation)
    isolation.isolate(isolation.read_acls(home), installation)
    during = isolation.read_acls(home)
    assert isolation.isolated(during, installation) == during
    assert not any(acl.does_allow for acl in during)

    recorded = {acl.subnet_id: acl.acl_id for acl in before}
    isolation.restore(during, recorded, installation)
    isolation.restore(isolation.read_acls(home), recorded, installation)
    assert acl_ids(home) == [acl.acl_id for acl in before]


def test_subnet_of_which_nothing_is_recorded_keeps_the_other_from_being_restored(installation: Settings) -> None:
    home = installation.node_a
    before = isolation.read_acls(home)
    isolation.isolate(before, installation)
    with pytest.raises(Failed, match=home.eth1_subnet_id):
        isolation.restore(isolation.read_acls(home), {home.eth0_subnet_id: before[0].acl_id}, installation)
    assert acl_ids(home) == [installation.isolation_acl_id] * 2


def test_subnet_that_does_not_exist_is_named(installation: Settings) -> None:
    wrong = installation.node_a.model_copy(update={"eth1_subnet_id": "subnet-0dead"})
    with pytest.raises(Failed, match="subnet-0dead"):
        isolation.read_acls(wrong)


def test_whatever_else_is_in_the_way_is_named(installation: Settings) -> None:
    home: Any = installation.node_a
    assert isinstance(isolation.prove_alone(home), Proven)
    other = add_interface(home.eth1_subnet_id)
    assert other in why_not(isolation.prove_alone(home))
    boto3.client("ec2").delete_network_interface(NetworkInterfaceId=other)
    elsewhere = home.model_copy(update={"eth1_subnet_id": home.eth0_subnet_id})
    assert "not one of its configured subnets" in why_not(isolation.prove_alone(elsewhere))


class LateAssociations(FakeNetwork):
    """Each change gives an association a new id, and for some time EC2 shows the old one."""

    def __init__(self, settings: Settings, clock: FakeTime, seconds_late: float) -> None:
        super().__init__(settings)
        self._clock, self._shown_at = clock, clock.now + seconds_late

    def _acls(self, filters: dict[str, list[str]]) -> dict[str, Any]:
        answer = super()._acls(filters)
        for acl in answer["NetworkAcls"] if self._clock.now < self._shown_at else []:
            for association in acl["Associations"]:
                association["NetworkAclAssociationId"] = "aclassoc-old"
        return answer

    def replace_network_acl_association(self, AssociationId: str, NetworkAclId: str) -> None:  # noqa: N803
        if AssociationId == "aclassoc-old":
            answer: Any = {"Error": {"Code": "InvalidAssociationID.NotFound", "Message": "It does not exist."}}
            raise ClientError(answer, "ReplaceNetworkAclAssociation")
        super().replace_network_acl_association(AssociationId, NetworkAclId)


@pytest.mark.parametrize(("seconds_late", "is_isolated"), [(6.0, True), (60.0, False)])
def test_association_that_ec2_shows_too_late_is_read_again_and_is_no_final_error(
    seconds_late: float, is_isolated: bool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeTime()
    network = LateAssociations(settings, clock, seconds_late)
    monkeypatch.setattr(isolation, "client", lambda _service: network)
    monkeypatch.setattr(isolation, "time", clock)
    node = settings.node_a
    if is_isolated:
        isolation.isolate(isolation.read_acls(node), settings)
    else:
        with pytest.raises(NotYet, match="does not agree with itself"):
            isolation.isolate(isolation.read_acls(node), settings)
    assert isinstance(isolation.prove_isolated(node, settings), Proven) is is_isolated


def test_eth0_in_the_subnet_of_eth1_is_not_cut_off_in_the_wrong_order(installation: Settings) -> None:
    home = installation.node_a
    [eth0] = boto3.client("ec2").describe_network_interfaces(
        Filters=[{"Name": "subnet-id", "Values": [home.eth0_subnet_id]}]
    )["NetworkInterfaces"]
    swapped = home.model_copy(
        update={
            "eth0_interface_id": eth0["NetworkInterfaceId"], "eth0_subnet_id": home.eth1_subnet_id,
            "eth1_subnet_id": home.eth0_subnet_id,
        }
    )  # fmt: skip
    assert "configured to be in" in why_not(isolation.prove_alone(swapped))
