"""`garoon-failover status`: what operators see is what the evidence says, and an unknown is never a state."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from failover.hierarchy import RESOURCES, State, view_nodes
from failover.models import Answer, InstanceState, StatusChecks, Unknown
from failover.readiness import judge_readiness
from failover.status import AtWork, judge
from garoon_failover.output import WIDTH_COLUMNS
from garoon_failover.status import one_line, render
from rich.console import Console

from tests.unit.test_readiness import (
    NOW,
    SETTINGS,
    a_status,
    an_entry,
    evidence,
    of,
    record,
    replica_of,
    status_of,
)

AT_WORK = AtWork(
    execution="arn:aws:states:ap-northeast-1:123456789012:execution:garoon-failover:da8566d2",
    workflow="failover",
    step="FenceNode",
    started_at=NOW - timedelta(seconds=12),
)


def states(node: str, *, is_at_work: bool = False, **changes: Any) -> dict[str, State]:
    [view] = [one for one in view_nodes(evidence(**changes), is_at_work=is_at_work) if one.name == node]
    return {name: resource.state for name, resource in view.resources.items()}


def running(**changes: str) -> dict[str, str]:
    return {"cyde_5_0": "running", "cyss_cbgrn": "running"} | changes


def test_a_sound_pair_is_active_here_and_standby_there() -> None:
    changes = of("statuses", "db-01", a_status("db-01", services=running()))
    stopped = dict.fromkeys(running(), "stopped")
    changes["statuses"]["db-02"] = a_status("db-02", services=stopped)
    assert list(states("db-01", **changes).items()) == [(name, State.ACTIVE) for name in RESOURCES]
    assert states("db-02", **changes) == dict.fromkeys(RESOURCES, State.STANDBY)


def test_services_are_shown_as_they_are_configured() -> None:
    settings = SETTINGS.model_copy(update={"services": "cyde_5_0,cyss_cbgrn_01:stop=120,/opt/search:on-failure=warn"})
    services = {"cyde_5_0": "running", "cyss_cbgrn_01": "running", "search": "stopped"}
    status = a_status("db-01", services=services, only_warning=("search",))
    changes: dict[str, Any] = {**of("statuses", "db-01", status), "settings": settings}
    seen = states("db-01", **changes)
    assert list(seen)[3:6] == ["search", "scheduler", "database"]
    assert (seen["search"], seen["scheduler"]) == (State.DEGRADED, State.ACTIVE)
    # What a node does not tell of is not up, and not down.
    assert states("db-02", **changes)["search"] is State.UNKNOWN


def test_of_two_schedulers_each_has_its_name() -> None:
    settings = SETTINGS.model_copy(update={"services": "cyde_5_0,cyss_cbgrn,cyss_cbgrn_01"})
    assert list(states("db-01", settings=settings))[3:6] == ["cyss_cbgrn_01", "cyss_cbgrn", "database"]


@pytest.mark.parametrize(
    ("node", "resource", "state", "changes"),
    [
        ("db-01", "database", State.FAILED, status_of("db-01", services=running(cyde_5_0="stopped"))),
        ("db-01", "database", State.FAILED, status_of("db-01", services=running(), database_answers=False)),
        ("db-01", "database", State.DEGRADED, status_of("db-01", services=running(cyde_5_0="starting"))),
        ("db-01", "scheduler", State.UNKNOWN, status_of("db-01", services=running(cyss_cbgrn="unknown"))),
        ("db-01", "file system", State.FAILED, status_of("db-01", is_writable=False)),
        ("db-01", "file system", State.UNKNOWN, status_of("db-01", is_mounted=None)),
        ("db-02", "file system", State.FAILED, status_of("db-02", is_mounted=True)),
        ("db-01", "exports", State.FAILED, status_of("db-01", nfs_answers=False)),
        ("db-01", "exports", State.UNKNOWN, status_of("db-01", is_exported=None)),
        ("db-01", "virtual IP", State.FAILED, status_of("db-01", has_virtual_ip=False)),
        ("db-01", "replication", State.DEGRADED, replica_of("db-01", link="apart")),
        ("db-01", "replication", State.UNKNOWN, replica_of("db-01", role="unknown")),
        ("db-02", "replication", State.DEGRADED, replica_of("db-02", link="resyncing", data="stale")),
        ("db-02", "replication", State.FAILED, replica_of("db-02", data="unusable")),
        ("db-02", "replication", State.FAILED, replica_of("db-02", role="primary")),
        ("db-01", "route", State.FAILED, {"routes": [an_entry("rtb-0a"), an_entry("rtb-0b", "eni-0b")]}),
        ("db-02", "route", State.FAILED, {"routes": [an_entry("rtb-0a"), an_entry("rtb-0b", "eni-0b")]}),
        ("db-01", "route", State.UNKNOWN, {"routes": Unknown(why="throttled")}),
    ],
)
def test_each_resource_tells_its_trouble(node: str, resource: str, state: State, changes: dict[str, Any]) -> None:
    assert states(node, **changes)[resource] is state


@pytest.mark.parametrize("said", [Answer.NONE, Unknown(why="AWS answered with Throttling.")])
def test_a_node_that_says_nothing_is_unknown_not_failed(said: Any) -> None:
    shown = states("db-01", **of("statuses", "db-01", said))
    assert {shown[name] for name in RESOURCES if name != "route"} == {State.UNKNOWN}


def test_a_node_that_is_off_has_failed() -> None:
    changes = of("statuses", "db-02", Answer.NONE) | of("machines", "db-02", (InstanceState.OFF, StatusChecks.UNKNOWN))
    shown = states("db-02", **changes)
    assert {shown[name] for name in RESOURCES if name != "route"} == {State.FAILED}


def test_without_the_record_no_role_is_shown() -> None:
    changes: dict[str, Any] = {"record": Unknown(why="AccessDenied")}
    assert set(states("db-01", **changes).values()) == {State.UNKNOWN}
    assert {one.role for one in view_nodes(evidence(**changes), is_at_work=False)} == {"unknown"}


def test_during_a_move_what_is_not_up_yet_is_degraded() -> None:
    changes = record(active="db-02") | status_of("db-02", replication=a_status("db-01").replication)
    assert states("db-02", is_at_work=True, **changes)["file system"] is State.DEGRADED
    assert states("db-02", **changes)["file system"] is State.FAILED


def screen(**changes: Any) -> str:
    found = evidence(**changes)
    shown = io.StringIO()
    console = Console(file=shown, width=WIDTH_COLUMNS, force_terminal=False)
    console.print(render(judge(found, judge_readiness(found), AT_WORK)))
    return shown.getvalue()


def test_it_fits_one_screen_and_says_in_words_what_the_colours_say() -> None:
    shown = screen(**record(active="db-01", maintenance_until=NOW + timedelta(hours=1), epoch=7))
    assert max(map(len, shown.splitlines())) <= WIDTH_COLUMNS
    assert len(shown.splitlines()) <= 40
    for words in (
        "db-01: active",
        "db-02: standby",
        "epoch 7",
        "failover da8566d2 for 17 s: FenceNode",
        "on until 2026-11-24 13:00 UTC",
        "A failover would work now",
        "to db-01: rtb-0a rtb-0b",
    ):
        assert words in shown


def test_without_the_record_nothing_that_stands_in_it_is_told() -> None:
    found = evidence(record=Unknown(why="AccessDenied"))
    status = judge(found, judge_readiness(found), None)
    shown = io.StringIO()
    Console(file=shown, width=WIDTH_COLUMNS, force_terminal=False).print(render(status))
    for fact in ("At work", "Maintenance", "Last outcome"):
        [line] = [line for line in shown.getvalue().splitlines() if line.startswith(fact)]
        assert line.split() == [*fact.split(), "unknown"]
    assert "work unknown" in one_line(status)


def test_many_findings_and_tables_still_fit() -> None:
    shown = screen(
        routes=[an_entry(f"rtb-{number:017x}") for number in range(100)],
        statuses={"db-01": Unknown(why="x" * 500), "db-02": Unknown(why="y" * 500)},
        unconfigured_tables=[f"rtb-{number:017x}" for number in range(50)],
    )
    assert max(map(len, shown.splitlines())) <= WIDTH_COLUMNS
    assert "and 98 more" in shown
    assert len(shown.splitlines()) <= 40


def test_the_json_says_the_same() -> None:
    found = evidence()
    said = judge(found, judge_readiness(found), None).to_json()
    assert said["active"] == "db-01"
    assert said["nodes"][0]["resources"]["route"] == {"state": "active", "detail": ""}
    assert said["isReady"] is True
    assert said["atWork"] is None
