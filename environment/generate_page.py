"""Writes the generated parts of docs/environment.md: `python -m environment.generate_page`.

Prices are assumed to be those that AWS lists for ap-northeast-1, in USD, without traffic; PRICES says each, so that
they can be checked.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from testbed.stack.template import read_template

TEMPLATE = Path(__file__).with_name("template.yaml")
PAGE = Path(__file__).parents[1] / "docs" / "environment.md"

HOURS_A_MONTH = 730
_USUAL = (None, "IsOriginal")
"""Conditions of what is there with every parameter's default."""
PRICES = {  # an hour, or a month where it says so
    "m6i.large": 0.124,
    "NAT gateway": 0.062,
    "public IPv4 address": 0.005,
    "load balancer, without its traffic": 0.0243,
    "address of the resolver endpoint": 0.125,
    "GB of gp3, a month": 0.096,
    "private zone, a month": 0.50,
}
ROOT_VOLUME_GB = 20


def generate(page: str) -> str:
    """The page with its generated parts made anew. Raises ValueError where a part's marks are missing."""
    template = read_template(TEMPLATE)
    for name, text in (("picture", picture(template)), ("subnets", subnets(template)), ("costs", costs(template))):
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        page, count = marked.subn(rf"\g<1>{text}\n\g<2>", page)
        if count != 1:
            raise ValueError(f"docs/environment.md has no marks of its part {name}.")
    return page


def picture(template: dict[str, Any]) -> str:
    """What lies in which subnet of which zone, and where the route tables lead."""
    resources = template["Resources"]
    lines = ["```mermaid", "flowchart TB", '  premises(["users on the premises"])']
    for zone, title in (("FirstZone", "first zone"), ("SecondZone", "second zone")):
        lines.append(f'  subgraph {zone}["{title}"]')
        for logical_id, subnet in _of_type(resources, "AWS::EC2::Subnet"):
            if subnet["AvailabilityZone"] == {"Ref": zone}:
                inside = ", ".join(_inside(resources, logical_id))
                lines.append(
                    f'    {logical_id}["{_name(subnet)} {_network(subnet)}{"<br/>" + inside if inside else ""}"]'
                )
        lines.append("  end")
    lines.append("  premises -->|port 80| BalancerSubnetA & BalancerSubnetB")
    lines.append("  BalancerSubnetA & BalancerSubnetB --> AppSubnetA & AppSubnetB")
    for _, route in _of_type(resources, "AWS::EC2::Route"):
        if "NetworkInterfaceId" in route:
            subnet_id = _subnet_of_table(resources, route["RouteTableId"]["Ref"])
            node = resources[route["NetworkInterfaceId"]["Ref"]]["Properties"]["SubnetId"]["Ref"]
            lines.append(f"  {subnet_id} ==>|{_default(template, 'VirtualIp')}| {node}")
    lines.append("  NodeAHeartbeatSubnet <-->|replication| NodeBHeartbeatSubnet")
    return "\n".join([*lines, "```"])


def subnets(template: dict[str, Any]) -> str:
    resources = template["Resources"]
    tables = {
        association["SubnetId"]["Ref"]: association["RouteTableId"]["Ref"]
        for _, association in _of_type(resources, "AWS::EC2::SubnetRouteTableAssociation")
    }
    rows = [
        f"| {_name(subnet)} | {_network(subnet)} | {', '.join(_inside(resources, logical_id)) or '-'} | "
        f"{_name(resources[tables[logical_id]]['Properties'])} | {'; '.join(_routes(template, tables[logical_id]))} |"
        for logical_id, subnet in _of_type(resources, "AWS::EC2::Subnet")
    ]
    return "\n".join(
        ["| subnet | network | what is in it | route table | its routes |", "| --- | --- | --- | --- | --- |", *rows]
    )


def costs(template: dict[str, Any]) -> str:
    """A month with every parameter's default."""
    kinds = Counter(
        resource["Type"] for resource in template["Resources"].values() if resource.get("Condition") in _USUAL
    )
    servers = kinds["AWS::EC2::Instance"] + int(_default(template, "AppServers"))
    data = kinds["AWS::EC2::Volume"] * int(_default(template, "DataVolumeGiB"))
    items = [
        (f"servers, {_default(template, 'DatabaseInstanceType')}", servers, "m6i.large", HOURS_A_MONTH),
        ("NAT gateways", kinds["AWS::EC2::NatGateway"], "NAT gateway", HOURS_A_MONTH),
        ("their addresses", kinds["AWS::EC2::EIP"], "public IPv4 address", HOURS_A_MONTH),
        (
            "load balancer",
            kinds["AWS::ElasticLoadBalancingV2::LoadBalancer"],
            "load balancer, without its traffic",
            HOURS_A_MONTH,
        ),
        ("addresses of the resolver endpoint", 2, "address of the resolver endpoint", HOURS_A_MONTH),
        ("GB of volumes", servers * ROOT_VOLUME_GB + data, "GB of gp3, a month", 1),
        ("private zone", kinds["AWS::Route53::HostedZone"], "private zone, a month", 1),
    ]
    rows = [f"| {what} | {count} | {count * PRICES[price] * times:.2f} |" for what, count, price, times in items]
    total = sum(count * PRICES[price] * times for _, count, price, times in items)
    return "\n".join(
        ["| what | how many | USD a month |", "| --- | --- | --- |", *rows, f"| **all** | | **{total:.0f}** |"]
    )


def _of_type(resources: dict[str, Any], kind: str) -> list[tuple[str, dict[str, Any]]]:
    return [(name, each["Properties"]) for name, each in resources.items() if each["Type"] == kind]


def _inside(resources: dict[str, Any], subnet: str) -> list[str]:
    """What that subnet holds, in words."""
    reference = {"Ref": subnet}
    found = [
        str(each["Description"])
        for _, each in _of_type(resources, "AWS::EC2::NetworkInterface")
        if each["SubnetId"] == reference
    ]
    found += ["NAT gateway" for _, each in _of_type(resources, "AWS::EC2::NatGateway") if each["SubnetId"] == reference]
    for kind, key, words in (
        ("AWS::AutoScaling::AutoScalingGroup", "VPCZoneIdentifier", "App servers"),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "Subnets", "load balancer"),
    ):
        found += [words for _, each in _of_type(resources, kind) if reference in each[key]]
    resolver = resources["ResolverEndpoint"]["Properties"]["IpAddresses"]
    return found + ["resolver endpoint" for each in resolver if each["SubnetId"] == reference]


_TARGETS = {
    "InternetGateway": "internet gateway",
    "VirtualPrivateGateway": "virtual private gateway",
    "NatGatewayA": "NAT gateway of the zone",
    "NatGatewayB": "NAT gateway of the zone",
    "NodeAEth0": "eth0 of the active node",
}
"""What a route's target is called, by its logical id."""


def _routes(template: dict[str, Any], table: str) -> list[str]:
    """With every parameter's default: so none to a transit gateway, which is not made here."""
    return [
        f"{_text(template, route['DestinationCidrBlock'])} to the {_TARGETS[target['Ref']]}"
        for _, route in _of_type(template["Resources"], "AWS::EC2::Route")
        if route["RouteTableId"] == {"Ref": table}
        for key in ("GatewayId", "NatGatewayId", "NetworkInterfaceId")
        if (target := route.get(key))
    ]


def _subnet_of_table(resources: dict[str, Any], table: str) -> str:
    associations = _of_type(resources, "AWS::EC2::SubnetRouteTableAssociation")
    return str(next(each["SubnetId"]["Ref"] for _, each in associations if each["RouteTableId"] == {"Ref": table}))


def _name(properties: dict[str, Any]) -> str:
    return str(next(tag["Value"] for tag in properties["Tags"] if tag["Key"] == "Name"))


def _network(subnet: dict[str, Any]) -> str:
    return str(subnet["CidrBlock"]["Fn::Sub"]).replace("${NetworkPrefix}", "10.0")


def _text(template: dict[str, Any], value: Any) -> str:
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return _default(template, str(value["Ref"]))
    return re.sub(r"\$\{(\w+)\}", lambda found: _default(template, found[1]), str(value["Fn::Sub"]))


def _default(template: dict[str, Any], parameter: str) -> str:
    return str(template["Parameters"][parameter]["Default"])


if __name__ == "__main__":
    PAGE.write_text(generate(PAGE.read_text()))
