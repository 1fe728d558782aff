"""Nothing is done that was not confirmed on a picture that still holds, nor twice; and what was done is told."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from failover import runtime
from failover.adapters import clients, execution_history, executions, functions
from failover.buttons import Action, Press, offer
from failover.errors import CloudUnavailable, Failed, InvalidInput
from failover.models import Unknown
from failover.readiness import judge_readiness
from failover.settings import Settings
from failover.status import AtWork, Status, judge
from failover.steps import operate as step
from failover.steps.operate import DOCUMENTATION, OperateRequest, operate
from failover.triggers import read_trigger
from failover.widget import render_widget
from failover.widget_words import ENGLISH, JAPANESE, Words

from tests.unit.test_logs import CONTEXT, FUNCTIONS, load_handler
from tests.unit.test_readiness import NOW, evidence, record
from tests.unit.test_widget import ARN, ENDPOINT, HOSTILE, Page

ASKING = AtWork(execution=ARN, workflow="failover", step="RequestConfirmation", started_at=NOW, is_asking=True)
WIDGET = {"dashboardName": "garoon-failover", "accountId": "123456789012", "locale": "en"}


class Buttons(HTMLParser):
    """The widget's buttons, each with what CloudWatch asks before it, calls, and calls it with."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], dict[str, Any]]] = []
        self._label, self._tag = "", ""
        self._attributes: dict[str, str | None] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag, self._attributes = tag, dict(attrs)

    def handle_data(self, data: str) -> None:
        if self._tag == "a":
            self._label = data
        if self._tag == "cwdb-action":
            self.found.append((self._label, self._attributes, json.loads(data)))
        self._tag = ""


def picture(work: AtWork | None = None, **changes: Any) -> Status:
    found = evidence(**changes)
    return judge(found, judge_readiness(found), work)


def actions(status: Status) -> list[Action]:
    return [one.press.action for one in offer(status)]


# --- what is offered ------------------------------------------------------------------------------------------------


def test_an_ordinary_picture_offers_what_can_be_done() -> None:
    assert actions(picture()) == [Action.SWITCHBACK, Action.REJOIN, Action.READINESS, Action.MAINTENANCE_ON]
    [move] = [one.press for one in offer(picture(**record(active="db-02", epoch=3))) if one.press.node]
    assert (move.node, move.epoch) == ("db-01", 3)


def test_without_the_record_only_a_look_is_offered() -> None:
    assert actions(picture(record=Unknown(why="Throttled."))) == [Action.READINESS]


def test_while_an_execution_is_at_work_no_other_is_offered() -> None:
    busy = AtWork(execution=ARN, workflow="failover", step="FenceNode", started_at=NOW)
    assert actions(picture(busy)) == [Action.READINESS, Action.MAINTENANCE_ON]


def test_an_open_question_is_offered_to_be_answered_first() -> None:
    offers = offer(picture(ASKING))
    assert [one.press.action for one in offers[:2]] == [Action.PROCEED, Action.DECLINE]
    assert {one.press.execution for one in offers[:2]} == {"da8566d2"}
    assert [one.is_primary for one in offers] == [True, False, False, False]


def test_a_question_of_something_that_is_no_execution_is_not_offered() -> None:
    assert Action.PROCEED not in actions(picture(ASKING.model_copy(update={"execution": f"x:{HOSTILE}"})))


def test_maintenance_that_is_on_can_be_ended() -> None:
    on = picture(**record(active="db-01", maintenance_until=NOW + timedelta(hours=1)))
    assert actions(on)[-2:] == [Action.MAINTENANCE_ON, Action.MAINTENANCE_OFF]


@pytest.mark.parametrize("words", [ENGLISH, JAPANESE], ids=lambda words: words.language)
def test_every_button_asks_first_and_calls_one_function_with_a_press_that_is_taken(words: Words) -> None:
    seen: set[Action] = set()
    for status in (picture(ASKING, **record(active="db-01", maintenance_until=NOW + timedelta(hours=1))), picture()):
        for label, attributes, given in Buttons(render_widget(status, [], words, UTC, ENDPOINT)).found:
            press = OperateRequest.model_validate(given).press
            assert press is not None
            seen.add(press.action)
            assert label
            assert {**attributes, "confirmation": ""} == {
                "action": "call", "display": "popup", "endpoint": ENDPOINT, "confirmation": "",
            }  # fmt: skip
            confirmation = attributes["confirmation"]
            assert confirmation
            assert "?" in confirmation
            assert not re.search("[{}…]", label + confirmation), "nothing unsaid, nothing cut"
            assert not re.search("[<>&]", json.dumps(given)), "in an element markup would change it"
    assert seen == set(Action)


# --- what a press does ----------------------------------------------------------------------------------------------


class World:
    """The calls that a press comes to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.called: list[tuple[Any, Any]] = []
        self.error: Exception | None = None
        self.token: str | None = "token"
        self.names: set[str] = set()
        for workflow in ("failover", "switchback", "rejoin"):
            monkeypatch.setattr(executions, f"start_{workflow}", self._starts(workflow))
        monkeypatch.setattr(executions, "send_answer", lambda token, words: self._call(token, words))
        monkeypatch.setattr(functions, "call", self._function)
        monkeypatch.setattr(step, "read_execution", self._read)

    def _call(self, what: str, given: Any) -> None:
        if self.error is not None:
            raise self.error
        self.called.append((what, given))

    def _starts(self, workflow: str) -> Any:
        def start(_settings: Settings, name: str, given: dict[str, Any]) -> bool:
            is_new = name not in self.names
            self.names.add(name)
            if is_new:
                self._call(workflow, given)
            return is_new

        return start

    def _function(self, name: str, given: dict[str, Any], _settings: Settings) -> Any:
        self._call(name, given)
        if name == "check_readiness":
            return {"isReady": False, "summary": "1 critical.", "checkedAt": "", "findings": []}
        until = "2026-11-24T14:00:00Z" if given["minutes"] else None
        return {"isOn": bool(until), "until": until, "message": ""}

    def _read(self, arn: str) -> Any:
        assert arn == ARN
        return execution_history.Execution(
            arn=arn, status="RUNNING", started_at=NOW, ended_at=None, input=None, steps=(), outcome=None,
            task_token=self.token,
        )  # fmt: skip


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, cluster_table: Any) -> World:
    monkeypatch.setattr(step, "request_id", lambda: "8f3c")
    return World(monkeypatch)


def press(action: Action, **changes: Any) -> dict[str, Any]:
    by_action: dict[Action, dict[str, Any]] = {
        Action.SWITCHBACK: {"epoch": 0, "node": "db-02"},
        Action.REJOIN: {"epoch": 0},
        Action.PROCEED: {"execution": "da8566d2"},
        Action.DECLINE: {"execution": "da8566d2"},
    }
    now = datetime.now(UTC).isoformat()
    return {"action": str(action), "confirmed": True, "shownAt": now} | by_action.get(action, {}) | changes


def pressed(settings: Settings, given: dict[str, Any], **context: str) -> str:
    """The popup's words."""
    event = {"press": given, "widgetContext": WIDGET | context}
    return " ".join("".join(Page(operate(OperateRequest.model_validate(event), settings)).text).split())


BY = "pressed on the dashboard garoon-failover of account 123456789012, call 8f3c"


@pytest.mark.parametrize(
    ("action", "called", "told"),
    [
        (Action.SWITCHBACK, ("switchback", {"target": "db-02", "reason": BY}), "● done The execution dashboard-switch"),
        (Action.REJOIN, ("rejoin", {"reason": BY}), "● done The execution dashboard-rejoin-"),
        (Action.READINESS, ("check_readiness", {}), "● done not ready for a failover. 1 critical."),
        (Action.MAINTENANCE_ON, ("set_maintenance", {"minutes": 120, "reason": BY}), "● done Maintenance is on until"),
        (Action.MAINTENANCE_OFF, ("set_maintenance", {"minutes": 0, "reason": BY}), "● done Maintenance is off."),
        (Action.PROCEED, ("token", '{"proceed": true}'), "● done da8566d2 has the answer yes."),
        (Action.DECLINE, ("token", '{"proceed": false}'), "● done da8566d2 has the answer no."),
    ],
)
def test_a_press_does_what_it_says_once_and_tells_it(
    settings: Settings, world: World, action: Action, called: Any, told: str
) -> None:
    said = pressed(settings, press(action))
    assert world.called == [called]
    assert said.startswith(told)
    assert "Pressed on the dashboard garoon-failover, account 123456789012." in said
    assert "request id 8f3c" in said


def test_the_answer_is_in_the_console_s_language_and_time(settings: Settings, world: World) -> None:
    event = {
        "press": press(Action.MAINTENANCE_ON),
        "widgetContext": WIDGET | {"locale": "ja", "timezone": {"offsetISO": "+09:00"}},
    }
    said = operate(OperateRequest.model_validate(event), settings)
    assert 'lang="ja"' in said
    assert "メンテナンスは 2026-11-24 23:00 UTC+09:00 までオンです。" in said


def test_the_workflows_take_what_a_press_starts_them_with(settings: Settings, world: World) -> None:
    """However long the dashboard's name is: who calls by hand may say anything."""
    for action in (Action.SWITCHBACK, Action.REJOIN):
        pressed(settings, press(action), dashboardName=HOSTILE * 20, accountId=HOSTILE * 20)
    for workflow, given in world.called:
        assert read_trigger(workflow, given, settings).kind == "operator"


def test_the_same_button_on_the_same_picture_starts_one_execution(settings: Settings, world: World) -> None:
    same = press(Action.SWITCHBACK)
    pressed(settings, same)
    assert pressed(settings, same).startswith("✖ not done This button was pressed on this picture before")
    assert len(world.called) == 1
    assert pressed(settings, press(Action.SWITCHBACK)).startswith("● done")


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("minutes", [-11, 11])
def test_an_old_picture_is_not_operated_on(settings: Settings, world: World, action: Action, minutes: int) -> None:
    shown_at = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
    said = pressed(settings, press(action, shownAt=shown_at))
    assert said.startswith("✖ not done This picture is more than ten minutes old.")
    assert world.called == []


@pytest.mark.parametrize("action", [Action.SWITCHBACK, Action.REJOIN])
def test_what_was_confirmed_of_another_state_is_not_done(settings: Settings, world: World, action: Action) -> None:
    assert pressed(settings, press(action, epoch=7)).startswith("✖ not done The role has moved since")
    assert world.called == []


def test_the_role_is_not_moved_to_who_has_it(settings: Settings, world: World) -> None:
    assert pressed(settings, press(Action.SWITCHBACK, node="db-01")).startswith("✖ not done The role has moved since")
    assert world.called == []


@pytest.mark.parametrize("action", [Action.PROCEED, Action.DECLINE])
def test_a_question_that_is_over_is_not_answered(settings: Settings, world: World, action: Action) -> None:
    world.token = None
    assert pressed(settings, press(action)).startswith("✖ not done This question waits for no answer any more.")
    assert world.called == []


@pytest.mark.parametrize("action", Action)
def test_what_aws_refuses_is_told_as_not_done(settings: Settings, world: World, action: Action) -> None:
    world.error = Failed("AWS answered with AccessDeniedException: <b>No</b>.")
    assert pressed(settings, press(action)).startswith("✖ not done AWS answered with AccessDeniedException: <b>No</b>.")


@pytest.mark.parametrize("action", Action)
def test_what_aws_does_not_answer_is_not_known(settings: Settings, world: World, action: Action) -> None:
    world.error = CloudUnavailable("AWS could not be reached.")
    said = pressed(settings, press(action))
    assert said.startswith("? it is not known whether it was done Refresh the picture and look. AWS could not be")


# --- what is no press -----------------------------------------------------------------------------------------------


def handler() -> Any:
    [path] = [path for path in FUNCTIONS if path.parent.name == "operate"]
    return load_handler(path)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"press": None}, id="no-press"),
        pytest.param({"press": press(Action.READINESS) | {"confirmed": False}}, id="not-confirmed"),
        pytest.param(
            {"press": {key: value for key, value in press(Action.READINESS).items() if key != "confirmed"}},
            id="confirmation-missing",
        ),
        pytest.param(
            {"press": {key: value for key, value in press(Action.READINESS).items() if key != "shownAt"}},
            id="time-missing",
        ),
        pytest.param({"press": press(Action.READINESS) | {"action": "failover"}}, id="no-action-of-a-button"),
        pytest.param({"press": press(Action.READINESS) | {"force": True}}, id="more-than-is-known"),
        pytest.param({"press": press(Action.SWITCHBACK, epoch=None)}, id="switchback-without-epoch"),
        pytest.param({"press": press(Action.SWITCHBACK, node=None)}, id="switchback-without-node"),
        pytest.param({"press": press(Action.REJOIN, epoch=None)}, id="rejoin-without-epoch"),
        pytest.param({"press": press(Action.PROCEED, execution=None)}, id="proceed-without-execution"),
        pytest.param({"press": press(Action.DECLINE, execution="a:b")}, id="decline-of-no-name"),
        pytest.param({"press": press(Action.DECLINE, execution="a\n")}, id="decline-of-a-name-with-a-line-end"),
    ],
)
def test_what_no_button_says_is_refused_and_calls_nobody(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    monkeypatch.setattr(runtime, "settings", lambda: settings)
    monkeypatch.setattr(clients, "client", None)
    with pytest.raises(InvalidInput, match="Nothing was done"):
        handler()(given, CONTEXT)


def test_asked_what_it_is_it_says_so_and_does_nothing_else(settings: Settings) -> None:
    request = OperateRequest.model_validate({"describe": True, "press": press(Action.SWITCHBACK)})
    assert operate(request, settings) == DOCUMENTATION


def test_who_pressed_is_logged_with_the_call_s_id(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runtime, "settings", lambda: settings)
    monkeypatch.setattr(functions, "call", lambda *_given: {"isReady": True, "summary": ""})
    page = handler()({"press": press(Action.READINESS), "widgetContext": WIDGET}, CONTEXT)
    assert f"request id {CONTEXT.aws_request_id}." in page
    [line] = [record for record in caplog.records if record.message == "operated"]
    assert line.by == BY.replace("8f3c", CONTEXT.aws_request_id)  # type: ignore[attr-defined]


def test_names_of_presses_are_names_of_executions() -> None:
    """1 to 80 characters (Step Functions API Reference, "StartExecution")."""
    for action in Action:
        name = Press.model_validate(press(action)).name
        assert len(name) <= 80
        assert re.fullmatch(r"[\w-]+", name)
