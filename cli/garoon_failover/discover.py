"""`garoon-failover discover`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from garoon_failover import account as reader
from garoon_failover import output, samconfig, session
from garoon_failover.account import Account, DeployedStack
from garoon_failover.contradictions import contradictions, why_not_home
from garoon_failover.discovery import (
    Discovery,
    Found,
    Question,
    Wishes,
    carrying,
    discover,
)
from garoon_failover.errors import ExitCode, NotFoundError, UsageError

ORDER = (
    "ClusterName", "NotificationEmail", "VpcId",
    *(
        f"Node{letter}{what}"
        for letter in "AB"
        for what in ("Name", "InstanceId", "Eth0InterfaceId", "Eth0Address", "Eth1Address", "DataVolumeId",
                     "Eth0SubnetId", "Eth1SubnetId")
    ),
    "VirtualIp", "RouteTableIds", "TargetGroupArn", "ExportClients",
)  # fmt: skip
"""What is found, in template.yaml's order (a test holds the two together). What a user tunes comes behind it."""

TUNED = (
    "NotificationLanguage", "MinimumHealthyTargets", "FenceMethod", "FenceTimeoutSeconds",
    "MinimumFailoverIntervalSeconds", "RejoinPolicy", "StartInMaintenance", "AnswerTimeoutSeconds", "ConfirmFailover",
    "ConfirmTimeoutSeconds", "RecoveryTimeoutSeconds", "RecoveryNoticeSeconds", "ReplicationProtocol", "DataDevice",
    "ReplicatedDevice", "MountPoint", "FurtherVolumes", "DatabasePort", "Services", "Exports", "PathPort",
    "WatchIntervalSeconds", "NfsLeaseSeconds", "ReadinessIntervalMinutes", "LogRetentionDays", "HistoryDays",
    "WeeklyMessage", "RepeatAfterMinutes", "RunbookUrl",
)  # fmt: skip


def read_given(pairs: Sequence[str], email: str | None) -> dict[str, str]:
    """NAME=VALUE pairs. Raises UsageError for one that is none, or whose name is no parameter."""
    given = {} if email is None else {"NotificationEmail": email}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not re.fullmatch(r"[A-Za-z0-9]+", name):
            raise UsageError(f"--set {pair} is not NAME=VALUE.", "For example --set NodeAName=db-01.")
        if name not in (*ORDER, *TUNED):
            raise UsageError(f"--set {pair}: the stack has no parameter {name}.", "README.md lists the parameters.")
        if '"' in value:
            raise UsageError(f"--set {pair}: a value cannot hold quotation marks.", "Leave them out.")
        given[name] = value
    return given


def run(
    wishes: Wishes,
    *,
    is_virtual_ip_given: bool,
    is_cluster_given: bool,
    vpc: str | None,
    given: Mapping[str, str],
    path: Path,
    is_replacing: bool,
    is_writing: bool,
    is_json: bool,
) -> None:
    """Finds, shows and writes. Raises CommandError."""
    stack = reader.read_stack(session.stack_name())
    deployed = stack.parameters if stack else {}
    wishes = _as_deployed(wishes, deployed, is_virtual_ip_given, is_cluster_given)
    document = samconfig.read_document(path)
    written = samconfig.read_parameters(document)
    account = read_vpc(wishes, vpc)
    result = _discover(account, wishes, deployed, is_json)
    found = _complete(result.found, given, written, deployed)
    parameters = {one.name: one.value for one in found}
    refusals = [*result.refusals]
    if not refusals and not result.questions:
        refusals += contradictions(parameters, account)
        refusals += [] if deployed else why_not_home(parameters, account)
        refusals += [] if is_replacing else _other_than_written(result.found, written, given, path, account)
    is_complete = not refusals and not result.questions
    if is_writing and is_complete:
        samconfig.write(path, document, found, session.stack_name(), reader.region())
    if is_json:
        output.print_json(_as_json(result, found, refusals, path if is_writing and is_complete else None))
    else:
        _show(result, found, refusals, path if is_writing else None, stack)
    if result.questions or refusals:
        raise SystemExit(int(ExitCode.USAGE))


def read_vpc(wishes: Wishes, vpc: str | None) -> Account:
    """The VPC whose route tables carry the virtual IP. Raises NotFoundError, UsageError."""
    tables = reader.read_tables()
    vpcs = sorted({table.vpc_id for table in carrying(tables, wishes.virtual_ip)})
    if not vpcs:
        others = sorted({address for table in tables for address in table.host_routes})
        raise NotFoundError(
            f"No route table in {reader.region()} has an entry for {wishes.virtual_ip}/32.",
            f"Name the virtual IP, if it is one of {', '.join(others)}: --virtual-ip ADDRESS."
            if others
            else "Name another region (--region), or make the entry: it must point to the active node's eth0.",
        )
    if vpc is not None and vpc not in vpcs:
        raise UsageError(
            f"--vpc {vpc}: {wishes.virtual_ip}/32 is in route tables of {' and '.join(vpcs)}.", "Name one of these."
        )
    if len(vpcs) > 1 and vpc is None:
        vpc = output.ask(f"Route tables of several VPCs carry {wishes.virtual_ip}/32. Which one?", vpcs)
        if vpc is None:
            raise UsageError(
                f"Route tables of several VPCs carry {wishes.virtual_ip}/32: {' and '.join(vpcs)}.",
                "Name one: --vpc ID.",
            )
    return reader.read_account(vpc or vpcs[0], tables)


def _as_deployed(
    wishes: Wishes, deployed: Mapping[str, str], is_virtual_ip_given: bool, is_cluster_given: bool
) -> Wishes:
    if is_cluster_given and deployed and deployed.get("ClusterName") != wishes.cluster:
        raise UsageError(
            f"The stack {session.stack_name()} has ClusterName {deployed.get('ClusterName')}, not {wishes.cluster}.",
            "For another cluster, name another stack: --stack NAME.",
        )
    changes = {}
    if not is_virtual_ip_given and "VirtualIp" in deployed:
        changes["virtual_ip"] = deployed["VirtualIp"]
    if not is_cluster_given and "ClusterName" in deployed:
        changes["cluster"] = deployed["ClusterName"]
    return wishes.model_copy(update=changes)


def _discover(account: Account, wishes: Wishes, deployed: Mapping[str, str], is_json: bool) -> Discovery:
    """Asks at a terminal until nothing is open."""
    while True:
        result = discover(account, wishes, deployed)
        if not result.questions or is_json:
            return result
        question = result.questions[0]
        answer = _ask(question)
        if answer is None:
            return result
        wishes = wishes.model_copy(update={question.option.removeprefix("--").replace("-", "_"): answer})


def _ask(question: Question) -> str | None:
    choices = {f"{choice.value} ({choice.words})": choice.value for choice in question.choices}
    answer = output.ask(question.text, list(choices))
    return None if answer is None else choices[answer]


def _complete(
    found: Sequence[Found], given: Mapping[str, str], written: Mapping[str, str], deployed: Mapping[str, str]
) -> list[Found]:
    """All parameters in template.yaml's order: found ones as the caller wants them, and what else was set before."""
    by_name = {one.name: one for one in found}
    for name in (*ORDER, *TUNED):
        if name in given:
            by_name[name] = Found(name=name, value=given[name], source="as given (--set, --email)")
        elif name not in by_name and name in written:
            by_name[name] = Found(name=name, value=written[name], source="as it was in this file")
        elif name not in by_name and name in deployed:
            by_name[name] = Found(name=name, value=deployed[name], source="as deployed")
    return [by_name[name] for name in (*ORDER, *TUNED) if name in by_name]


def _other_than_written(
    found: Sequence[Found], written: Mapping[str, str], given: Mapping[str, str], path: Path, account: Account
) -> list[str]:
    """What somebody wrote into the file, and the account shows otherwise."""
    told = contradictions(written, account)
    named = " ".join(told)
    for one in found:
        before = written.get(one.name)
        if before not in (None, one.value) and one.name not in given and one.name not in named:
            told.append(f"{path} has {one.name}={before}, but found was {one.value}: {one.source}.")
    return [f"{one} (--replace takes what was found.)" for one in told]


def _as_json(result: Discovery, found: Sequence[Found], refusals: Sequence[str], path: Path | None) -> dict[str, Any]:
    return {
        "parameters": {one.name: {"value": one.value, "source": one.source} for one in found},
        "questions": [one.to_json() for one in result.questions],
        "refusals": list(refusals),
        "notes": list(result.notes),
        "file": None if path is None else str(path),
    }


def _show(
    result: Discovery, found: Sequence[Found], refusals: Sequence[str], path: Path | None, stack: DeployedStack | None
) -> None:
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        output.say(f"{one.name:<{width}}  {one.value}")
        output.say(f"{'':<{width}}    {one.source}", style="dim")
    for note in result.notes:
        output.say(f"Note: {note}", style="yellow")
    for question in result.questions:
        output.say(f"{question.text} Give {question.option} with one of:", style="bold yellow")
        for choice in question.choices:
            output.say(f"  {choice.value}  ({choice.words})")
    for refusal in refusals:
        output.say(f"Refused: {refusal}", style="bold red")
    if result.questions or refusals:
        output.say("Nothing was written.")
    elif path is None:
        output.say("Nothing was written, as you wished.")
    else:
        names = {one.name for one in found}
        output.say(f"{path} is written: {len(found)} parameters. Nothing was changed in the account.", style="bold")
        if "NotificationEmail" not in names:
            output.say(
                "Nobody is told of outcomes yet: --email ADDRESS, or subscribe to the topic later.", style="yellow"
            )
        if "DataDevice" not in names:
            output.say(
                "AWS cannot tell what a node calls the volume: DataDevice is /dev/xvdb1 unless you --set it (`lsblk`).",
                style="yellow",
            )
        again = " again (nothing needs to change)" if stack and _is_same(found, stack) else ""
        output.say(f"Next step: garoon-failover preflight, then sam build && sam deploy{again}.")


def _is_same(found: Sequence[Found], stack: DeployedStack) -> bool:
    return all(stack.parameters.get(one.name) == one.value for one in found)
