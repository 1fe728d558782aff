"""environment/template.yaml: what AWS asks for and the local cloud lets pass."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from testbed.stack.template import read_template

TEMPLATE = read_template(Path(__file__).parents[2] / "environment" / "template.yaml")
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
SERVERS = ("NodeA", "NodeB", "AppGroupOfServers")
TOOLS = {"dpkg": "exit 0", "curl": 'echo "curl $*"', "apt-get": 'echo "apt-get $*"', "systemctl": 'echo "systemctl $*"'}


def of_type(name: str) -> dict[str, Any]:
    return {
        logical_id: resource.get("Properties", {})
        for logical_id, resource in RESOURCES.items()
        if resource["Type"] == name
    }


def depends_on(logical_id: str) -> set[str]:
    given = RESOURCES[logical_id].get("DependsOn", [])
    return {given} if isinstance(given, str) else set(given)


def test_descriptions_of_security_groups_have_the_characters_that_ec2_takes() -> None:
    """EC2 API Reference, CreateSecurityGroup and IpRange; an apostrophe, for one, fails the deployment."""
    groups, rules = of_type("AWS::EC2::SecurityGroup"), of_type("AWS::EC2::SecurityGroupIngress")
    descriptions = [group["GroupDescription"] for group in groups.values()]
    for rule in (*rules.values(), *(rule for group in groups.values() for rule in group["SecurityGroupIngress"])):
        descriptions.append(rule["Description"])

    assert [
        each for each in descriptions if not re.fullmatch(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}", each)
    ] == []


@pytest.mark.parametrize("server", SERVERS)
def test_a_servers_way_out_is_there_before_it_boots(server: str) -> None:
    """User data runs at the first boot alone, and downloads the agent. A reference to a subnet waits for no route."""
    properties = RESOURCES[server]["Properties"]
    subnets = properties.get("VPCZoneIdentifier") or [
        RESOURCES[each["NetworkInterfaceId"]["Ref"]]["Properties"]["SubnetId"]
        for each in properties["NetworkInterfaces"]
        if each["DeviceIndex"] == "0"
    ]
    for subnet in subnets:
        [(association, table)] = [
            (logical_id, each["RouteTableId"])
            for logical_id, each in of_type("AWS::EC2::SubnetRouteTableAssociation").items()
            if each["SubnetId"] == subnet
        ]
        [route] = [
            logical_id
            for logical_id, each in of_type("AWS::EC2::Route").items()
            if each["RouteTableId"] == table and each["DestinationCidrBlock"] == "0.0.0.0/0"
        ]

        assert {association, route, "ObjectsEndpoint"} <= depends_on(server)


def test_a_nat_gateways_own_way_out_is_there_before_what_goes_through_it() -> None:
    for logical_id, gateway in of_type("AWS::EC2::NatGateway").items():
        [association] = [
            name
            for name, each in of_type("AWS::EC2::SubnetRouteTableAssociation").items()
            if each["SubnetId"] == gateway["SubnetId"]
        ]

        assert {"NatRoute", association} <= depends_on(logical_id)


@pytest.mark.parametrize(
    ("template", "parameter"), [("DatabaseTemplate", "DatabaseRootDevice"), ("AppTemplate", "AppRootDevice")]
)
def test_the_root_volume_is_the_images(template: str, parameter: str) -> None:
    """Debian's images have /dev/xvda, RHEL's /dev/sda1: under the other name it would be a second volume."""
    [mapping] = RESOURCES[template]["Properties"]["LaunchTemplateData"]["BlockDeviceMappings"]

    assert mapping["DeviceName"] == {"Ref": parameter}
    assert mapping["Ebs"]["Encrypted"] is True
    assert TEMPLATE["Parameters"][parameter]["Default"] == "/dev/xvda"
    assert "/dev/sda1" in TEMPLATE["Parameters"][parameter]["AllowedValues"]


@pytest.mark.parametrize("role", ["DatabaseRole", "AppRole"])
def test_the_right_to_the_installer_is_there_before_the_servers(role: str) -> None:
    """The set-up runs once: what it was refused it does not ask for again."""
    policies = RESOURCES[role]["Properties"]["ManagedPolicyArns"]

    assert {"Fn::If": ["HasGaroonInstaller", {"Ref": "InstallerPolicy"}, {"Ref": "AWS::NoValue"}]} in policies


def test_data_volumes_outlive_the_stack_but_not_a_first_deployment_that_failed() -> None:
    """Retain would keep new volumes when the stack's creation is rolled back, two at each try."""
    for name in ("NodeADataVolume", "NodeBDataVolume"):
        assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("template", ["DatabaseTemplate", "AppTemplate"])
def test_user_data_installs_the_agent_and_waits_for_whoever_holds_dpkg(template: str, tmp_path: Path) -> None:
    """A server that has just booted may be updating itself, and `dpkg --install` would fail at once."""
    text = RESOURCES[template]["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"]
    for name, value in {"AWS::Region": "ap-northeast-1", "AWS::URLSuffix": "amazonaws.com"}.items():
        text = text.replace(f"${{{name}}}", value)
    text = text.replace("${!", "${")
    for name, answer in TOOLS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{answer}\n")
        (tmp_path / name).chmod(0o755)

    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "TMPDIR": str(tmp_path)}
    ran = subprocess.run(["bash", "-c", text], env=environment, capture_output=True, text=True, check=True)

    downloaded, installed, started = ran.stdout.splitlines()
    url = "https://s3.ap-northeast-1.amazonaws.com/amazon-ssm-ap-northeast-1/latest/debian_amd64/amazon-ssm-agent.deb"
    assert downloaded.endswith(f"/amazon-ssm-agent.deb {url}")
    assert "--option DPkg::Lock::Timeout=600 install /" in installed
    assert started == "systemctl enable --now amazon-ssm-agent"
    assert len(text.encode()) < 16 * 1024
