"""What must exist before, judged from what the API says: pure functions, one for each line of the README's list."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from ipaddress import ip_address, ip_network

from failover.adapters.targets import TargetCheck, TargetHealth
from failover.models import Unknown, Value
from failover.proof import NotProven, Proof
from failover.readiness import LONGEST_UNTIL_HEALTHY_SECONDS

from garoon_failover.account import Account, Interface
from garoon_failover.contradictions import contradictions
from garoon_failover.discovery import carrying
from garoon_failover.network import Network

OLDEST_AGENT = (3, 3, 2746, 0)
"""Of the SSM Agent (docs/decisions/0004-parameters-as-environment.md)."""
NFS_PORT, REPLICATION_PORT = 2049, 7788
MANAGED = ("AmazonSSMManagedInstanceCore", "CloudWatchAgentServerPolicy")
MOST_TABLES = 50  # they travel in the functions' environment, of which Lambda allows 4 KB, beside the longest names
MOST_ACLS = 20  # per VPC unless raised (Amazon VPC User Guide, "Amazon VPC quotas")
FUNCTIONS_AT_ONCE = 10


def version_of(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)))


class Verdict(StrEnum):
    STOP = "stops you"
    WARNING = "warning"
    UNKNOWN = "unknown"  # it could not be seen
    FINE = "fine"


class Check(Value):
    id: str
    about: str
    verdict: Verdict
    meaning: str
    action: str = ""


class Agent(Value):
    """What Systems Manager knows of the agent on an instance."""

    version: str
    is_online: bool


class Facts(Value):
    """All that was asked. Mappings have the letters of the nodes as keys, where nothing else is said."""

    parameters: dict[str, str]
    account: Account
    vpc_cidrs: tuple[str, ...] | Unknown
    network: Network | Unknown
    agents: dict[str, Agent | None] | Unknown
    """None: Systems Manager knows no agent there."""
    profile_policies: dict[str, tuple[str, ...] | Unknown]
    """Names of the managed policies of each instance's role."""
    alone: dict[str, Proof | Unknown]
    """Whether isolating its subnets would cut off the node, and it alone."""
    stop_protection: dict[str, bool | Unknown]
    hibernation: dict[str, bool | Unknown]
    target_check: TargetCheck | Unknown
    targets: list[TargetHealth] | Unknown
    key_managers: dict[str, str | Unknown]
    """AWS or CUSTOMER, by the KMS key of a data volume."""
    acl_count: int | Unknown
    concurrency: int | Unknown
    """How many functions the account may run at once."""
    denied_actions: tuple[str, ...] | Unknown
    """What deploying needs, and the caller may not."""

    def name(self, letter: str) -> str:
        return self.parameters.get(f"Node{letter}Name", {"A": "db-01", "B": "db-02"}[letter])

    def instance_id(self, letter: str) -> str:
        return self.parameters[f"Node{letter}InstanceId"]

    def interfaces(self, letter: str) -> list[Interface]:
        return self.account.interfaces_of(self.instance_id(letter))

    def port(self, name: str, default: int) -> int:
        return int(self.parameters.get(name, default))


def judge(facts: Facts) -> list[Check]:
    """Every check, the gravest first."""
    return gravest_first(check for look in _CHECKS for check in look(facts))


def gravest_first(checks: Iterable[Check]) -> list[Check]:
    return sorted(checks, key=lambda check: list(Verdict).index(check.verdict))


def unknown(check: str, about: str, why: Unknown) -> Check:
    return Check(
        id=check,
        about=about,
        verdict=Verdict.UNKNOWN,
        meaning=f"It could not be seen: {why.why}",
        action="Ask again with a right to look at it, or look at it by hand.",
    )


def fine(check: str, about: str, meaning: str) -> Check:
    return Check(id=check, about=about, verdict=Verdict.FINE, meaning=meaning)


def stop(check: str, about: str, meaning: str, action: str) -> Check:
    return Check(id=check, about=about, verdict=Verdict.STOP, meaning=meaning, action=action)


def warn(check: str, about: str, meaning: str, action: str) -> Check:
    return Check(id=check, about=about, verdict=Verdict.WARNING, meaning=meaning, action=action)


def _parameters(facts: Facts) -> Iterator[Check]:
    told = contradictions(facts.parameters, facts.account)
    for sentence in told:
        yield stop("parameters", "parameters", sentence, "garoon-failover discover --replace finds the right value.")
    if not told:
        yield fine("parameters", "parameters", "The parameters agree with the account and with each other.")


def _zones(facts: Facts) -> Iterator[Check]:
    zones = {letter: facts.account.instance(facts.instance_id(letter)) for letter in "AB"}
    names = {one.zone for one in zones.values() if one}
    if len(names) == 1:
        yield warn("zones", "nodes", f"Both nodes are in {names.pop()}: when that zone fails, both fail.",
                    "Put one of them into another Availability Zone.")  # fmt: skip
    else:
        yield fine("zones", "nodes", f"The nodes are in {' and '.join(sorted(names))}.")


def _source_dest_check(facts: Facts) -> Iterator[Check]:
    for letter in "AB":
        for eth0 in facts.interfaces(letter)[:1]:
            if eth0.is_source_dest_check_on:
                yield stop("source-dest-check", facts.name(letter),
                            f"{eth0.id} drops packets for the virtual IP, which is not its own address.",
                            f"Switch source/dest check off on {eth0.id}.")  # fmt: skip
            else:
                yield fine("source-dest-check", facts.name(letter), f"Source/dest check is off on {eth0.id}.")


def _subnets(facts: Facts) -> Iterator[Check]:
    for letter, alone in facts.alone.items():
        if isinstance(alone, Unknown):
            yield unknown("subnets", facts.name(letter), alone)
        elif isinstance(alone, NotProven):
            yield warn("subnets", facts.name(letter), f"It could not be isolated, only stopped: {alone.why}.",
                        "Move what else is there to another subnet, or use FenceMethod StopInstance.")  # fmt: skip
        else:
            yield fine("subnets", facts.name(letter), "Its two subnets hold nothing but its own interfaces.")


def _ways(facts: Facts) -> Iterator[tuple[str, Interface, Interface, int]]:
    """What must get through: who to whom, in words, and where."""
    path, database = facts.port("PathPort", 22), facts.port("DatabasePort", 3770)
    for source, target in (("A", "B"), ("B", "A")):
        words = f"{facts.name(source)} to {facts.name(target)}"
        ways = zip(facts.interfaces(source)[:2], facts.interfaces(target)[:2], strict=False)
        for number, (eth_source, eth_target) in enumerate(ways):
            for port in (path, database, NFS_PORT) if number == 0 else (path, REPLICATION_PORT):
                yield f"{words} over eth{number}", eth_source, eth_target, port
    groups = [one for one in facts.account.target_groups if one.arn == facts.parameters.get("TargetGroupArn")]
    servers = {target for group in groups for target in group.targets}
    for interface in facts.account.interfaces:
        if servers & {interface.instance_id, interface.address}:
            for letter in "AB":
                for eth0 in facts.interfaces(letter)[:1]:
                    for port in (database, NFS_PORT):
                        yield f"App server {interface.instance_id} to {facts.name(letter)}", interface, eth0, port


def _reachability(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.network, Unknown):
        yield unknown("network", "security groups and network ACLs", facts.network)
        return
    ways = list(_ways(facts))
    is_fine = True
    for words, source, target, port in ways:
        why = facts.network.why_not(source, target, port)
        if not why:
            continue
        is_fine = False
        if all(map(facts.network.is_seen, (source, target))):
            yield stop("network", words, f"TCP {port} does not get through: {why}.",
                        "Add a rule that lets it through.")  # fmt: skip
        else:
            yield unknown("network", words, Unknown(why=f"TCP {port}, {why}, as far as its rules can be read."))
    if is_fine:
        yield fine("network", "ports", f"All {len(ways)} ways between nodes and App servers are open.")


def _agents(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.agents, Unknown):
        yield unknown("ssm-agent", "SSM Agent", facts.agents)
        return
    oldest = ".".join(map(str, OLDEST_AGENT))
    for letter, agent in facts.agents.items():
        name = facts.name(letter)
        if agent is None:
            yield stop("ssm-agent", name, "Systems Manager knows no agent on it.",
                        "Install and start the SSM Agent; it needs an instance profile and a way to AWS.")  # fmt: skip
        elif version_of(agent.version) < OLDEST_AGENT:
            yield stop("ssm-agent", name, f"Its SSM Agent is {agent.version}, older than {oldest}.",
                        "Update it (AWS-UpdateSSMAgent).")  # fmt: skip
        elif not agent.is_online:
            yield stop("ssm-agent", name, f"Its SSM Agent {agent.version} does not answer Systems Manager.",
                        "Start it, and look at the node's way to AWS (NAT gateway or endpoints).")  # fmt: skip
        else:
            yield fine("ssm-agent", name, f"SSM Agent {agent.version} is online.")


def _profiles(facts: Facts) -> Iterator[Check]:
    for letter, policies in facts.profile_policies.items():
        name = facts.name(letter)
        instance = facts.account.instance(facts.instance_id(letter))
        if instance is not None and instance.profile_arn is None:
            yield warn("instance-profile", name, "It has no instance profile, so its agents have no rights by it.",
                        f"Give it a role with {' and '.join(MANAGED)}, or its agents rights otherwise.")  # fmt: skip
        elif isinstance(policies, Unknown):
            yield unknown("instance-profile", name, policies)
        elif missing := [one for one in MANAGED if one not in policies]:
            yield warn("instance-profile", name, f"Its role lacks {' and '.join(missing)}.",
                        "Attach it, unless another policy of the role allows the same.")  # fmt: skip
        else:
            yield fine("instance-profile", name, f"Its role has {' and '.join(MANAGED)}.")


def _stop_protection(facts: Facts) -> Iterator[Check]:
    for check, answers, meaning, action in (
        ("stop-protection", facts.stop_protection, "EC2 refuses to stop it: it could not be fenced.",
         "Switch its stop protection off."),
        ("hibernation", facts.hibernation, "It can be hibernated: such a node goes on where it was, mounted.",
         "Replace it by an instance without hibernation."),
    ):  # fmt: skip
        for letter, answer in answers.items():
            name = facts.name(letter)
            if isinstance(answer, Unknown):
                yield unknown(check, name, answer)
            elif answer:
                yield stop(check, name, meaning, action)
            else:
                yield fine(check, name, f"No {check.replace('-', ' ')}.")


def _volumes(facts: Facts) -> Iterator[Check]:
    ids = {letter: facts.parameters.get(f"Node{letter}DataVolumeId", "").split(",") for letter in "AB"}
    wanted = 1 + len(list(filter(None, facts.parameters.get("FurtherVolumes", "").split(","))))
    for letter, own in ids.items():
        if len(own) != wanted:
            yield stop("volumes", facts.name(letter), f"Node{letter}DataVolumeId names {len(own)} of {wanted} volumes.",
                       "Name those of MountPoint and of each of FurtherVolumes, in their order.")  # fmt: skip
    are_same = True
    for pair in zip(ids["A"], ids["B"], strict=False):
        sizes = {volume.size_gib for one in pair if (volume := facts.account.volume(one))}
        if len(sizes) > 1:
            are_same = False
            yield stop("volumes", "data volumes", f"They have {' and '.join(map(str, sorted(sizes)))} GiB.",
                       "Make both the same size: replication goes block by block.")  # fmt: skip
    if are_same:
        yield fine("volumes", "data volumes", "Both have the same size.")
    for letter, volume in ((letter, facts.account.volume(one)) for letter, own in ids.items() for one in own):
        if volume is None or volume.kms_key_id is None:
            continue
        manager = facts.key_managers.get(volume.kms_key_id, Unknown(why="nobody asked."))
        if isinstance(manager, Unknown):
            yield unknown("kms-key", facts.name(letter), manager)
        elif manager == "CUSTOMER":
            yield warn("kms-key", facts.name(letter),
                        f"{volume.id} is encrypted under a key of your own, {volume.kms_key_id}: an instance with it "
                        "starts only for a caller who may use the key.",
                        "After the deployment, allow the stack's StartNodeRole kms:CreateGrant in the key's policy "
                        "(docs/operations.md, What else must be there).")  # fmt: skip
        else:
            yield fine("kms-key", facts.name(letter), f"{volume.id} is encrypted under a key of AWS's.")


def _routes(facts: Facts) -> Iterator[Check]:
    ip = facts.parameters.get("VirtualIp", "10.1.0.10")
    tables = carrying(facts.account.tables, ip)
    targets = sorted({str(table.host_routes[ip]) for table in tables})
    if len(targets) > 1:
        yield stop("routes", ip, f"Its entries point to several interfaces: {' and '.join(targets)}.",
                    "Point all of them to the active node's eth0.")  # fmt: skip
    else:
        yield fine("routes", ip, f"{len(tables)} route tables carry it, and point to one interface.")
    if len(tables) > MOST_TABLES:
        yield warn("routes", ip, f"{len(tables)} route tables carry it, and about {MOST_TABLES} fit into a function's "
                    "environment.", "Let subnets share tables.")  # fmt: skip
    if isinstance(facts.vpc_cidrs, Unknown):
        yield unknown("virtual-ip", ip, facts.vpc_cidrs)
    elif inside := [cidr for cidr in facts.vpc_cidrs if ip_address(ip) in ip_network(cidr)]:
        yield stop("virtual-ip", ip, f"It lies within the VPC's {inside[0]}: the VPC's own route takes its packets.",
                    "Use an address outside of the VPC.")  # fmt: skip
    else:
        yield fine("virtual-ip", ip, f"It lies outside of the VPC's {', '.join(facts.vpc_cidrs)}.")


def _targets(facts: Facts) -> Iterator[Check]:
    check = facts.target_check
    if isinstance(check, Unknown):
        yield unknown("target-check", "target group", check)
    elif check.seconds_until_healthy > LONGEST_UNTIL_HEALTHY_SECONDS:
        seconds = f"{check.seconds_until_healthy} s ({check.interval_seconds} s x {check.healthy_threshold})"
        yield warn("target-check", "target group", f"Users wait for {seconds} more after a failover, until a server "
                    "counts as healthy.", "Make the interval or the healthy threshold smaller.")  # fmt: skip
    else:
        yield fine("target-check", "target group", f"A server is healthy again after {check.seconds_until_healthy} s.")
    if isinstance(facts.targets, Unknown):
        yield unknown("targets", "target group", facts.targets)
        return
    healthy = sum(one.state == "healthy" for one in facts.targets)
    needed = facts.port("MinimumHealthyTargets", 1)
    if len(facts.targets) < needed:
        yield stop("targets", "target group", f"{len(facts.targets)} servers are registered, MinimumHealthyTargets is "
                    f"{needed}: no failover could end well.", "Register the App servers.")  # fmt: skip
    elif healthy < needed:
        yield warn("targets", "target group", f"{healthy} servers are healthy, and MinimumHealthyTargets is {needed}.",
                    "See why: Garoon may be down now.")  # fmt: skip
    else:
        yield fine("targets", "target group", f"{healthy} of {len(facts.targets)} servers are healthy.")


def _quotas(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.acl_count, Unknown):
        yield unknown("quota", "network ACLs", facts.acl_count)
    elif facts.acl_count >= MOST_ACLS:
        yield warn("quota", "network ACLs", f"The VPC has {facts.acl_count} of {MOST_ACLS} (unless raised), and the "
                    "stack makes one.", "Raise the quota, or delete one that is not used.")  # fmt: skip
    else:
        yield fine("quota", "network ACLs", f"The VPC has {facts.acl_count} of {MOST_ACLS}.")
    if isinstance(facts.concurrency, Unknown):
        yield unknown("quota", "functions at once", facts.concurrency)
    elif facts.concurrency < FUNCTIONS_AT_ONCE:
        yield warn("quota", "functions at once", f"The account may run {facts.concurrency} functions at once.",
                    "Raise Lambda's concurrency quota.")  # fmt: skip
    else:
        yield fine("quota", "functions at once", f"The account may run {facts.concurrency} functions at once.")


def _rights(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.denied_actions, Unknown):
        yield unknown("rights", "you", facts.denied_actions)
    elif facts.denied_actions:
        yield stop("rights", "you", f"You may not {', '.join(facts.denied_actions)}, which deploying needs.",
                    "Deploy with other credentials.")  # fmt: skip
    else:
        yield fine("rights", "you", "You may make what the stack is made of.")


_CHECKS: tuple[Callable[[Facts], Iterator[Check]], ...] = (
    _parameters, _zones, _source_dest_check, _subnets, _reachability, _agents, _profiles, _stop_protection, _volumes,
    _routes, _targets, _quotas, _rights,
)  # fmt: skip
