"""`garoon-failover discover`: the right answer or a precise question, never a wrong parameter."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import tomlkit
from garoon_failover.discover import ORDER, TUNED
from garoon_failover.discovery import CLUSTER_TAG
from garoon_failover.samconfig import read_parameters

from testbed.cloud.launch import RunningCloud
from testbed.garoon.installation import Node, point_virtual_ip
from testbed.stack.sam import find_sam
from tests.cli.conftest import Place, run

READ_OVERRIDES = """
import json, sys
from samcli.cli.types import CfnParameterOverridesType
print(json.dumps(CfnParameterOverridesType().convert(tuple(json.loads(sys.argv[1])), None, None)))
"""


def read_as_sam_does(overrides: list[str]) -> dict[str, str]:
    """The parameters in parameter_overrides, read by the SAM CLI's own code, in the CLI's own environment."""
    command = [str(find_sam().resolve().with_name("python")), "-c", READ_OVERRIDES, json.dumps(overrides)]
    read: dict[str, str] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return read


def test_an_installation_is_found_without_a_question(standing: Place) -> None:
    answer = run("discover", "--virtual-ip", "10.1.0.10", "--json")

    assert answer.code == 0, answer
    said = answer.json()
    wanted = {
        name: value
        for name, value in standing.installation.parameters().items()
        if name not in ("DatabasePort", "PathPort")
    }
    assert {name: one["value"] for name, one in said["parameters"].items()} == wanted
    assert all(one["source"] for one in said["parameters"].values())


def test_what_it_writes_is_what_sam_reads(standing: Place, own_directory: Path) -> None:
    assert run("discover", "--email", "ops@example.com").code == 0

    text = (own_directory / "samconfig.toml").read_text()
    parameters = read_parameters(tomlkit.parse(text))
    assert parameters["NodeAInstanceId"] == standing.installation.nodes["db-01"].instance_id
    assert parameters["NotificationEmail"] == "ops@example.com"
    overrides = tomllib.loads(text)["default"]["deploy"]["parameters"]["parameter_overrides"]
    assert read_as_sam_does(overrides) == parameters
    node_a = standing.installation.nodes["db-01"]
    assert f"# interface number 0 of {node_a.instance_id}\n" in text, "each value says where it was found"


def test_it_reads_its_own_file_and_keeps_what_a_user_wrote_into_it(standing: Place, own_directory: Path) -> None:
    file = own_directory / "samconfig.toml"
    file.write_text(
        '# ours\n[default.deploy.parameters]\nresolve_s3 = false\ns3_bucket = "mine"\n'
        'parameter_overrides = "FenceTimeoutSeconds=\\"120\\" DatabasePort=3306"\n'
    )
    assert run("discover").code == 0
    written = file.read_text()
    assert run("discover").code == 0

    assert file.read_text() == written, "a second time changes nothing"
    assert written.startswith("# ours\n")
    assert tomllib.loads(written)["default"]["deploy"]["parameters"]["s3_bucket"] == "mine"
    assert read_parameters(tomlkit.parse(written))["FenceTimeoutSeconds"] == "120"
    assert read_parameters(tomlkit.parse(written))["DatabasePort"] == "3306"


def test_one_route_table_for_both_zones(place: Place) -> None:
    ec2, tables = place.clients.ec2, place.installation.route_tables
    [old] = ec2.describe_route_tables(RouteTableIds=[tables["app-1c"]])["RouteTables"]
    ec2.replace_route_table_association(
        AssociationId=old["Associations"][0]["RouteTableAssociationId"], RouteTableId=tables["app-1a"]
    )
    ec2.delete_route(RouteTableId=tables["app-1c"], DestinationCidrBlock="10.1.0.10/32")

    found = run("discover", "--json").json()["parameters"]

    assert found["RouteTableIds"]["value"] == tables["app-1a"]
    assert found["ExportClients"]["value"] == place.installation.outputs["ExportClients"]


def test_other_names_and_devices_and_six_tables_that_carry_the_virtual_ip(place: Place) -> None:
    ec2, installation = place.clients.ec2, place.installation
    node_a, node_b = installation.nodes.values()
    for node, name in ((node_a, "Garoon DB (first)"), (node_b, "Garoon DB (second)")):
        ec2.create_tags(Resources=[node.instance_id], Tags=[{"Key": "Name", "Value": name}])
        ec2.detach_volume(VolumeId=node.data_volume_id)
        ec2.attach_volume(VolumeId=node.data_volume_id, InstanceId=node.instance_id, Device="/dev/sdf")
    for name, table in installation.route_tables.items():
        if name not in ("app-1a", "app-1c"):
            ec2.create_route(
                RouteTableId=table,
                DestinationCidrBlock="10.1.0.10/32",
                NetworkInterfaceId=node_a.eth0_interface_id,
            )

    found = run("discover", "--json").json()["parameters"]

    assert set(found["RouteTableIds"]["value"].split(",")) == set(installation.route_tables.values())
    assert found["NodeADataVolumeId"]["value"] == node_a.data_volume_id
    assert found["NodeAName"] == {
        "value": "db-01",
        "source": f"the default; the tag Name of {node_a.instance_id} is 'Garoon DB (first)'",
    }
    assert found["ExportClients"]["value"] == installation.outputs["ExportClients"], "nodes' subnets do not mount"


def with_others(place: Place) -> dict[str, str]:
    """A second cluster, 10.1.0.20, and a third server that looks like a standby: their instance ids by name."""
    ec2, installation = place.clients.ec2, place.installation
    made = {}
    for name, like in (("other-01", "db-01"), ("other-02", "db-02"), ("db-03", "db-02")):
        node = installation.nodes[like]
        interfaces = [
            ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
            for subnet in node.subnet_ids
        ]
        ec2.modify_network_interface_attribute(NetworkInterfaceId=interfaces[0], SourceDestCheck={"Value": False})
        instance = ec2.run_instances(
            ImageId="ami-0123456789abcdef0",
            MinCount=1,
            MaxCount=1,
            NetworkInterfaces=[{"DeviceIndex": i, "NetworkInterfaceId": one} for i, one in enumerate(interfaces)],
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
        )["Instances"][0]
        volume = ec2.create_volume(AvailabilityZone=instance["Placement"]["AvailabilityZone"], Size=8)["VolumeId"]
        ec2.attach_volume(VolumeId=volume, InstanceId=instance["InstanceId"], Device="/dev/xvdb")
        made[name] = instance["InstanceId"]
        if name == "other-01":
            ec2.create_route(
                RouteTableId=installation.route_tables["app-1a"],
                DestinationCidrBlock="10.1.0.20/32",
                NetworkInterfaceId=interfaces[0],
            )
    return made


def test_among_others_in_the_same_vpc_it_asks_which_is_the_standby(place: Place, own_directory: Path) -> None:
    made = with_others(place)
    db_02 = place.installation.nodes["db-02"].instance_id

    answer = run("discover", "--json")

    assert answer.code == 2
    [question] = answer.json()["questions"]
    assert question["option"] == "--standby"
    assert {one["value"] for one in question["choices"]} == {db_02, made["other-02"], made["db-03"]}, (
        "the other cluster's active node is out of the question"
    )
    assert not (own_directory / "samconfig.toml").exists()
    assert "NodeBInstanceId" not in answer.json()["parameters"]


def test_the_standby_is_named_by_an_option_or_by_a_tag_on_both(place: Place) -> None:
    with_others(place)
    nodes = place.installation.nodes
    assert run("discover", "--standby", "db-02", "--json").json()["parameters"]["NodeBInstanceId"]["value"] == (
        nodes["db-02"].instance_id
    )
    place.clients.ec2.create_tags(
        Resources=[node.instance_id for node in nodes.values()], Tags=[{"Key": CLUSTER_TAG, "Value": "garoon"}]
    )
    answer = run("discover", "--json")
    assert answer.code == 0
    assert answer.json()["parameters"]["NodeBInstanceId"]["value"] == nodes["db-02"].instance_id


def test_a_standby_that_is_none_is_refused_with_what_it_lacks(place: Place) -> None:
    eth0 = place.installation.nodes["db-02"].eth0_interface_id
    place.clients.ec2.modify_network_interface_attribute(NetworkInterfaceId=eth0, SourceDestCheck={"Value": True})

    answer = run("discover")

    assert answer.code == 2
    assert f"source/dest check is on on its eth0, {eth0}" in answer.out


def test_routes_that_point_to_both_nodes_are_a_question(place: Place) -> None:
    point_virtual_ip(place.clients, place.installation, "db-02", ("app-1c",))

    answer = run("discover", "--json")
    [question] = answer.json()["questions"]
    assert (answer.code, question["option"]) == (2, "--active")

    found = run("discover", "--active", "db-02", "--json").json()["parameters"]
    assert found["NodeAName"]["value"] == "db-02", "A is the one that is active when the stack is deployed"


def test_several_volumes_are_a_question(place: Place) -> None:
    node = place.installation.nodes["db-01"]
    extra = place.clients.ec2.create_volume(AvailabilityZone=f"ap-northeast-{node.zone}", Size=20)["VolumeId"]
    place.clients.ec2.attach_volume(VolumeId=extra, InstanceId=node.instance_id, Device="/dev/xvdc")

    [question] = run("discover", "--json").json()["questions"]
    assert question["option"] == "--data-volume-a"

    answer = run("discover", "--data-volume-a", node.data_volume_id, "--json")
    assert answer.json()["parameters"]["NodeADataVolumeId"]["value"] == node.data_volume_id


CONTRADICTIONS: dict[str, tuple[Callable[[Node, Node], dict[str, str]], Callable[[Node, Node], list[str]]]] = {
    "an eth1 interface given as eth0": (
        lambda a, _b: {"NodeAEth0InterfaceId": a.eth1_interface_id},
        lambda a, _b: [
            f"{a.eth1_interface_id}, which is eth1 of db-01",
            f"eth0 of db-01 ({a.instance_id}) is {a.eth0_interface_id}",
        ],
    ),
    "the other node's interface": (
        lambda _a, b: {"NodeAEth0InterfaceId": b.eth0_interface_id},
        lambda _a, b: [f"{b.eth0_interface_id}, which is attached to db-02 ({b.instance_id})"],
    ),
    "a volume that is attached elsewhere": (
        lambda _a, b: {"NodeADataVolumeId": b.data_volume_id},
        lambda a, b: [f"{b.data_volume_id}, which is attached to db-02", f"NodeAInstanceId is db-01 ({a.instance_id})"],
    ),
    "a subnet of the other node": (
        lambda _a, b: {"NodeAEth1SubnetId": b.eth1_subnet_id},
        lambda a, b: [
            f"{b.eth1_subnet_id}, that of eth1 of db-02",
            f"eth1 of db-01 ({a.instance_id}) has {a.eth1_subnet_id}",
        ],
    ),
    "eth0 and eth1 in each other's place": (
        lambda a, _b: {"NodeAEth0Address": a.eth1_address, "NodeAEth1Address": a.eth0_address},
        lambda a, _b: [f"NodeAEth0Address is {a.eth1_address}, that of eth1 of db-01", f"has {a.eth0_address}"],
    ),
    "A and B in each other's place": (
        lambda a, b: {"NodeAInstanceId": b.instance_id, "NodeBInstanceId": a.instance_id},
        lambda a, b: [
            f"NodeAEth0InterfaceId is {a.eth0_interface_id}, which is attached to db-01",
            f"eth0 of db-02 ({b.instance_id})",
        ],
    ),
    "one node twice": (
        lambda a, _b: {"NodeBInstanceId": a.instance_id},
        lambda a, _b: [f"NodeAInstanceId and NodeBInstanceId are both {a.instance_id}"],
    ),
    "an instance that is not there": (
        lambda _a, _b: {"NodeBInstanceId": "i-0123456789abcdef0"},
        lambda _a, _b: ["NodeBInstanceId is i-0123456789abcdef0", "has no such instance"],
    ),
    "a table without the virtual IP": (
        lambda _a, _b: {"RouteTableIds": "rtb-0123456789abcdef0"},
        lambda _a, _b: ["RouteTableIds has rtb-0123456789abcdef0", "carries 10.1.0.10/32, but is not in RouteTableIds"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_what_contradicts_another_fact_is_refused_with_both(standing: Place, own_directory: Path, case: str) -> None:
    give, expect = CONTRADICTIONS[case]
    node_a, node_b = standing.installation.nodes["db-01"], standing.installation.nodes["db-02"]

    answer = run("discover", *(f"--set={name}={value}" for name, value in give(node_a, node_b).items()))

    assert answer.code == 2
    for words in expect(node_a, node_b):
        assert words in answer.out
    assert not (own_directory / "samconfig.toml").exists()


def test_what_the_file_says_otherwise_is_refused_until_it_may_be_replaced(standing: Place, own_directory: Path) -> None:
    node = standing.installation.nodes["db-01"]
    file = own_directory / "samconfig.toml"
    file.write_text(
        f'[default.deploy.parameters]\nparameter_overrides = ["NodeAInstanceId={node.instance_id}", '
        f'"NodeAEth0InterfaceId={node.eth1_interface_id}"]\n'
    )
    before = file.read_text()

    refused = run("discover")
    assert refused.code == 2
    assert f"NodeAEth0InterfaceId is {node.eth1_interface_id}, which is eth1" in refused.out
    assert file.read_text() == before

    assert run("discover", "--replace").code == 0
    assert read_parameters(tomlkit.parse(file.read_text()))["NodeAEth0InterfaceId"] == node.eth0_interface_id


def test_an_account_without_the_virtual_ip_says_which_addresses_there_are(standing: Place) -> None:
    answer = run("discover", "--virtual-ip", "10.1.0.99")
    assert answer.code == 4
    assert "No route table in ap-northeast-1 has an entry for 10.1.0.99/32." in answer.err
    assert "10.1.0.10" in answer.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "NodeAName"], "is not NAME=VALUE"),
        (["--set", "NoSuch=1"], "no parameter NoSuch"),
        (["--set", 'NodeAName="x"'], "quotation marks"),
        (["--vpc", "vpc-0"], "Name one of these"),
        (["--standby", "db-77"], "--standby db-77 is none of"),
        (["--target-group", "none"], "There is no target group none"),
        (["--data-volume-a", "vol-0"], "vol-0 is given as the data volume"),
    ],
)
def test_a_bad_option_gets_a_sentence(standing: Place, arguments: list[str], words: str) -> None:
    answer = run("discover", *arguments)
    assert answer.code == 2
    assert words in answer.out + answer.err


def test_a_file_that_is_no_toml_is_left_alone(standing: Place, own_directory: Path) -> None:
    (own_directory / "samconfig.toml").write_text("this is = = not toml")
    answer = run("discover")
    assert answer.code == 2
    assert "samconfig.toml cannot be read" in answer.err


def test_it_changes_nothing(standing: Place, cloud: RunningCloud) -> None:
    log = cloud.world_directory / "api-calls.jsonl"
    before = len(log.read_text().splitlines())
    assert run("discover").code == 0
    calls = [json.loads(line) for line in log.read_text().splitlines()[before:]]
    assert calls
    assert all(call["action"].startswith(("Describe", "Get", "List")) for call in calls)


def test_the_parameters_are_the_templates() -> None:
    template = (Path(__file__).parents[2] / "template.yaml").read_text()
    section = template.partition("\nParameters:\n")[2].partition("\nMappings:")[0]
    assert set(re.findall(r"^  (\w+):$", section, re.MULTILINE)) == {*ORDER, *TUNED}
