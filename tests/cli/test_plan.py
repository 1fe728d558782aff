"""`garoon-failover plan` makes no call that changes anything, and leaves none out."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from failover.adapters import cluster_table, instances
from failover.adapters.clients import client
from failover.models import (
    Answer,
    AutomaticLimit,
    ClusterRecord,
    Evidence,
    InstanceState,
    NodeEvidence,
    PeerView,
    Replica,
    StatusChecks,
    Verdict,
)
from failover.models import Routes as RoutesJudged
from failover.settings import Settings, read_settings
from garoon_failover import plan as command
from garoon_failover.plan import Plan, make_plans
from garoon_failover.recording import recorded

from tests.unit.conftest import make_environment
from tests.unit.fake_network import FakeNetwork

ALL_READ = ("describe_route_tables", "describe_network_interfaces")


class FakeEc2(FakeNetwork):
    """The network with its routes; every changing call fails the test."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._settings = settings

    def get_paginator(self, action: str) -> Any:
        if action == "describe_route_tables":
            table = {"Routes": [{"DestinationCidrBlock": "10.1.0.10/32", "NetworkInterfaceId": "eni-0a"}]}
            tables = [{"RouteTableId": name, **table} for name in self._settings.route_table_ids]
            return Pages([{"RouteTables": tables}])
        return super().get_paginator(action)

    def describe_network_interfaces(self, NetworkInterfaceIds: list[str]) -> dict[str, Any]:  # noqa: N803
        [node] = [one for one in self._settings.nodes if one.eth0_interface_id == NetworkInterfaceIds[0]]
        attachment = {"InstanceId": node.instance_id, "DeviceIndex": 0}
        interface = {"SubnetId": node.eth0_subnet_id, "SourceDestCheck": True, "Attachment": attachment}
        return {"NetworkInterfaces": [interface]}

    def describe_network_acls(self, NetworkAclIds: list[str]) -> dict[str, Any]:  # noqa: N803
        assert NetworkAclIds == [self._settings.isolation_acl_id]
        return {"NetworkAcls": [{"Entries": []}]}

    def describe_snapshots(self, **_arguments: Any) -> dict[str, Any]:
        return {"Snapshots": []}

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was called")


class Pages:
    def __init__(self, pages: list[dict[str, Any]]) -> None:
        self._pages = pages

    def paginate(self, **_arguments: Any) -> list[dict[str, Any]]:
        return self._pages


def node(name: str, **changes: Any) -> NodeEvidence:
    is_active = name == "db-01"
    return NodeEvidence(
        name=name,
        instance_id="i-0a" if is_active else "i-0b",
        instance=InstanceState.ON,
        checks=StatusChecks.PASSED,
        answer=Answer.SERVING if is_active else Answer.DEMOTED,
        replica=Replica.UP_TO_DATE,
        is_up_to_date_standby=not is_active,
    ).model_copy(update=changes)


def sound(**changes: Any) -> Evidence:
    return Evidence(
        active=node("db-01"),
        standby=node("db-02"),
        is_heartbeat_lost=False,
        was_replicating=True,
        standby_view=PeerView.SERVES,
        routes=RoutesJudged.RIGHT,
        is_move_unfinished=False,
        limit=AutomaticLimit.NONE,
    ).model_copy(update=changes)


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The four plans for an evidence, with nothing of AWS's but the fakes."""
    settings = read_settings(make_environment())
    clients: dict[str, Any] = {"ec2": FakeEc2(settings), "ssm": Untouched()}
    monkeypatch.setattr("failover.adapters.clients._clients", clients)
    monkeypatch.setattr(cluster_table, "read_record", lambda _settings: ClusterRecord(active="db-01", epoch=3))
    monkeypatch.setattr(instances, "read_instance", lambda _node: (InstanceState.ON, StatusChecks.PASSED))
    monkeypatch.setattr("failover.adapters.nodes.time.sleep", lambda _seconds: None)

    def make(evidence: Evidence) -> list[Plan]:
        monkeypatch.setattr(command, "gather_evidence", lambda *_arguments: evidence)
        return list(make_plans(settings))

    return make


class Untouched:
    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was called")


def words(plan: Plan) -> list[str]:
    return [f"{call.step} {call.action} {call.target} {call.change}" for call in plan.calls]


def test_a_failover_is_told_call_by_call(plans: Any) -> None:
    now, died, moved, rejoined = plans(sound())

    assert (now.verdict, now.calls) == (Verdict.NOTHING_TO_DO, [])
    assert died.verdict is Verdict.FAIL_OVER
    assert [line.split(" network ACL from")[0] for line in words(died)] == [
        "FenceNode ec2:ReplaceNetworkAclAssociation subnet-0a0",
        "FenceNode ec2:ReplaceNetworkAclAssociation subnet-0a1",
        "FenceNode ec2:StopInstances db-01 (i-0a) forced stop, without the OS's shutdown",
        "PromoteReplica ssm:SendCommand db-02 (i-0b) garoon-node promote",
        "SwapRouteAhead ec2:ModifyNetworkInterfaceAttribute db-02 (eni-0b) source/dest check off",
        "SwapRouteAhead ec2:ReplaceRoute rtb-0a 10.1.0.10/32 from db-01 (eni-0a) to db-02 (eni-0b)",
        "SwapRouteAhead ec2:ReplaceRoute rtb-0b 10.1.0.10/32 from db-01 (eni-0a) to db-02 (eni-0b)",
        "StartServices ssm:SendCommand db-02 (i-0b) garoon-node start",
    ]
    orders = [line.split()[-1] for line in words(moved) if "ssm:SendCommand" in line]
    assert orders == ["demote", "promote", "start"]
    assert (rejoined.verdict, rejoined.calls) == (Verdict.NOTHING_TO_DO, [])


def test_what_forbids_a_failover_is_the_answer_and_nothing_is_called(plans: Any) -> None:
    _, died, _, _ = plans(sound(standby=node("db-02", replica=Replica.STALE, is_up_to_date_standby=False)))
    assert (died.verdict, died.calls) == (Verdict.HALT, [])
    assert "the replica on db-02 is not up to date" in died.reason


def test_maintenance_binds_what_is_automatic_only(plans: Any) -> None:
    _, died, moved, _ = plans(sound(limit=AutomaticLimit.MAINTENANCE))
    assert died.verdict is Verdict.HALT
    assert moved.verdict is Verdict.SWITCH_OVER


def test_a_fenced_standby_is_kept_started_and_rejoined(plans: Any) -> None:
    standby = node(
        "db-02", instance=InstanceState.OFF, answer=Answer.NONE, is_up_to_date_standby=False, must_be_kept=True
    )
    _, _, _, rejoined = plans(sound(standby=standby))
    assert [line.split(" (")[0] for line in words(rejoined)] == [
        "KeepData ec2:CreateSnapshot vol-0b snapshot",
        "StartNode ec2:StartInstances db-02",
        "RejoinNode ssm:SendCommand db-01",
        "RejoinNode ssm:SendCommand db-02",
    ]


def test_a_call_that_nobody_thought_of_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("failover.adapters.clients._clients", {"ec2": Untouched()})
    with recorded() as calls:
        client("ec2").terminate_everything(Now=True)
    assert [call.operation for call in calls] == ["terminate_everything"]
    with pytest.raises(AssertionError, match="was called"):
        client("ec2").terminate_everything(Now=True)


# --- are the rights there? ------------------------------------------------------------------------------------------


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the functions say to their rehearsal."""
    troubles: dict[str, list[str]] = {}
    settings = read_settings(make_environment())
    monkeypatch.setattr("garoon_failover.plan.deployed.load", lambda: SimpleNamespace(settings=settings))
    monkeypatch.setattr(command, "make_plans", lambda _settings: [])

    def invoke(name: str, request: dict[str, Any]) -> dict[str, Any]:
        assert (name, request) == ("garoon-rehearse", {})
        return {"troubles": troubles}

    monkeypatch.setattr("garoon_failover.plan.functions.invoke", invoke)
    return troubles


@pytest.mark.usefixtures("rehearsed")
def test_rights_are_tried_and_all_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    command.run(is_trying_rights=True, is_json=False)
    told = capsys.readouterr().out
    assert re.search(r"fence_node +may\n", told)
    assert "Nothing was changed." in told
    command.run(is_trying_rights=True, is_json=True)
    assert json.loads(capsys.readouterr().out)["rights"]["fence_node"] == []


@pytest.mark.parametrize("is_json", [False, True])
def test_a_right_that_is_missing_is_said_of_its_function(
    is_json: bool, rehearsed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    words = "AWS answered StopInstances with UnauthorizedOperation: You are not authorized."
    rehearsed["fence_node"] = [words]
    with pytest.raises(SystemExit) as ended:
        command.run(is_trying_rights=True, is_json=is_json)
    assert ended.value.code == 1
    told = capsys.readouterr().out
    if is_json:
        assert json.loads(told)["rights"]["fence_node"] == [words]
    else:
        assert re.search(rf"fence_node +{re.escape(words)}\n", told)
        assert "Next step: deploy the stack again" in told


def test_without_being_asked_no_function_is_called(
    rehearsed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    rehearsed["fence_node"] = ["No."]
    command.run(is_trying_rights=False, is_json=True)
    assert json.loads(capsys.readouterr().out) == []
