"""An operator's day with `garoon-failover`, on the deployed stack: every line as it is typed."""

import json
import os
import re
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from failover.adapters import clients as product_clients
from failover.steps.rehearse import REHEARSED
from garoon_failover import output, session, verification

from testbed import scenarios
from testbed.garoon.installation import CLUSTER, GAROON_PATH, HOME, STANDBY, WEB_PORT
from testbed.judges.observer import read_calls
from testbed.run.bed import Testbed
from testbed.run.drill import run as run_drill
from testbed.stack.deployment import changed_parameters
from testbed.stack.people import OPERATOR, VIEWER, somebody
from testbed.world.waiting import wait_until
from tests.cli.conftest import Answer, run

ORDERING = ("ConfirmStop", "FenceNode", "KeepData", "StartNode", "SwapRoute")
DRY_RUN = 412
"""Status of the error DryRunOperation (EC2 API Reference, "Error codes")."""
CHANGES = ("ReplaceNetworkAclAssociation", "StopInstances", "ReplaceRoute", "ModifyNetworkInterfaceAttribute")


@pytest.fixture
def shell(bed: Testbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Testbed]:
    """A shell with the environment that `make cloud` prints, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(product_clients, "_clients", {})
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    before = dict(os.environ)
    os.environ.update(bed.clients.endpoint.environment())
    yield bed
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def short_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the two minutes that `verify` looks back on beats, the bed's last drill may have had a node off."""
    monkeypatch.setattr(verification, "_WINDOW", timedelta(seconds=10))


def done(answer: Answer) -> Answer:
    assert answer.code == 0, answer.out + answer.err
    return answer


def changes_since(bed: Testbed, moment: float) -> Counter[str]:
    calls = read_calls(bed.world.directory / "api-calls.jsonl", bed.stack, moment)
    return Counter(call.action for call in calls if call.action in CHANGES and call.status < 300)


def test_from_discover_to_the_ticket_of_a_failover(shell: Testbed) -> None:
    # A stack that is there: nothing would change.
    done(run("discover"))
    written = tomllib.loads(Path("samconfig.toml").read_text())["default"]["deploy"]["parameters"]
    described = shell.clients.cloudformation.describe_stacks(StackName=shell.stack.name)["Stacks"][0]["Parameters"]
    deployed = {one["ParameterKey"]: one["ParameterValue"] for one in described}
    assert {*written["parameter_overrides"]} == {f'{name}="{value}"' for name, value in deployed.items()}

    checks = done(run("preflight", "--on-nodes", "--json")).json()
    assert {check["verdict"] for check in checks["checks"]} == {"fine"}, checks
    assert checks["readiness"]["isReady"]
    done(run("ready"))
    status = done(run("status", "--json")).json()
    nodes = {node["name"]: node for node in status["nodes"]}
    assert {one["state"] for one in nodes[HOME]["resources"].values()} == {"active"}
    assert {one["state"] for one in nodes[STANDBY]["resources"].values()} == {"standby"}
    assert "db-01: active" in done(run("status")).out

    plans = {plan["when"]: plan for plan in done(run("plan", "--json")).json()}
    planned = plans[f"If {HOME} died"]
    assert planned["verdict"] == "failOver"

    # The network of db-01 ends, as planned for.
    broken_after = time.time()  # the bed's earlier drills are in the history as well
    drill = run_drill(shell, scenarios.find("network-loss"))
    assert drill.has_passed, drill.problems
    [failed_over] = [
        one
        for one in done(run("history", "--json")).json()
        if (one["outcome"] or {}).get("outcome") == "FailedOver" and _seconds(one["startedAt"]) >= broken_after
    ]
    report = done(run("history", failed_over["execution"], "--json")).json()
    began = report["startedAt"]
    made = changes_since(shell, _seconds(began))
    assert made == Counter(call["action"].partition(":")[2] for call in planned["calls"] if "ec2:" in call["action"])
    assert {step["step"] for step in report["steps"]} >= {call["step"] for call in planned["calls"]}
    routes = {call["target"] for call in planned["calls"] if call["action"] == "ec2:ReplaceRoute"}
    assert routes == set(shell.installation.moving_route_tables)

    text = done(run("history", failed_over["execution"], "--markdown")).out
    for words in ("# failover: FailedOver", "| FenceNode |", "## Evidence", "## Notification", "Next step: "):
        assert words in text

    after = run("status", "--json")
    assert after.code == 1, "without a standby it is not ready"
    assert after.json()["active"] == STANDBY

    # Repaired, and home again: the standby rejoins first.
    shell.hosts[HOME].clear_faults()
    moved = done(run("switchback", "--yes"))
    assert "SwitchedOver: db-01 is to be active in place of db-02; it rejoins first" in moved.out
    assert "Outage: " in moved.out
    assert "  RejoinNode " in moved.out
    assert done(run("rejoin", "--yes", "--json")).json()["outcome"]["outcome"] == "NothingToDo"


def test_nodes_are_asked_the_same_before_there_is_a_stack(shell: Testbed, monkeypatch: pytest.MonkeyPatch) -> None:
    done(run("discover"))
    of_nodes = {
        "tools",
        "replication",
        "device",
        "room",
        "fstab",
        "boot",
        "cloudwatch-agent",
        "space",
        "services",
        "clock",
    }
    for stack in (shell.stack.name, "none"):
        monkeypatch.setenv(session.STACK_VARIABLE, stack)
        said = done(run("preflight", "--on-nodes", "--json")).json()
        assert (said["readiness"] is None) == (stack == "none")
        found = [check for check in said["checks"] if check["id"] in of_nodes]
        assert Counter(check["id"] for check in found) == Counter([*of_nodes] * 2)
        assert {check["verdict"] for check in found} == {"fine"}


def test_rights_are_tried_without_being_used(shell: Testbed) -> None:
    tried_at = time.time()
    assert done(run("plan", "--try-rights", "--json")).json()["rights"] == {step: [] for step in REHEARSED}
    calls = [
        call
        for call in read_calls(shell.world.directory / "api-calls.jsonl", shell.stack, tried_at)
        if any(function in call.caller for function in ORDERING)
    ]
    orders = {(call.action, call.status) for call in calls if call.service == "ec2" and "Describe" not in call.action}
    assert orders == {(action, DRY_RUN) for action in (*CHANGES, "StartInstances", "CreateSnapshot")}
    assert {call.action for call in calls if call.service != "ec2"} == {"GetItem"}


@pytest.mark.usefixtures("short_memory")
def test_the_list_for_a_real_account_runs_whole(
    shell: Testbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is right, too. The hand that breaks what only a shell can break does what the command says."""
    stage = shell.make_stage(lambda _text: None)
    stage.wait_until_quiet()
    say = output.say

    def do_as_told(text: str = "", style: str = "") -> None:
        say(text, style)
        if "ip link set eth1 down" in text:
            stage.lose_network(HOME)
        if "ended with FailedOver" in text:
            shell.hosts[HOME].clear_faults()  # a boot undoes it

    monkeypatch.setattr(output, "say", do_as_told)
    server = next(iter(shell.installation.app_servers.values()))
    page = f"http://{server.address}:{WEB_PORT}{GAROON_PATH}"
    done(run("verify", "--drill", "network-loss", "--agreed", CLUSTER, "--probe-url", page))
    [written] = tmp_path.glob("verify-*.json")
    lines = {line["what"]: line for line in json.loads(written.read_text())["lines"]}
    assert [what for what, line in lines.items() if not line["isAsExpected"]] == []
    assert lines.keys() >= {"signs arrive", "the rights to isolate", "the planned move's outage", "everything is back"}
    # Once while it failed over, once while it moved back.
    assert len(re.findall(r"[\d.]+ s", lines["users are served"]["seen"])) >= 2
    assert "# garoon: as expected" in written.with_suffix(".md").read_text()


def _seconds(iso: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp()


LOOKS = (
    ["status"], ["ready"], ["plan", "--try-rights"], ["history"], ["discover", "--no-write"],
    ["preflight", "--on-nodes"],
)  # fmt: skip
ACTS = (["maintenance", "on"], ["maintenance", "off"], ["failover", "--yes"])


@contextmanager
def as_somebody(bed: Testbed, name: str, policies: tuple[str, ...]) -> Iterator[None]:
    """With credentials of a role that has these of the stack's policies and nothing else."""
    before = dict(os.environ)
    with somebody(bed.clients, bed.stack, name, policies) as session:
        os.environ |= session.environment()
        forget_clients()
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            forget_clients()


def forget_clients() -> None:
    product_clients._clients.clear()
    boto3.DEFAULT_SESSION = None


def test_who_may_look_sees_everything_and_moves_nothing(shell: Testbed) -> None:
    with as_somebody(shell, "viewer", VIEWER):
        for command in LOOKS:
            assert done(run(*command)).err == ""
        widget = boto3.client("lambda").invoke(FunctionName=shell.stack.outputs["ShowClusterFunctionName"])
        assert json.loads(widget["Payload"].read()).startswith('<div class="gf"')
        with pytest.raises(ClientError, match="AccessDenied"):
            boto3.client("lambda").invoke(FunctionName=f"{CLUSTER}-operate", Payload="{}")
        name = shell.stack.outputs["DashboardUrl"].rpartition("/")[2]
        assert boto3.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
        nothing_unknown = done(run("status", "--json")).json()
        assert not [finding for finding in nothing_unknown["findings"] if finding["id"].startswith("unknown-")]
        for command in ACTS:
            refused = run(*command)
            assert refused.code == 3, refused
            assert "view to look, operate to act" in refused.err


@pytest.mark.usefixtures("short_memory")
def test_who_may_operate_can(shell: Testbed) -> None:
    with as_somebody(shell, "operator", OPERATOR):
        for command in ACTS:
            # Else it would be Skipped, because the schedule's execution is at work.
            shell.make_stage(lambda _text: None).wait_until_quiet()
            done(run(*command))
        shell.make_stage(lambda _text: None).wait_until_quiet()
        done(run("verify"))


def test_maintenance_and_what_is_refused(shell: Testbed) -> None:
    assert "Maintenance is on until" in done(run("maintenance", "on", "--minutes", "5", "--reason", "kernel")).out
    assert done(run("status", "--json")).json()["maintenanceUntil"] is not None
    assert "maintenance-on" in done(run("ready")).out
    assert done(run("maintenance", "off", "--json")).json()["isOn"] is False

    refused = run("switchback", "--to", "db-09", "--yes")
    assert (refused.code, "There is no node 'db-09'" in refused.err) == (2, True)
    unasked = run("switchback", "--to", STANDBY)
    assert (unasked.code, "There is nobody here to be asked" in unasked.err) == (2, True)
    assert run("history", "no-such").code == 4
    assert run("confirm", "yes", "--yes").code == 4, "nothing asks"


def test_a_question_is_answered(shell: Testbed) -> None:
    with changed_parameters(shell.clients, {"ConfirmFailover": "ProceedAfterTimeout"}):
        shell.make_stage(lambda _text: None).lose_network(HOME)

        def answered() -> dict[str, Any] | None:
            answer = run("confirm", "no", "--yes", "--json")
            return None if answer.code == 4 else json.loads(answer.out)

        said: list[dict[str, Any]] = []

        def is_answered() -> bool:
            answer = answered()
            said.extend([answer] if answer else [])
            return bool(said)

        wait_until(is_answered, "the question", shell.patience_seconds, 1.0)
    assert said[0]["outcome"]["outcome"] == "Halted"
    assert "declined" in said[0]["outcome"]["reason"]
