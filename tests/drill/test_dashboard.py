"""The dashboard of the deployed stack: its widget with the roles enforced, through a failover."""

import json
from dataclasses import replace
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import expect

from testbed import scenarios
from testbed.garoon.installation import HOME, STANDBY
from testbed.judges.observer import read_calls
from testbed.run.bed import Testbed
from testbed.run.dashboard import serving_dashboard_of
from testbed.run.drill import run
from testbed.scenarios.stage import Stage
from testbed.world.waiting import wait_until
from tests.browser.chromium import running_chromium
from tests.drill.film import Film
from tests.unit.test_widget import Page


def look(address: str) -> Page:
    with urlopen(f"{address}widget", timeout=60) as answer:
        html = answer.read().decode()
    assert len(html.encode()) <= 60_000
    return Page(html)


def lose_network_for_long(stage: Stage) -> None:
    """The database of the other node recovers so long that the failover is seen at work."""
    stage.slow_recovery_down(STANDBY, 12.0)
    stage.lose_network(HOME)


def test_the_dashboard_follows_a_failover(bed: Testbed) -> None:
    name = bed.stack.outputs["DashboardUrl"].rpartition("/")[2]
    body = json.loads(bed.clients.cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    [custom] = [one for one in body["widgets"] if one["type"] == "custom"]
    function = bed.clients.functions.get_function(FunctionName=bed.stack.outputs["ShowClusterFunctionName"])
    assert custom["properties"]["endpoint"] == function["Configuration"]["FunctionArn"]

    with serving_dashboard_of(bed.clients, bed.stack) as (address, _):
        wait_until(lambda: look(address).row("says") == ["serves", "demoted"], "both nodes having answered", 60)
        before = look(address)
        assert before.row("resource") == [f"{HOME}: active", f"{STANDBY}: standby"]
        for resource in ("route", "virtual IP", "database", "file system", "replication"):
            assert before.row(resource) == ["● active", "○ standby"]
        assert before.row("at work") == ["nothing"]
        assert "unknown" not in " ".join(cell for row in before.rows for cell in row), "its role may read everything"

        with Film("network-loss", address) as film:
            wait_until(lambda: film.moments == [f"{HOME}-active"], "the first picture", 60)
            drill = run(bed, replace(scenarios.find("network-loss"), break_it=lose_network_for_long))
            wait_until(lambda: f"{STANDBY}-active" in film.moments, "the last picture", 60)
        assert drill.has_passed, drill.problems
        assert film.moments[0] == f"{HOME}-active"
        assert film.moments[-1] == f"{STANDBY}-active"
        assert "StartServices" in film.moments, "of a database that recovers for long"

        after = look(address)
        assert after.row("resource") == [f"{HOME}: standby", f"{STANDBY}: active"]
        assert after.row("database")[1] == "● active"
        assert after.row("instance")[0] == "stopped"
        assert any(row[2:3] == ["FailedOver"] for row in after.rows)

    calls = read_calls(bed.world.directory / "api-calls.jsonl", bed.stack, 0)
    own = {call.action for call in calls if "ShowClusterRole" in call.caller}
    assert own
    reads = ("Get", "Describe", "List", "Query")
    sent = {action for action in own if not action.startswith(reads)}
    assert sent <= {"SendCommand", "CancelCommand"}, "of the document that looks"


def test_a_viewer_s_press_is_refused_and_an_operator_s_moves_the_role(bed: Testbed) -> None:
    """In a real browser, with the stack's policies enforced."""
    machine = bed.stack.outputs["SwitchbackStateMachineArn"]

    def started() -> list[dict[str, Any]]:
        listed = bed.clients.stepfunctions.list_executions(stateMachineArn=machine)["executions"]
        return [dict(one) for one in listed if one["name"].startswith("dashboard-")]

    with running_chromium() as browser, serving_dashboard_of(bed.clients, bed.stack) as (address, _):
        wait_until(lambda: look(address).row("says") == ["serves", "demoted"], "both nodes having answered", 60)
        page = browser.new_page()

        def press(who: str) -> str:
            page.goto(f"{address}?who={who}")
            page.locator("#widget .btn", has_text=f"move the role to {STANDBY}").click()
            assert f"Move the active role from {HOME} to {STANDBY}?" in page.locator("#confirmation").inner_text()
            page.locator("#confirm").click()
            popup = page.locator("#popup div").first
            expect(popup).not_to_have_text("…")
            said: str = popup.inner_text()
            return said

        refused = press("viewer")
        assert "AccessDenied" in refused
        assert "not authorized to perform: lambda:InvokeFunction" in refused
        assert started() == []

        told = press("operator")
        assert told.startswith("● done"), told
        assert "Pressed on the dashboard garoon-failover, account 123456789012." in told
        [execution] = started()
        described = bed.clients.stepfunctions.describe_execution(executionArn=execution["executionArn"])
        given = json.loads(described["input"])
        assert given["target"] == STANDBY
        assert given["reason"].startswith("pressed on the dashboard garoon-failover of account 123456789012, call ")
        assert given["reason"].rpartition("call ")[2] in told
        page.locator("#close").click()
        expect(page.locator("#widget")).to_contain_text("SwitchedOver")
        expect(page.locator("#widget")).to_contain_text(f"{STANDBY}: active")


def move_slowly(stage: Stage) -> None:
    """The database at home takes its time, so that the move is seen."""
    stage.slow_recovery_down(HOME, 6.0)
    scenarios.find("switchback").break_it(stage)


def test_a_planned_move_is_seen_as_it_goes(bed: Testbed) -> None:
    with serving_dashboard_of(bed.clients, bed.stack) as (address, _):
        wait_until(lambda: "unknown" not in look(address).row("says"), "both nodes having answered", 60)
        with Film("switchback", address) as film:
            wait_until(lambda: bool(film.moments), "the first picture", 60)
            drill = run(bed, replace(scenarios.find("switchback"), break_it=move_slowly))
            wait_until(lambda: look(address).row("at work") == ["nothing"], "the end of the move", 60)
        assert drill.has_passed, drill.problems
        steps = {moment for moment in film.moments if not moment.endswith("-active")}
        assert steps, film.moments
