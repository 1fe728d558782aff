"""environment/template.yaml on the local cloud: what it makes, row by row, and what a second deployment changes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from environment.provision.generate_documents import DOCUMENTS
from testbed.cloud.launch import RunningCloud
from testbed.stack.deployment import list_resources, read_outputs
from testbed.stack.endpoint import Clients, Endpoint
from testbed.stack.sam import find_sam
from testbed.stack.template import read_template

TEMPLATE = Path(__file__).parents[2] / "environment" / "template.yaml"
STACK = "garoon-environment"
ACCOUNT = "111111111111"
PARAMETERS = {"DatabaseImage": "/image", "AppImage": "/image", "DnsForOnPremises": "None"}
"""The local cloud has no parameters of AWS's own, and neither Route 53 Resolver nor Directory Service."""

SUBNETS = {  # network -> Availability Zone, route table
    "10.0.1.0/24": ("ap-northeast-1a", "nat"),
    "10.0.4.0/24": ("ap-northeast-1c", "nat"),
    "10.0.2.0/24": ("ap-northeast-1a", "app-1"),
    "10.0.5.0/24": ("ap-northeast-1c", "app-2"),
    "10.0.3.0/24": ("ap-northeast-1a", "db-1"),
    "10.0.6.0/24": ("ap-northeast-1c", "db-2"),
    "10.0.12.0/24": ("ap-northeast-1a", "db-1"),
    "10.0.14.0/24": ("ap-northeast-1c", "db-2"),
    "10.0.8.0/24": ("ap-northeast-1a", "alb"),
    "10.0.9.0/24": ("ap-northeast-1c", "alb"),
    "10.0.16.0/24": ("ap-northeast-1a", "alb"),
    "10.0.17.0/24": ("ap-northeast-1c", "alb"),
}
ROUTES = {  # route table -> destination, kind of target
    "alb": {("198.18.0.0/24", "vgw")},
    "nat": {("0.0.0.0/0", "igw")},
    "app-1": {("0.0.0.0/0", "nat"), ("10.1.0.10/32", "eni")},
    "app-2": {("0.0.0.0/0", "nat"), ("10.1.0.10/32", "eni")},
    "db-1": {("0.0.0.0/0", "nat")},
    "db-2": {("0.0.0.0/0", "nat")},
}
RULES = {  # security group -> protocol, ports, source
    "garoon-alb": {("tcp", 80, 80, "198.18.0.0/24")},
    "garoon-app": {("tcp", 80, 80, "garoon-alb")},
    "garoon-db": {
        *(("tcp", port, port, source) for port in (3770, 2049) for source in ("10.0.2.0/24", "10.0.5.0/24")),
        *(("tcp", port, port, "garoon-db") for port in (3770, 2049, 22)),
        ("tcp", 7788, 7799, "garoon-db"),
    },
}
INTERFACES = {  # address -> server, its interface, whether source and destination are checked
    "10.0.3.4": ("db-01", 0, False),
    "10.0.12.4": ("db-01", 1, True),
    "10.0.6.4": ("db-02", 0, False),
    "10.0.14.4": ("db-02", 1, True),
}


@dataclass(frozen=True)
class Deployed:
    clients: Clients
    stack: str = STACK

    @property
    def outputs(self) -> dict[str, str]:
        return read_outputs(self.clients, self.stack)

    def resources(self) -> dict[str, str]:
        """Physical ids, by logical ids."""
        listed = list_resources(self.clients, self.stack)
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed}

    def deploy(self, parameters: Mapping[str, str]) -> str:
        """By the SAM CLI, as a company does; what it printed."""
        ran = self.try_to_deploy(parameters)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def try_to_deploy(self, parameters: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        arguments = [f"{name}={value}" for name, value in (PARAMETERS | dict(parameters)).items()]
        command = [
            *(str(find_sam()), "deploy", "--template-file", str(TEMPLATE), "--stack-name", self.stack),
            *(
                "--s3-bucket",
                "artifacts",
                "--capabilities",
                "CAPABILITY_IAM",
                "CAPABILITY_AUTO_EXPAND",
                "--no-fail-on-empty-changeset",
            ),
            *("--no-progressbar", "--parameter-overrides", *arguments),
        ]
        environment = {"PATH": "/usr/bin:/bin", "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5"}
        return subprocess.run(
            command,
            env={**environment, **self.clients.endpoint.environment()},
            cwd=TEMPLATE.parent,
            capture_output=True,
            text=True,
            check=False,
        )

    def delete(self) -> None:
        self.clients.cloudformation.delete_stack(StackName=self.stack)
        waiter = self.clients.cloudformation.get_waiter("stack_delete_complete")
        waiter.wait(StackName=self.stack, WaiterConfig={"Delay": 1})


@pytest.fixture(scope="module")
def deployed(cloud: RunningCloud) -> Deployed:
    environment = Deployed(Clients(Endpoint(cloud.endpoint_url, account=ACCOUNT)))
    environment.clients.ssm.put_parameter(Name="/image", Value="ami-0123456789abcdef0", Type="String")
    environment.clients.s3.create_bucket(
        Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"}
    )
    environment.deploy({})
    return environment


def name_of(resource: Any) -> str:
    return next((tag["Value"] for tag in resource.get("Tags", []) if tag["Key"] == "Name"), "")


def test_subnets_lie_in_their_zones_and_have_their_route_tables(deployed: Deployed) -> None:
    ec2 = deployed.clients.ec2
    tables = {
        association["SubnetId"]: name_of(table)
        for table in ec2.describe_route_tables()["RouteTables"]
        for association in table["Associations"]
        if "SubnetId" in association
    }
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [deployed.outputs["VpcId"]]}])["Subnets"]

    found = {each["CidrBlock"]: (each["AvailabilityZone"], tables[each["SubnetId"]]) for each in subnets}

    assert found == SUBNETS


def test_route_tables_lead_where_they_should(deployed: Deployed) -> None:
    filters = [{"Name": "vpc-id", "Values": [deployed.outputs["VpcId"]]}]
    tables = deployed.clients.ec2.describe_route_tables(Filters=filters)["RouteTables"]  # type: ignore[arg-type]

    assert {name_of(table): routes_of(table) for table in tables if name_of(table)} == ROUTES


def routes_of(table: Any) -> set[tuple[str, str]]:
    keys = ("NetworkInterfaceId", "NatGatewayId", "GatewayId")
    targets = (
        (route["DestinationCidrBlock"], next(route[key] for key in keys if key in route)) for route in table["Routes"]
    )
    return {(destination, target.partition("-")[0]) for destination, target in targets if target != "local"}


def test_the_virtual_ip_leads_to_the_home_node(deployed: Deployed) -> None:
    outputs = deployed.outputs
    tables = deployed.clients.ec2.describe_route_tables(RouteTableIds=outputs["RouteTableIds"].split(","))[
        "RouteTables"
    ]

    leads = {
        route["NetworkInterfaceId"]
        for table in tables
        for route in table["Routes"]
        if route.get("DestinationCidrBlock") == f"{outputs['VirtualIp']}/32"
    }

    assert len(tables) == 2
    assert leads == {outputs["NodeAEth0InterfaceId"]}


def test_security_groups_let_in_what_is_needed(deployed: Deployed) -> None:
    filters = [{"Name": "vpc-id", "Values": [deployed.outputs["VpcId"]]}]
    groups = deployed.clients.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]  # type: ignore[arg-type]
    names = {group["GroupId"]: name_of(group) for group in groups}

    assert {name_of(group): rules_of(group, names) for group in groups if name_of(group)} == RULES


def rules_of(group: Any, names: Mapping[str, str]) -> set[tuple[str, int, int, str]]:
    return {
        (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], source)
        for rule in group["IpPermissions"]
        for source in (
            *(each["CidrIp"] for each in rule["IpRanges"]),
            *(names[each["GroupId"]] for each in rule["UserIdGroupPairs"]),
        )
    }


def test_servers_have_their_interfaces_and_volumes(deployed: Deployed) -> None:
    ec2 = deployed.clients.ec2
    servers = {
        instance["InstanceId"]: instance
        for reservation in ec2.describe_instances()["Reservations"]
        for instance in reservation["Instances"]
    }
    found = {
        interface["PrivateIpAddress"]: (
            name_of(servers[interface["Attachment"]["InstanceId"]]),
            interface["Attachment"]["DeviceIndex"],
            interface["SourceDestCheck"],
        )
        for interface in ec2.describe_network_interfaces()["NetworkInterfaces"]
        if interface["PrivateIpAddress"] in INTERFACES
    }
    volumes = {
        (name_of(servers[attachment["InstanceId"]]), attachment["Device"], volume["Size"], volume["Encrypted"])
        for volume in ec2.describe_volumes()["Volumes"]
        for attachment in volume["Attachments"]
        if attachment["Device"] == "/dev/xvdb"
    }

    assert found == INTERFACES
    assert volumes == {("db-01", "/dev/xvdb", 8, True), ("db-02", "/dev/xvdb", 8, True)}
    for name in ("NodeA", "NodeB"):
        assert servers[deployed.resources()[name]]["IamInstanceProfile"]["Arn"]


def test_load_balancer_is_internal_and_checks_garoon_on_the_app_servers(deployed: Deployed) -> None:
    elbv2 = deployed.clients.elbv2
    (balancer,) = elbv2.describe_load_balancers()["LoadBalancers"]
    (group,) = elbv2.describe_target_groups(TargetGroupArns=[deployed.outputs["TargetGroupArn"]])["TargetGroups"]
    (listener,) = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    targets = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]

    assert balancer["Scheme"] == "internal"
    assert (listener["Port"], listener["Protocol"]) == (80, "HTTP")
    assert (group["Port"], group["HealthCheckPath"]) == (80, "/cgi-bin/cbgrn/grn.cgi")
    assert (group["HealthCheckIntervalSeconds"], group["UnhealthyThresholdCount"], group["HealthyThresholdCount"]) == (
        10,
        2,
        2,
    )
    assert len(targets) == 2


def test_users_find_the_load_balancer_by_name(deployed: Deployed) -> None:
    route53 = deployed.clients.route53
    (zone,) = route53.list_hosted_zones()["HostedZones"]
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    (balancer,) = deployed.clients.elbv2.describe_load_balancers()["LoadBalancers"]

    (alias,) = [record for record in records if record["Type"] == "A"]

    assert zone["Name"] == "garoon-internal.local."
    # A zone with a VPC is private. The local cloud does not tell the two apart.
    assert read_template(TEMPLATE)["Resources"]["Zone"]["Properties"]["VPCs"]
    assert alias["Name"] == "elb.garoon-internal.local."
    assert balancer["DNSName"] in alias["AliasTarget"]["DNSName"]


def test_outputs_are_parameters_of_the_controller() -> None:
    outputs, parameters = read_template(TEMPLATE)["Outputs"], read_template()["Parameters"]

    assert outputs.keys() <= parameters.keys()
    # What says where the installation is has no default: all of it is handed over.
    assert {name for name, parameter in parameters.items() if "Default" not in parameter} <= outputs.keys() | {
        "NotificationEmail"
    }


def test_a_second_deployment_changes_nothing_and_a_changed_parameter_only_what_must(deployed: Deployed) -> None:
    before = deployed.resources()

    assert "No changes to deploy" in deployed.deploy({})
    deployed.deploy({"HealthCheckPath": "/cgi-bin/cbgrn/grn.exe"})

    assert deployed.resources() == before
    (group,) = deployed.clients.elbv2.describe_target_groups()["TargetGroups"]
    assert group["HealthCheckPath"] == "/cgi-bin/cbgrn/grn.exe"


def test_a_new_image_replaces_no_server_in_service(deployed: Deployed) -> None:
    before = deployed.resources()
    deployed.clients.ssm.put_parameter(Name="/image", Value="ami-0fedcba9876543210", Type="String", Overwrite=True)

    deployed.deploy({})

    assert {name: deployed.resources()[name] for name in ("NodeA", "NodeB")} == {
        name: before[name] for name in ("NodeA", "NodeB")
    }


def test_servers_are_set_up_by_two_documents(deployed: Deployed) -> None:
    resources = deployed.resources()

    for name, document in (("DatabaseSetUpDocument", DOCUMENTS[0]), ("AppSetUpDocument", DOCUMENTS[1])):
        content = yaml.safe_load(deployed.clients.ssm.get_document(Name=resources[name])["Content"])
        assert content["parameters"].keys() == document.parameters.keys()
        [script] = content["mainSteps"][0]["inputs"]["runCommand"]
        assert script.rstrip() == document.script().rstrip()
    assert {"NodeASetUp", "NodeBSetUp", "AppSetUp"} <= resources.keys()


def test_a_companys_installer_may_be_read_by_the_servers_and_nothing_else(deployed: Deployed) -> None:
    deployed.deploy({"GaroonInstaller": "s3://company/garoon.tar"})
    policy = deployed.resources()["InstallerPolicy"]

    version = deployed.clients.iam.get_policy_version(PolicyArn=policy, VersionId="v1")["PolicyVersion"]
    assert version["Document"]["Statement"] == [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::company/garoon.tar"}
    ]
    deployed.deploy({})


def test_a_copy_has_volumes_of_its_own_which_go_with_it(deployed: Deployed) -> None:
    ec2 = deployed.clients.ec2
    original = deployed.outputs
    snapshots = [ec2.create_snapshot(VolumeId=original[f"Node{node}DataVolumeId"])["SnapshotId"] for node in ("A", "B")]
    copy = Deployed(deployed.clients, "rehearsal-environment")
    given = {"NodeADataSnapshotId": snapshots[0], "NodeBDataSnapshotId": snapshots[1], "DataVolumes": "Kept"}

    refused = copy.try_to_deploy(given)
    assert refused.returncode != 0
    assert "must have no way to the premises" in refused.stdout + refused.stderr
    copy.deploy({**given, "OnPremisesLink": "None"})

    volumes = [copy.outputs[f"Node{node}DataVolumeId"] for node in ("A", "B")]
    assert [each["SnapshotId"] for each in ec2.describe_volumes(VolumeIds=volumes)["Volumes"]] == snapshots
    assert not set(copy.outputs["RouteTableIds"].split(",")) & set(original["RouteTableIds"].split(","))
    copy.delete()
    left = {volume["VolumeId"] for volume in ec2.describe_volumes()["Volumes"]}
    assert not left & set(volumes)
    assert original["NodeADataVolumeId"] in left


def test_deleting_it_keeps_the_data_volumes(deployed: Deployed) -> None:
    clients = deployed.clients
    resources = deployed.resources()
    vpc = [{"Name": "vpc-id", "Values": [deployed.outputs["VpcId"]]}]

    deployed.delete()

    kept = {volume["VolumeId"] for volume in clients.ec2.describe_volumes()["Volumes"]}
    assert {resources["NodeADataVolume"], resources["NodeBDataVolume"]} <= kept
    assert clients.ec2.describe_subnets(Filters=vpc)["Subnets"] == []  # type: ignore[arg-type]
    assert clients.elbv2.describe_load_balancers()["LoadBalancers"] == []
