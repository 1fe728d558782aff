"""`garoon-failover preflight`: each finding comes with its cause alone; what could not be seen is no green."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from failover.adapters.targets import TargetCheck, TargetHealth
from failover.models import Unknown
from failover.node_answers import BlockDevice, NodeHost, NodeSurvey, ReplicaRoom, VerbResult
from failover.proof import NotProven, Proven
from garoon_failover import on_nodes
from garoon_failover.account import Account, Instance, Interface, Subnet, Table, TargetGroup, Volume
from garoon_failover.network import AclEntry, GroupRule, Network, SecurityGroup
from garoon_failover.on_nodes import Seen
from garoon_failover.preconditions import REPLICATION_PORT, Agent, Facts, Verdict, judge

from tests.cli.conftest import Place, run

ARN = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/app/1"
OPEN = tuple(
    AclEntry(number=100, is_egress=is_egress, is_allow=True, protocol="-1", cidr="0.0.0.0/0")
    for is_egress in (True, False)
)
EVERYTHING = GroupRule(protocol="-1", first_port=0, last_port=65535, cidrs=("0.0.0.0/0",))
OF_THE_DB = GroupRule(protocol="tcp", first_port=0, last_port=65535, cidrs=("10.0.0.0/16",))


def interface(
    name: str, subnet: str, address: str, instance: str, index: int, *, is_checked: bool = False
) -> Interface:
    return Interface(
        id=name, subnet_id=subnet, address=address, instance_id=instance, device_index=index,
        is_source_dest_check_on=is_checked, group_ids=("sg-db",),
    )  # fmt: skip


INTERFACES = (
    interface("eni-0a", "subnet-0a0", "10.0.3.4", "i-0a", 0),
    interface("eni-1a", "subnet-0a1", "10.0.12.4", "i-0a", 1),
    interface("eni-0b", "subnet-0b0", "10.0.6.4", "i-0b", 0),
    interface("eni-1b", "subnet-0b1", "10.0.14.4", "i-0b", 1),
    interface("eni-app", "subnet-app", "10.0.2.10", "i-app", 0, is_checked=True),
)


def instance(letter: str, **changes: Any) -> Instance:
    return Instance(
        id=f"i-0{letter}", name=f"db-{letter}", zone=f"ap-northeast-1{letter}", type="m5.large", state="running",
        root_device="/dev/xvda", tags={}, profile_arn="arn:aws:iam::123456789012:instance-profile/db",
    ).model_copy(update=changes)  # fmt: skip


def volume(letter: str, **changes: Any) -> Volume:
    made = Volume(id=f"vol-0{letter}", size_gib=8, instance_id=f"i-0{letter}", device="/dev/xvdb")
    return made.model_copy(update=changes)


def an_account(**changes: Any) -> Account:
    return Account(
        vpc_id="vpc-0",
        tables=(
            Table(
                id="rtb-0a", name="app", vpc_id="vpc-0", host_routes={"10.1.0.10": "eni-0a"},
                subnet_ids=("subnet-app",), is_main=False,
            ),
        ),
        subnets=tuple(Subnet(id=one.subnet_id, cidr="10.0.0.0/24", zone="z") for one in INTERFACES),
        interfaces=INTERFACES,
        instances=(instance("a"), instance("b"), instance("app", id="i-app")),
        volumes=(volume("a"), volume("b")),
        target_groups=(TargetGroup(arn=ARN, name="app", type="instance", targets=("i-app",)),),
    ).model_copy(update=changes)  # fmt: skip


def a_network(**changes: Any) -> Network:
    group = SecurityGroup(id="sg-db", name="db", inbound=(OF_THE_DB,), outbound=(EVERYTHING,))
    return Network(groups={"sg-db": group}, acls={one.subnet_id: ("acl-0", OPEN) for one in INTERFACES}).model_copy(
        update=changes
    )


PARAMETERS = {
    "VpcId": "vpc-0", "VirtualIp": "10.1.0.10", "RouteTableIds": "rtb-0a", "TargetGroupArn": ARN,
    "NodeAInstanceId": "i-0a", "NodeAEth0InterfaceId": "eni-0a", "NodeADataVolumeId": "vol-0a", "NodeAName": "db-01",
    "NodeBInstanceId": "i-0b", "NodeBEth0InterfaceId": "eni-0b", "NodeBDataVolumeId": "vol-0b", "NodeBName": "db-02",
}  # fmt: skip


def facts(**changes: Any) -> Facts:
    """An installation in which everything is as it must be, but for these changes."""
    return Facts(
        parameters=PARAMETERS,
        account=an_account(),
        vpc_cidrs=("10.0.0.0/16",),
        network=a_network(),
        agents=dict.fromkeys("AB", Agent(version="3.3.2746.0", is_online=True)),
        profile_policies=dict.fromkeys("AB", ("AmazonSSMManagedInstanceCore", "CloudWatchAgentServerPolicy")),
        alone=dict.fromkeys("AB", Proven(how="so it is")),
        stop_protection=dict.fromkeys("AB", False),
        hibernation=dict.fromkeys("AB", False),
        target_check=TargetCheck(interval_seconds=10, healthy_threshold=2, unhealthy_threshold=2),
        targets=[TargetHealth(target="i-app", state="healthy")],
        key_managers={},
        acl_count=3,
        concurrency=1000,
        denied_actions=(),
    ).model_copy(update=changes)


def closed(subnet: str, *entries: AclEntry) -> Network:
    return a_network(acls=a_network().acls | {subnet: ("acl-shut", entries)})


def entry(number: int, *, is_egress: bool, is_allow: bool = True, ports: tuple[int, int] = (0, 65535)) -> AclEntry:
    return AclEntry(
        number=number, is_egress=is_egress, is_allow=is_allow, protocol="6", cidr="10.0.0.0/16",
        first_port=ports[0], last_port=ports[1],
    )  # fmt: skip


def with_group(rule: GroupRule) -> Network:
    return a_network(groups={"sg-db": SecurityGroup(id="sg-db", name="db", inbound=(rule,), outbound=(EVERYTHING,))})


UNKNOWN = Unknown(why="You may not look.")
STOP, WARNING = Verdict.STOP, Verdict.WARNING
FINDINGS: dict[str, tuple[str, Verdict, str, dict[str, Any]]] = {
    "a parameter contradicts the account": (
        "parameters", STOP, "NodeAEth0InterfaceId is eni-1a, which is eth1",
        {"parameters": PARAMETERS | {"NodeAEth0InterfaceId": "eni-1a"}},
    ),
    "one zone": (
        "zones", WARNING, "Both nodes are in ap-northeast-1a",
        {"account": an_account(instances=(instance("a"), instance("b", zone="ap-northeast-1a"), instance("app", id="i-app")))},
    ),
    "source/dest check": (
        "source-dest-check", STOP, "eni-0b drops packets",
        {"account": an_account(interfaces=(*INTERFACES[:2], INTERFACES[2].model_copy(update={"is_source_dest_check_on": True}), *INTERFACES[3:]))},
    ),
    "a shared subnet": ("subnets", WARNING, "could not be isolated", {"alone": {"A": NotProven(why="the subnet holds eni-9"), "B": Proven(how="so it is")}}),
    "a security group without the replication's port": (
        "network", STOP, f"TCP {REPLICATION_PORT} does not get through",
        {"network": with_group(GroupRule(protocol="tcp", first_port=0, last_port=5000, cidrs=("10.0.0.0/16",)))},
    ),
    "a security group that lets UDP in only": (
        "network", STOP, "TCP 22 does not get through",
        {"network": with_group(GroupRule(protocol="udp", first_port=0, last_port=65535, cidrs=("10.0.0.0/16",)))},
    ),
    "a network ACL that denies before it allows": (
        "network", STOP, "the network ACL acl-shut of subnet-0b0 does not let TCP 22 in",
        {"network": closed("subnet-0b0", entry(50, is_egress=False, is_allow=False), *OPEN)},
    ),
    "a network ACL without the answers' ports": (
        "network", STOP, "does not let TCP 32768 out",
        {"network": closed("subnet-0b1", entry(1, is_egress=False), entry(1, is_egress=True, ports=(0, 30000)))},
    ),
    "no agent": ("ssm-agent", STOP, "knows no agent", {"agents": {"A": None, "B": Agent(version="3.3.2746.0", is_online=True)}}),
    "an old agent": ("ssm-agent", STOP, "older than 3.3.2746.0", {"agents": dict.fromkeys("AB", Agent(version="3.3.987.0", is_online=True))}),
    "a silent agent": ("ssm-agent", STOP, "does not answer", {"agents": dict.fromkeys("AB", Agent(version="3.4.0.0", is_online=False))}),
    "no profile": (
        "instance-profile", WARNING, "no instance profile",
        {"account": an_account(instances=(instance("a", profile_arn=None), instance("b"), instance("app", id="i-app")))},
    ),
    "a profile without rights": ("instance-profile", WARNING, "lacks CloudWatchAgentServerPolicy", {"profile_policies": dict.fromkeys("AB", ("AmazonSSMManagedInstanceCore",))}),
    "stop protection": ("stop-protection", STOP, "could not be fenced", {"stop_protection": {"A": False, "B": True}}),
    "hibernation": ("hibernation", STOP, "can be hibernated", {"hibernation": {"A": True, "B": False}}),
    "volumes of two sizes": ("volumes", STOP, "8 and 9 GiB", {"account": an_account(volumes=(volume("a"), volume("b", size_gib=9)))}),
    "a key of the customer's": (
        "kms-key", WARNING, "kms-1",
        {"account": an_account(volumes=(volume("a", kms_key_id="kms-1"), volume("b"))), "key_managers": {"kms-1": "CUSTOMER"}},
    ),
    "routes that disagree": (
        "routes", STOP, "eni-0a and eni-0b",
        {
            "account": an_account(tables=(*an_account().tables, an_account().tables[0].model_copy(update={"id": "rtb-0b", "host_routes": {"10.1.0.10": "eni-0b"}}))),
            "parameters": PARAMETERS | {"RouteTableIds": "rtb-0a,rtb-0b"},
        },
    ),
    "a virtual IP within the VPC": ("virtual-ip", STOP, "lies within the VPC's 10.1.0.0/16", {"vpc_cidrs": ("10.0.0.0/16", "10.1.0.0/16")}),
    "a slow check": ("target-check", WARNING, "150 s (30 s x 5)", {"target_check": TargetCheck(interval_seconds=30, healthy_threshold=5, unhealthy_threshold=2)}),
    "too few servers": ("targets", STOP, "0 servers are registered", {"targets": []}),
    "no healthy server": ("targets", WARNING, "0 servers are healthy", {"targets": [TargetHealth(target="i-app", state="unhealthy")]}),
    "too many network ACLs": ("quota", WARNING, "20 of 20", {"acl_count": 20}),
    "too few functions at once": ("quota", WARNING, "may run 5 functions", {"concurrency": 5}),
    "a right to deploy": ("rights", STOP, "iam:CreateRole", {"denied_actions": ("iam:CreateRole",)}),
}  # fmt: skip


def trouble(found: Facts) -> list[Any]:
    return [check for check in judge(found) if check.verdict is not Verdict.FINE]


def test_where_all_is_as_it_must_be_everything_is_fine() -> None:
    assert trouble(facts()) == []
    assert len(judge(facts())) > 15


@pytest.mark.parametrize("case", FINDINGS)
def test_a_finding_comes_with_its_cause_alone(case: str) -> None:
    name, verdict, words, changes = FINDINGS[case]
    found = trouble(facts(**changes))
    assert {(check.id, check.verdict) for check in found} == {(name, verdict)}
    assert any(words in check.meaning for check in found), found
    assert all(check.action for check in found)


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("vpc_cidrs", UNKNOWN, "virtual-ip"),
        ("network", UNKNOWN, "network"),
        ("agents", UNKNOWN, "ssm-agent"),
        ("profile_policies", {"A": UNKNOWN, "B": UNKNOWN}, "instance-profile"),
        ("alone", {"A": UNKNOWN, "B": Proven(how="so it is")}, "subnets"),
        ("stop_protection", {"A": UNKNOWN, "B": False}, "stop-protection"),
        ("hibernation", {"A": UNKNOWN, "B": False}, "hibernation"),
        ("target_check", UNKNOWN, "target-check"),
        ("targets", UNKNOWN, "targets"),
        ("acl_count", UNKNOWN, "quota"),
        ("concurrency", UNKNOWN, "quota"),
        ("denied_actions", UNKNOWN, "rights"),
    ],
)
def test_what_could_not_be_seen_is_not_fine(field: str, value: Any, name: str) -> None:
    found = trouble(facts(**{field: value}))
    assert {(check.id, check.verdict) for check in found} == {(name, Verdict.UNKNOWN)}
    assert "You may not look." in found[0].meaning


# --- what only the nodes can say ----------------------------------------------------------------------------------


def device(name: str = "xvdb1", size: int = 8 << 30, volume: str = "") -> BlockDevice:
    return BlockDevice(name=name, bytes=size, volume=volume)


def room(fits: str, *commands: str) -> ReplicaRoom:
    what = {"device": "/dev/xvdb1", "bytes": 8 << 30, "usedBytes": 8 << 30, "neededBytes": 299_008}
    return ReplicaRoom.model_validate({**what, "fits": fits, "commands": commands})


def seen(seconds_ahead: float = 0.0, services: tuple[str, ...] = ("cyde_5_0", "cyss_cbgrn"), **changes: Any) -> Seen:
    """A node on which everything is as it must be, but for these changes."""
    host = NodeHost(
        bash="5.2", missing_commands=(), engine="Mirror 8.4.11-1", agent="1.300071.0b1", devices=(device(),),
        mounted_at_boot=("/",), enabled_at_boot=(), free_mib={"/": 900, "/var": 900, "/run": 900}, room=room("internal"),
    )  # fmt: skip
    survey = NodeSurvey(services=services, missing=(), identifiers=(), database_ports=(), exports=())
    return Seen(survey=survey.model_copy(update={"host": host.model_copy(update=changes)}), seconds_ahead=seconds_ahead)


ON_NODES: dict[str, tuple[str, Verdict, str, dict[str, Seen | Unknown]]] = {
    "no answer": ("on-node", Verdict.UNKNOWN, "did not answer", {"B": Unknown(why="db-02 did not answer within 60 s.")}),
    "an old bash": ("tools", STOP, "older than 4.2", {"B": seen(bash="4.1")}),
    "no tools of the engine": ("tools", STOP, "It has no mirrorctl, dd", {"B": seen(missing_commands=("mirrorctl", "dd"))}),
    "no module": ("replication", STOP, "no replication engine", {"B": seen(engine="")}),
    "two versions of the engine": ("replication", WARNING, "One has Mirror 8.4.11-1, the other Mirror 9.2.18", {"B": seen(engine="Mirror 9.2.18")}),
    "another name": ("device", STOP, "no /dev/xvdb1, which DataDevice names. On vol-0b are /dev/nvme1n1p1.", {"B": seen(devices=(device("nvme1n1p1", volume="vol-0b"),))}),
    "another volume": ("device", STOP, "of vol-9, and Node*DataVolumeId is vol-0b", {"B": seen(devices=(device(volume="vol-9"),))}),
    "partitions of two sizes": ("device", STOP, "1,024 and 8,589,934,592 bytes", {"B": seen(devices=(device(size=1024),))}),
    "unseen devices": ("device", Verdict.UNKNOWN, "could not be listed", {"B": seen(devices=None)}),
    "a partition to be enlarged": ("room", WARNING, "299,008 bytes of /dev/xvdb1, whose file system fills it", {"B": seen(room=room("enlargedPartition", "growpart /dev/xvdb 1"))}),
    "a volume to be enlarged": ("room", WARNING, "as it fills its disk", {"B": seen(room=room("enlargedVolume", "growpart /dev/xvdb 1"))}),
    "a partition that is walled in": ("room", WARNING, "another partition lies behind it", {"B": seen(room=room("external"))}),
    "a device with something else": ("room", WARNING, "something that is no XFS", {"B": seen(room=room("unknown"))}),
    "unseen room": ("room", Verdict.UNKNOWN, "could not be looked for", {"B": seen(room=None)}),
    "fstab": ("fstab", WARNING, "mounts /mnt/DIR1 at boot", {"B": seen(mounted_at_boot=("/", "/mnt/DIR1"))}),
    "services at boot": ("boot", WARNING, "starts cyss_cbgrn at boot", {"B": seen(enabled_at_boot=("cyss_cbgrn",))}),
    "no CloudWatch agent": ("cloudwatch-agent", STOP, "no CloudWatch agent", {"B": seen(agent="")}),
    "a CloudWatch agent that stalls": ("cloudwatch-agent", WARNING, "can stop sending", {"B": seen(agent="1.300070.0b1")}),
    "a full disk": ("space", WARNING, "/var has 3 MiB left", {"B": seen(free_mib={"/": 900, "/var": 3})}),
    "unseen space": ("space", Verdict.UNKNOWN, "could not be read", {"B": seen(free_mib=None)}),
    "another identifier": ("services", STOP, "Services names cyss_cbgrn; it has cyde_5_0, cyss_cbgrn_01.", {"B": seen(services=("cyde_5_0", "cyss_cbgrn_01"))}),
    "a service more": ("services", WARNING, "cyss_cbgrn_01, which Services does not name", {"B": seen(services=("cyde_5_0", "cyss_cbgrn.service", "cyss_cbgrn_01"))}),
    "a clock ahead": ("clock", WARNING, "30 s ahead", {"B": seen(seconds_ahead=30.0)}),
    "a clock behind": ("clock", WARNING, "30 s behind", {"B": seen(seconds_ahead=-30.0)}),
}  # fmt: skip


@pytest.mark.parametrize("case", ON_NODES)
def test_a_finding_on_a_node_comes_with_its_cause_alone(case: str) -> None:
    name, verdict, words, changes = ON_NODES[case]
    found = [one for one in on_nodes.judge(PARAMETERS, {"A": seen()} | changes) if one.verdict is not Verdict.FINE]
    assert {(check.id, check.verdict) for check in found} == {(name, verdict)}
    assert any(words in check.meaning for check in found), found
    assert all(check.action for check in found)


def test_where_the_nodes_are_as_they_must_be_everything_is_fine() -> None:
    found = on_nodes.judge(PARAMETERS, {"A": seen(), "B": seen()})
    assert {check.verdict for check in found} == {Verdict.FINE}
    assert len(found) == 20


FURTHER = {"FurtherVolumes": "/dev/xvdc1:/dev/mirror1:/mnt/DIR2", "NodeADataVolumeId": "vol-0a,vol-1a", "NodeBDataVolumeId": "vol-0b,vol-1b"}  # fmt: skip


def test_each_of_several_volumes_is_held_against_both_nodes() -> None:
    both = (device(), device("xvdc1"))
    there = seen(devices=both, further_room=(room("internal"),))
    assert {one.verdict for one in on_nodes.judge(PARAMETERS | FURTHER, {"A": there, "B": there})} == {Verdict.FINE}

    wrong = seen(
        devices=(device(), device("xvdc1", 9 << 30, "vol-9")), mounted_at_boot=("/mnt/DIR2",), further_room=(None,)
    )
    found = [
        (check.id, check.meaning)
        for check in on_nodes.judge(PARAMETERS | FURTHER, {"A": there, "B": wrong})
        if check.verdict is not Verdict.FINE
    ]
    assert [one for one, _ in found] == ["device", "room", "fstab", "device"]
    assert "/dev/xvdc1 is of vol-9, and Node*DataVolumeId is vol-1b" in found[0][1]
    assert "/mnt/DIR2 at boot" in found[2][1]
    assert "/dev/xvdc1 has 8,589,934,592 and 9,663,676,416 bytes" in found[3][1]


def test_each_volume_has_an_ebs_volume_of_the_same_size() -> None:
    assert [check.meaning for check in trouble(facts(parameters=PARAMETERS | {"FurtherVolumes": FURTHER["FurtherVolumes"]}))] == [
        "NodeADataVolumeId names 1 of 2 volumes.", "NodeBDataVolumeId names 1 of 2 volumes."
    ]  # fmt: skip


def test_a_script_of_before_it_could_tell_is_unknown() -> None:
    old = seen().model_copy(update={"survey": seen().survey.model_copy(update={"host": None})})
    [check] = [one for one in on_nodes.judge(PARAMETERS, {"A": seen(), "B": old}) if one.verdict is not Verdict.FINE]
    assert (check.id, check.verdict) == ("on-node", Verdict.UNKNOWN)


def test_what_is_asked_before_the_deployment_needs_nothing_of_the_stack(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("\n".join(on_nodes.commands({"DataDevice": "/dev/nvme1n1p1"})))
    script.chmod(0o755)
    said = subprocess.run([script], capture_output=True, text=True, check=True, env={"GAROON_NODE_ROOT": str(tmp_path)})
    assert said.stderr == ""
    result = VerbResult.model_validate_json(said.stdout)
    assert (result.result, result.code) == ("done", "done")
    assert result.survey is not None
    assert result.survey.host is not None


def test_nobody_is_on_the_node_to_be_asked(standing: Place) -> None:
    assert run("discover").code == 0
    said = run("preflight", "--on-nodes", "--json").json()
    [first, second] = [check for check in said["checks"] if check["id"] == "on-node"]
    assert first["verdict"] == second["verdict"] == "unknown"


def test_within_a_subnet_no_network_acl_counts() -> None:
    source, target = INTERFACES[0], INTERFACES[2].model_copy(update={"subnet_id": INTERFACES[0].subnet_id})
    assert closed("subnet-0a0").why_not(source, target, 22) == ""
    assert closed("subnet-0a0").why_not(source, INTERFACES[2], 22) != ""


def test_a_rule_may_name_a_group() -> None:
    by_group = with_group(GroupRule(protocol="tcp", first_port=22, last_port=22, group_ids=("sg-db",)))
    assert by_group.why_not(INTERFACES[0], INTERFACES[2], 22) == ""
    assert "lets it in from 10.0.3.4" in by_group.why_not(INTERFACES[0], INTERFACES[2], 23)


def test_a_rule_with_a_prefix_list_may_let_it_through() -> None:
    listed = GroupRule(protocol="tcp", first_port=22, last_port=22, has_prefix_list=True)
    found = trouble(facts(network=with_group(listed)))
    assert {(check.id, check.verdict) for check in found} == {("network", Verdict.UNKNOWN)}


def test_a_security_group_that_is_not_seen_may_let_it_through() -> None:
    found = trouble(facts(network=a_network(groups={})))
    assert {(check.id, check.verdict) for check in found} == {("network", Verdict.UNKNOWN)}


def test_on_an_installation_without_agents_it_says_what_stops(standing: Place) -> None:
    assert run("discover").code == 0
    answer = run("preflight")
    assert answer.code == 1
    assert "stops you  db-01: Systems Manager knows no agent on it." in answer.out
    assert "does not get through" not in answer.out, "the ports are open"
    said = run("preflight", "--json").json()
    assert {check["id"] for check in said["checks"] if check["verdict"] == "stops you"} == {"ssm-agent"}
    assert said["readiness"] is None


def test_without_parameters_it_says_where_they_come_from(standing: Place) -> None:
    answer = run("preflight")
    assert answer.code == 4
    assert "garoon-failover discover" in answer.err
