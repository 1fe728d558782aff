"""The pictures that the widget is looked at in: each state of a node, and what operators may meet.

`python -m tests.browser.pictures` makes of some of them the screenshots of docs/pictures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

from failover.hierarchy import State
from failover.models import Answer, InstanceState, StatusChecks, Unknown
from failover.readiness import judge_readiness
from failover.status import AtWork, Status, judge
from failover.steps.operate import OperateRequest
from failover.steps.show_cluster import WidgetRequest
from failover.widget import render_answer, render_widget
from playwright.sync_api import Page

from testbed.run.dashboard import WidgetError, serving_dashboard
from tests.browser.chromium import running_chromium
from tests.unit.fake_records import a_record
from tests.unit.test_readiness import NOW, a_status, evidence, of, record, replica_of, status_of

WIDGET = "garoon-show-cluster"
ENDPOINT = "arn:aws:lambda:ap-northeast-1:123456789012:function:garoon-operate"
ARN = "arn:aws:states:ap-northeast-1:123456789012:execution:garoon-failover:da8566d2"
REFUSED = (
    "An error occurred (AccessDeniedException) when calling the Invoke operation: User: viewer is not authorized to "
    f"perform: lambda:InvokeFunction on resource: {ENDPOINT}"
)
OUTCOMES = [a_record(ARN, started_at=NOW - timedelta(hours=2), outage_seconds=17.5)]
UP, DOWN = ({"cyde_5_0": state, "cyss_cbgrn": state} for state in ("running", "stopped"))


def _picture(work: AtWork | None = None, **changes: Any) -> Status:
    services = {
        "db-01": a_status("db-01", services=UP),
        "db-02": a_status("db-02", services=DOWN),
    }
    changes["statuses"] = services | changes.get("statuses", {})
    found = evidence(**changes)
    return judge(found, judge_readiness(found), work)


def _only(changes: dict[str, Any], node: str) -> dict[str, Any]:
    return {name: {node: value[node]} for name, value in changes.items()}


def _at_work(step: str, *, is_asking: bool = False) -> AtWork:
    started_at = NOW - timedelta(seconds=12)
    return AtWork(execution=ARN, workflow="failover", step=step, started_at=started_at, is_asking=is_asking)


_DEAD = {
    "statuses": {"db-01": Answer.NONE},
    **of("machines", "db-01", (InstanceState.OFF, StatusChecks.UNKNOWN)),
    **of("probes", "db-01", Answer.NONE),
}

PICTURES: dict[str, Status] = {
    "sound": _picture(),
    "failing-over": _picture(_at_work("FenceNode"), **_DEAD),
    "question": _picture(_at_work("RequestConfirmation", is_asking=True), **_DEAD),
    "database-failed": _picture(**_only(status_of("db-01", services=UP | {"cyde_5_0": "stopped"}), "db-01")),
    "database-starting": _picture(**_only(status_of("db-01", services=UP | {"cyde_5_0": "starting"}), "db-01")),
    "resync": _picture(**_only(replica_of("db-02", link="resyncing", data="stale", sync_percent=41.7), "db-02")),
    "maintenance": _picture(**record(active="db-02", epoch=3, maintenance_until=NOW + timedelta(hours=2))),
    "unknown": _picture(
        record=Unknown(why="Throttled."),
        routes=Unknown(why="Throttled."),
        targets=Unknown(why="Throttled."),
        statuses={"db-01": Unknown(why="Throttled."), "db-02": Unknown(why="Throttled.")},
    ),
}


@dataclass
class Cloud:
    """Stands for the deployed functions: draws `status`, and takes presses."""

    status: Status
    pressed: list[dict[str, Any]] = field(default_factory=list)
    may_operate: bool = True
    trouble: str = ""

    def call(self, function: str, event: dict[str, Any]) -> str:
        if self.trouble:
            raise WidgetError(self.trouble)
        if function == WIDGET:
            context = WidgetRequest.model_validate(event).widget_context
            return render_widget(self.status, OUTCOMES, context.words, UTC, ENDPOINT)
        assert function == ENDPOINT
        if not self.may_operate:
            raise WidgetError(REFUSED)
        request = OperateRequest.model_validate(event)
        self.pressed.append(event["press"])
        words = request.widget_context.words
        told = json.dumps(event["press"]["action"])
        return render_answer(words, State.ACTIVE, words.done, told, words.pressed_by)


@contextmanager
def dashboard_of(cloud: Cloud) -> Iterator[str]:
    """The page's address."""
    with serving_dashboard({"operator": cloud}, WIDGET) as (address, _):
        yield address


def open_page(page: Page, address: str, **query: str) -> None:
    page.goto(f"{address}?{'&'.join(f'{name}={value}' for name, value in query.items())}")
    page.wait_for_selector("#widget .gf")


FOLDER = Path(__file__).parents[2] / "docs/pictures"
SCREENSHOTS = {
    "sound": ("en", "light"),
    "failing-over": ("en", "dark"),
    "question": ("ja", "light"),
}
"""What the documents show, with language and theme."""


def screenshot(page: Page, path: Path) -> None:
    """The page down to what the cluster is at."""
    facts = page.locator("#widget table").nth(1).bounding_box()
    assert facts is not None
    size = {"x": 0, "y": 0, "width": 900, "height": facts["y"] + facts["height"] + 8}
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, clip=size, full_page=True)  # type: ignore[arg-type]


def write_screenshots() -> None:
    FOLDER.mkdir(exist_ok=True)
    with running_chromium() as browser:
        page = browser.new_page(viewport={"width": 900, "height": 400})
        for name, (locale, theme) in SCREENSHOTS.items():
            with dashboard_of(Cloud(PICTURES[name])) as address:
                open_page(page, address, locale=locale, theme=theme)
                screenshot(page, FOLDER / f"{name}.png")
                if name == "sound":
                    page.locator("#widget .btn").first.click()
                    page.locator("#confirmation").screenshot(path=FOLDER / "confirmation.png")


if __name__ == "__main__":
    write_screenshots()
