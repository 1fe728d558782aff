"""The dashboard of the deployed stack: its widget with the roles enforced, through a failover."""

import json
import threading
from urllib.request import urlopen

from testbed import scenarios
from testbed.garoon.installation import HOME, STANDBY
from testbed.judges.observer import read_calls
from testbed.run.bed import Testbed
from testbed.run.dashboard import serving_dashboard
from testbed.run.drill import run
from testbed.world.waiting import wait_until
from tests.unit.test_widget import Page


def look(address: str) -> Page:
    with urlopen(f"{address}widget", timeout=60) as answer:
        html = answer.read().decode()
    assert len(html.encode()) <= 60_000
    return Page(html)


def test_the_dashboard_follows_a_failover(bed: Testbed) -> None:
    name = bed.stack.outputs["DashboardUrl"].rpartition("/")[2]
    body = json.loads(bed.clients.cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    [custom] = [one for one in body["widgets"] if one["type"] == "custom"]
    function = bed.clients.functions.get_function(FunctionName=bed.stack.outputs["ShowClusterFunctionName"])
    assert custom["properties"]["endpoint"] == function["Configuration"]["FunctionArn"]

    with serving_dashboard(bed.clients, bed.stack) as (address, _):
        wait_until(lambda: look(address).row("says") == ["serves", "demoted"], "both nodes having answered", 60)
        before = look(address)
        assert before.row("resource") == [f"{HOME}: active", f"{STANDBY}: standby"]
        for resource in ("route", "virtual IP", "database", "file system", "replication"):
            assert before.row(resource) == ["● active", "○ standby"]
        assert before.row("at work") == ["nothing"]
        assert "unknown" not in " ".join(cell for row in before.rows for cell in row), "its role may read everything"

        at_work: set[str] = set()
        is_over = threading.Event()

        def watch() -> None:
            while not is_over.is_set():
                at_work.update(look(address).row("at work"))

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            drill = run(bed, scenarios.find("network-loss"))
        finally:
            is_over.set()
            watching.join()
        assert drill.has_passed, drill.problems
        assert any(told.startswith("failover ") and "▲" in told for told in at_work), at_work

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
