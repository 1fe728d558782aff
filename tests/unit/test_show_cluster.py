"""The widget's function asks everybody once, survives whoever fails, and answers as CloudWatch's contract says."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from failover.adapters import cluster_table, execution_history
from failover.adapters import history_table as past
from failover.models import OutcomeKind, Unknown
from failover.runtime import lambda_step
from failover.settings import Settings
from failover.steps.show_cluster import (
    ALLOWED,
    DOCUMENTATION,
    OUTCOMES_SHOWN,
    WidgetRequest,
    read_outcomes,
    show_cluster,
)

from testbed.stack.template import read_template
from tests.unit.fake_nodes import FakeSsm
from tests.unit.fake_records import START, a_record, arn_of
from tests.unit.test_widget import Page

CONTEXT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "events/dashboard-widget.json").read_text())
"""As the CloudWatch User Guide has it, "Details about custom widgets"."""


class SilentStepFunctions:
    """Refuses to say anything."""

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "No."}}, "DescribeExecution")


def ask(settings: Settings, event: dict[str, Any] = CONTEXT) -> str:
    return show_cluster(WidgetRequest.model_validate(event), settings)


# --- the contract ---------------------------------------------------------------------------------------------------


def test_asked_what_it_is_it_says_so_and_does_nothing_else(settings: Settings) -> None:
    """No client can be made here: the test has no account."""
    assert ask(settings, {"describe": True, **CONTEXT}) == DOCUMENTATION


@pytest.mark.usefixtures("cluster_table", "history_table")
def test_what_cloudwatch_calls_it_with_is_answered_with_html(settings: Settings, ssm: FakeSsm) -> None:
    html = ask(settings)
    assert html.startswith('<div class="gf" lang="en"><style>')
    assert Page(html).row("resource") == ["db-01: active", "db-02: standby"]
    assert ask(settings, {}).startswith('<div class="gf" lang="en">')


@pytest.mark.usefixtures("cluster_table", "history_table")
@pytest.mark.parametrize("locale", ["ja", "ja-JP"])
def test_it_speaks_as_the_console_does(settings: Settings, ssm: FakeSsm, locale: str) -> None:
    context = CONTEXT["widgetContext"] | {"locale": locale, "timezone": {"offsetISO": "+09:00"}}
    html = ask(settings, {"widgetContext": context})
    assert 'lang="ja"' in html
    assert "UTC+09:00 現在" in html


@pytest.mark.usefixtures("cluster_table", "history_table")
def test_an_offset_that_is_none_is_utc(settings: Settings, ssm: FakeSsm) -> None:
    context = CONTEXT["widgetContext"] | {"timezone": {"offsetISO": "tomorrow"}}
    assert " UTC, epoch" in ask(settings, {"widgetContext": context})


def test_a_function_s_page_is_returned_as_it_is_and_kept_out_of_its_log(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("failover.runtime.settings", lambda: settings)
    handler: Any = lambda_step(WidgetRequest, allowed=ALLOWED)(lambda _request, _settings: "<p>secret</p>")
    context = SimpleNamespace(
        function_name="f",
        memory_limit_in_mb=1,
        invoked_function_arn="arn:aws:lambda:r:1:function:f",
        aws_request_id="1",
    )
    assert handler({}, context) == "<p>secret</p>"
    assert "secret" not in capsys.readouterr().out


# --- the sources ----------------------------------------------------------------------------------------------------


def test_the_record_is_read_once_and_nothing_is_changed(
    settings: Settings,
    ssm: FakeSsm,
    cluster_table: None,
    history_table: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads = count_reads(monkeypatch)
    ask(settings)
    assert reads["read_record"] == 1
    assert {command["Verb"] for command in ssm.sent} == {"status", "probe"}


def count_reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    reads: Counter[str] = Counter()
    read = cluster_table.read_record

    def counted(settings: Settings) -> Any:
        reads["read_record"] += 1
        return read(settings)

    monkeypatch.setattr(cluster_table, "read_record", counted)
    return reads


def test_an_account_in_which_nothing_answers_is_shown_as_unknown(
    settings: Settings, aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        def __getattr__(self, _operation: str) -> Any:
            raise EndpointConnectionError(endpoint_url="https://example.invalid")

    for module in ("alarms", "cluster_table", "events", "execution_history", "history_table", "instances",
                   "isolation", "nodes", "notifications", "routes", "snapshots", "targets"):  # fmt: skip
        monkeypatch.setattr(f"failover.adapters.{module}.client", lambda _service: Silent())
    page = Page(ask(settings))
    for name in ("routes", "targets", "at work", "maintenance"):
        assert page.row(name) == ["? unknown"]
    for name in ("route", "database", "replication"):
        assert [cell.split()[:2] for cell in page.row(name)] == [["?", "unknown"]] * 2
    assert page.row("instance") == ["unknown"] * 2
    assert page.rows[-1][0].startswith("? unknown AWS could not be reached")


def test_the_holder_of_the_lock_is_told_also_when_step_functions_is_silent(
    settings: Settings, ssm: FakeSsm, cluster_table: None, history_table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from failover.adapters import cluster_table as table

    table.acquire_lock(settings, arn_of("failover", "da8566d2"), datetime.now(UTC))
    monkeypatch.setattr(execution_history, "client", lambda _service: SilentStepFunctions())
    assert Page(ask(settings)).row("at work") == ["failover da8566d2: ▲ step unknown"]


# --- the last outcomes ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("history_table")
def test_the_last_outcomes_of_all_workflows_come_newest_first(settings: Settings) -> None:
    kinds = {"failover": OutcomeKind.HALTED, "rejoin": OutcomeKind.REJOINED, "switchback": None}
    for minute, (workflow, kind) in enumerate(kinds.items()):
        begun = START + timedelta(minutes=minute)
        past.keep(settings, a_record(arn_of(workflow, "one"), kind, started_at=begun, status="ABORTED"))
    told = read_outcomes(settings)
    assert not isinstance(told, Unknown)
    assert [(one.workflow, one.came_to) for one in told] == [
        ("switchback", "ABORTED"),
        ("rejoin", "Rejoined"),
        ("failover", "Halted"),
    ]


@pytest.mark.usefixtures("history_table")
def test_ten_are_told_and_what_was_skipped_pushes_none_of_them_out(settings: Settings) -> None:
    for number in range(22):
        kind = OutcomeKind.SKIPPED if number % 2 else OutcomeKind.NOTHING_TO_DO
        begun = START + timedelta(minutes=number)
        past.keep(settings, a_record(arn_of("failover", str(number)), kind, started_at=begun))
    told = read_outcomes(settings)
    assert not isinstance(told, Unknown)
    assert [one.name for one in told] == [str(number) for number in range(20, 0, -2)]
    assert len(told) == OUTCOMES_SHOWN


def test_outcomes_that_cannot_be_read_are_unknown(settings: Settings, aws: None) -> None:
    told = read_outcomes(settings)
    assert isinstance(told, Unknown)
    assert "ResourceNotFoundException" in told.why


# --- the dashboard --------------------------------------------------------------------------------------------------


def dashboard() -> dict[str, Any]:
    body = read_template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def test_the_dashboard_is_json_and_has_the_widget() -> None:
    [custom] = [one for one in dashboard()["widgets"] if one["type"] == "custom"]
    assert custom["properties"]["endpoint"] == "${ShowClusterFunction.Arn}"
    assert custom["properties"]["updateOn"]["refresh"] is True


def test_no_widget_lies_on_another_and_all_fit_the_grid() -> None:
    """24 columns (CloudWatch API Reference, "Dashboard Body Structure and Syntax")."""
    taken: set[tuple[int, int]] = set()
    for one in dashboard()["widgets"]:
        cells = {
            (x, y) for x in range(one["x"], one["x"] + one["width"]) for y in range(one["y"], one["y"] + one["height"])
        }
        assert not taken & cells
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_every_metric_on_it_is_one_that_is_sent() -> None:
    root = Path(__file__).parents[2]
    sent = "".join(path.read_text() for path in (root / "node/src").glob("*.sh"))
    sent += "".join(path.read_text() for path in (root / "layers").rglob("steps/*.py"))
    names = {metric[1] for one in dashboard()["widgets"] for metric in one["properties"].get("metrics", ())}
    of_outcomes = {str(kind) for kind in OutcomeKind}
    assert all(name in sent or name.rstrip("01") in sent for name in names - of_outcomes), names
    assert names & of_outcomes == of_outcomes - {OutcomeKind.SKIPPED, OutcomeKind.NOTHING_TO_DO}


def test_every_alarm_is_on_it() -> None:
    [alarms] = [one for one in dashboard()["widgets"] if one["type"] == "alarm"]
    resources = read_template()["Resources"]
    expected = {name for name, one in resources.items() if one["Type"] == "AWS::CloudWatch::Alarm"}
    assert set(alarms["properties"]["alarms"]) == {f"${{{name}.Arn}}" for name in expected}


def test_it_stays_within_what_is_free() -> None:
    """Three dashboards with at most 50 metrics each are free (Amazon CloudWatch pricing, "Free tier")."""
    metrics = sum(len(one["properties"].get("metrics", ())) for one in dashboard()["widgets"])
    assert 0 < metrics <= 50
