"""What the functions log becomes events that others build on, and messages for a chat; no step waits for either."""

from __future__ import annotations

import base64
import gzip
import io
import json
import logging
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import jsonschema
import pytest
from failover.adapters import event_bus, notifications
from failover.adapters import history_table as past
from failover.announcement import (
    EVENTS,
    SOURCE,
    Event,
    OfExecution,
)
from failover.chat import chat_message, text
from failover.errors import CloudUnavailable, FailoverError, Refused
from failover.incident import Incident, join
from failover.messages import Language, Message
from failover.models import OutcomeKind, Value
from failover.runtime import StepInput, lambda_step, logger, metrics
from failover.settings import Settings
from failover.steps.announce import LoggedEvent, announce

from events.generate_schemas import FOLDER, generate, path_of
from testbed.stack.template import read_template
from tests.unit.fake_events import EXECUTION, ended
from tests.unit.fake_records import a_record
from tests.unit.test_history import LOCKED

HOSTILE = "<!channel> *b* `c` [x](https://evil.example/) _d_ @here\r\n\u202egnp.exe \x1b[31m & \ud800 </td>"
SECRET = "AQCE-a-task-token"
CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn:aws:lambda:r:1:function:f", aws_request_id="r1"
)


class Bus:
    """EventBridge: keeps what it takes, and refuses as often as it is told."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.refusals = 0

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert len(Entries) <= 10, "EventBridge API Reference, PutEvents"
        if self.refusals:
            self.refusals -= 1
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
        self.entries += Entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in Entries]}

    def sent(self) -> list[tuple[str, dict[str, Any]]]:
        """Each `detail-type` with its detail, which fits its schema."""
        told = []
        schemas = {event.TYPE: json.loads(path_of(event).read_text()) for event in EVENTS}
        for entry in self.entries:
            assert entry["Source"] == SOURCE
            detail = json.loads(entry["Detail"])
            jsonschema.validate(
                detail, schemas[entry["DetailType"]], format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
            )
            told.append((entry["DetailType"].removeprefix("Garoon Failover "), detail))
        return told


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    bus = Bus()
    monkeypatch.setattr(event_bus, "client", lambda _service: bus)
    return bus


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What came into the chat's topic."""
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(notifications, "publish", lambda *_, **__: None)  # tests/unit/test_opening.py has the mail
    monkeypatch.setattr(notifications, "publish_to_chat", lambda _settings, message: messages.append(message))
    return messages


def a_line(service: str, result: Any = None, **fields: Any) -> dict[str, Any]:
    return {
        "level": "INFO", "message": "done", "timestamp": "2026-11-24T12:00:01.250Z", "service": service,
        "function_request_id": f"{service}-1", "correlation_id": EXECUTION, "result": result, "seconds": 1.5,
        "announced": True,
    } | fields  # fmt: skip


def logged(*lines: dict[str, Any] | str) -> LoggedEvent:
    events = [{"message": line if isinstance(line, str) else json.dumps(line)} for line in lines]
    data = base64.b64encode(gzip.compress(json.dumps({"logEvents": events}).encode())).decode()
    return LoggedEvent.model_validate({"awslogs": {"data": data}})


def an_outcome(kind: OutcomeKind = OutcomeKind.FAILED_OVER, reason: str = "db-01 is dead.") -> dict[str, Any]:
    outcome = a_record(EXECUTION, kind, reason=reason, outage_seconds=4.2).outcome
    assert outcome is not None
    return outcome.to_json()


QUESTION = {
    "active": "db-01",
    "standby": "db-02",
    "reason": Message.of("It is dead.").to_json(),
    "answerUntil": "2026-11-24T12:10:00Z",
}


def readiness(*ids: str, is_ready: bool = True, **fields: Any) -> dict[str, Any]:
    findings = [
        {"id": one, "about": "db-02", "severity": "warning", "meaning": f"{one}.", "action": "Do."} for one in ids
    ]
    result = {"isReady": is_ready, "summary": "", "checkedAt": "2026-11-24T12:00:00Z", "findings": findings}
    return a_line("check_readiness", result, correlation_id=None, **fields)


# --- events ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("history_table", "chat")
def test_an_execution_is_told_from_its_start_to_its_outcome(settings: Settings, bus: Bus) -> None:
    lines = [
        a_line("acquire_lock", LOCKED),
        a_line("assess_cluster", {"decision": {}}),
        a_line("request_confirmation", QUESTION),
        a_line("fence_node", None, message="Not yet.", error="NotYet"),
        a_line("fence_node", {"node": "db-01"}),
        a_line("promote_replica", None, message="No proof.", error="Refused"),
        a_line("record_outcome", an_outcome()),
    ]
    announce(logged(*lines), settings)
    assert [(kind, detail.get("step")) for kind, detail in bus.sent()] == [
        ("Step Ended", "acquire_lock"),
        ("Execution Started", None),
        ("Step Ended", "assess_cluster"),
        ("Step Ended", "request_confirmation"),
        ("Question Asked", None),
        ("Step Ended", "fence_node"),
        ("Step Ended", "promote_replica"),
        ("Step Ended", "record_outcome"),
        ("Outcome", None),
    ]
    details = [detail for _, detail in bus.sent()]
    assert details[1]["reason"] == "alarm garoon-db-01-heartbeat-lost went to ALARM"
    assert (details[6]["isDone"], details[6]["error"], details[6]["message"]) == (False, "Refused", "No proof.")
    assert (details[-1]["outcome"], details[-1]["outageSeconds"]) == ("FailedOver", 4.2)
    assert {(one["cluster"], one["execution"], one["version"]) for one in details} == {("garoon", EXECUTION, "1")}
    assert all(entry["Resources"] == [EXECUTION] for entry in bus.entries)


@pytest.mark.usefixtures("history_table", "chat")
def test_an_outcome_that_record_abort_told_is_told_once(settings: Settings, bus: Bus) -> None:
    ended = {"execution": EXECUTION, "wasRecordedBefore": True, "outcome": None}
    announce(logged(a_line("record_abort", ended)), settings)
    assert bus.sent() == []
    ended = {"execution": EXECUTION, "wasRecordedBefore": False, "outcome": an_outcome(OutcomeKind.FAILED)}
    announce(logged(a_line("record_abort", ended)), settings)
    assert [(kind, detail["outcome"]) for kind, detail in bus.sent()] == [("Outcome", "Failed")]


@pytest.mark.usefixtures("history_table", "chat")
def test_of_readiness_only_changes_are_told(settings: Settings, bus: Bus) -> None:
    for found in (readiness(), readiness(), readiness("a", "b"), readiness("b", "a"), readiness("b", is_ready=False)):
        announce(logged(found), settings)
    changes = [detail for kind, detail in bus.sent() if kind == "Readiness Changed"]
    assert [(one["isReady"], one["appeared"], one["gone"]) for one in changes] == [
        (True, [], []),
        (True, ["a (db-02)", "b (db-02)"], []),
        (False, [], ["a (db-02)"]),
    ]


@pytest.mark.usefixtures("history_table")
def test_a_change_that_could_not_be_sent_is_sent_when_lambda_tries_again(
    settings: Settings, bus: Bus, chat: list[dict[str, Any]]
) -> None:
    bus.refusals = 1
    with pytest.raises(CloudUnavailable, match="ThrottlingException"):
        announce(logged(readiness("a")), settings)
    assert "EventsNotSent" in metrics.provider.metric_set
    assert chat == []
    announce(logged(readiness("a")), settings)
    assert [kind for kind, _ in bus.sent()] == ["Readiness Changed"]


@pytest.mark.usefixtures("history_table", "chat")
def test_more_than_ten_events_go_in_several_requests_and_a_repeat_bears_the_same_ids(
    settings: Settings, bus: Bus
) -> None:
    lines = [a_line("fence_node", {}, function_request_id=str(number)) for number in range(25)]
    for _ in range(2):
        announce(logged(*lines), settings)
    ids = [detail["id"] for _, detail in bus.sent()]
    assert len(ids) == 50
    assert ids[:25] == ids[25:]
    assert len(set(ids)) == 25


@pytest.mark.usefixtures("history_table", "chat")
def test_lines_without_sense_keep_no_other_from_being_told(settings: Settings, bus: Bus) -> None:
    lines = [a_line("record_outcome", {"more": 1}), a_line("acquire_lock", None), a_line("fence_node")]
    announce(logged("", "{", '"x"', *lines), settings)
    assert [detail["step"] for _, detail in bus.sent()] == ["fence_node"]


@pytest.mark.usefixtures("history_table", "chat")
def test_hostile_words_are_data_in_an_event(settings: Settings, bus: Bus) -> None:
    outcome = an_outcome() | {"reason": HOSTILE, "said": None}
    announce(logged(a_line("record_outcome", outcome)), settings)
    [(_, _), (_, told)] = bus.sent()
    assert told["reason"] == HOSTILE.replace("\ud800", "?")


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
def test_each_event_has_its_schema_as_it_is_sent(event: type[Event]) -> None:
    assert path_of(event).read_text() == generate(event), "make schemas"
    jsonschema.Draft202012Validator.check_schema(json.loads(path_of(event).read_text()))


def test_no_schema_is_left_over() -> None:
    assert set(FOLDER.glob("*")) == {path_of(event) for event in EVENTS}


# --- what is logged, and who is called for it -----------------------------------------------------------------------


class Done(Value):
    is_done: bool = True


class Given(StepInput):
    how: str = ""


class Other(Value):
    how: str = ""


@pytest.mark.parametrize(
    ("model", "is_announced", "how", "expected"),
    [
        (Given, False, "well", {"message": "done", "announced": True}),
        (Given, False, "refuse", {"message": "No.", "error": "Refused", "announced": True}),
        (Given, False, "fault", {"error": "KeyError", "announced": True}),
        (Other, True, "well", {"message": "done", "announced": True}),
        (Other, False, "well", {"message": "done", "announced": None}),
        (Other, False, "refuse", {"error": "Refused", "announced": None}),
    ],
)
def test_the_line_of_a_step_s_end_is_announced(
    model: type[Value], is_announced: bool, how: str, expected: dict[str, Any], settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def step(request: Any, _settings: Settings) -> Done:
        if request.how == "refuse":
            raise Refused("No.")
        return {"well": Done()}[request.how]

    log = io.StringIO()
    stream_handler = next(one for one in logger.handlers if isinstance(one, logging.StreamHandler))
    monkeypatch.setattr(stream_handler, "stream", log)
    monkeypatch.setattr("failover.runtime.settings", lambda: settings)
    event = {"how": how} | ({"execution": EXECUTION} if model is Given else {})
    handler: Any = lambda_step(model, is_announced=is_announced)(step)
    with suppress(FailoverError):
        handler(event, CONTEXT)
    [line] = [json.loads(text) for text in log.getvalue().splitlines()]
    assert {name: line.get(name) for name in expected} == expected
    assert line["seconds"] >= 0 if line.get("announced") else True


def test_it_is_called_for_announced_lines_alone_and_announces_none_itself() -> None:
    """Its own log is another one, too: it cannot call itself."""
    properties = read_template()["Resources"]["AnnounceFunction"]["Properties"]
    [source] = properties["Events"].values()
    assert source["Properties"] == {
        "LogGroupName": {"Ref": "FunctionLogGroup"}, "FilterPattern": "{ $.announced IS TRUE }",
    }  # fmt: skip
    assert properties["LoggingConfig"] == {"LogGroup": {"Ref": "AnnounceLogGroup"}}
    assert not issubclass(LoggedEvent, StepInput)
    code = (Path(__file__).parents[2] / "functions/announce/app.py").read_text()
    assert "is_announced" not in code


def test_it_may_send_only_our_own_events() -> None:
    policy = read_template()["Resources"]["AnnounceRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    [statement] = [one for one in policy["Statement"] if one["Action"] == ["events:PutEvents"]]
    assert statement["Condition"] == {"ForAllValues:StringEquals": {"events:source": SOURCE}}


def test_the_chat_s_message_is_published_as_json(settings: Settings, aws: None) -> None:
    topic = boto3.client("sns").create_topic(Name="chat")["TopicArn"]
    assert topic == settings.chat_topic_arn
    notifications.publish_to_chat(settings, {"version": "1.0"})


# --- the chat -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("history_table", "bus")
def test_a_message_has_the_schema_of_custom_notifications(settings: Settings, chat: list[dict[str, Any]]) -> None:
    """Amazon Q Developer in chat applications Administrator Guide, "Custom notifications", "Event schema"."""
    lines = [a_line("acquire_lock", LOCKED), a_line("request_confirmation", QUESTION), a_line("fence_node", {})]
    looks = [readiness("a"), readiness("a", timestamp="2026-11-24T12:05:01Z")]
    announce(logged(*lines, a_line("record_outcome", an_outcome()), *looks), settings)
    assert len(chat) == 5
    for message in chat:
        assert (message["version"], message["source"]) == ("1.0", "custom")
        assert set(message) == {"version", "source", "id", "content", "metadata"}
        assert set(message["content"]) == {"textType", "title", "description", "nextSteps", "keywords"}
        assert message["content"]["textType"] == "client-markdown"
        assert set(message["metadata"]) == {
            "threadId", "summary", "eventType", "relatedResources", "additionalContext",
        }  # fmt: skip
    assert {one["metadata"]["threadId"] for one in chat} == {"garoon-da8566d2", "garoon-readiness"}
    runbook = "Runbook:   https://wiki.example/garoon/operations.md#outcome-failedover"
    assert chat[3]["content"]["nextSteps"] == ["Look.", runbook]
    assert chat[4]["content"]["nextSteps"] == ["Do.", "Runbook: https://wiki.example/garoon/findings.md#a"]
    assert "4.2 s, from stopping" in chat[3]["content"]["description"]


def test_no_message_has_the_token_of_a_question(
    settings: Settings, history_table: Any, bus: Bus, chat: list[dict[str, Any]]
) -> None:
    line = a_line("request_confirmation", QUESTION | {"taskToken": SECRET}, taskToken=SECRET)
    announce(logged(line), settings)
    assert SECRET not in json.dumps(chat) + json.dumps(bus.entries, default=str)


def test_hostile_words_are_text_in_a_chat() -> None:
    message = json.dumps(chat_message(ended(OutcomeKind.HALTED, HOSTILE), "x"), ensure_ascii=False)
    for harm in (
        "<!channel>",
        "</td>",
        "\u202e",
        "\x1b",
        "\ud800",
        " *b*",
        " `c`",
        "[x](",
        " _d_",
        " @here",
        "https://",
    ):
        assert harm not in message, harm
    message.encode()


def test_a_chat_is_told_in_the_languages_that_operators_read() -> None:
    event = ended(OutcomeKind.FAILED, Message("outcome.aborted"))
    told = chat_message(event, "x", (Language.JAPANESE, Language.ENGLISH))["content"]["description"].splitlines()
    assert told[1].startswith("The execution was stopped by somebody")
    assert not told[0].isascii()


def test_names_stay_as_they_are() -> None:
    assert text("cyde_5_0 on db-01 is stopped (i-0a).", 100) == "cyde_5_0 on db-01 is stopped (i-0a)."


def test_the_longest_message_is_within_the_schema_s_limits() -> None:
    content = chat_message(ended(OutcomeKind.HALTED, "&" * 100_000), "x", tuple(Language))["content"]
    assert len(content["title"]) <= 250
    assert len(content["description"]) <= 8_000


@pytest.mark.usefixtures("history_table", "bus")
def test_who_comes_late_to_begin_an_incident_joins_the_one_that_another_began(
    settings: Settings, chat: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first execution's start is announced by a run that starts cold, and the second one's meanwhile."""
    others = [Incident(thread="two", told_at=datetime.now(UTC))]

    def join_late(event: OfExecution, incident: Incident | None, now: datetime) -> Incident:
        if others:
            past.remember(settings, others.pop())
        return join(event, incident, now)

    monkeypatch.setattr("failover.steps.announce.join", join_late)
    announce(logged(a_line("acquire_lock", LOCKED), a_line("fence_node", {})), settings)
    assert [one["metadata"]["threadId"] for one in chat] == ["garoon-two"]
    remembered = past.recall(settings, Incident)
    assert remembered is not None
    assert remembered.thread == "two"


def test_what_is_remembered_by_another_version_is_forgotten(settings: Settings, history_table: Any) -> None:
    history_table.put_item(Item={"kind": "memory", "at": "Incident", "record": '{"more": 1}'})
    assert past.recall(settings, Incident) is None
    past.remember(settings, Incident(thread="x", told_at=datetime.now(UTC)))
    remembered = past.recall(settings, Incident)
    assert remembered is not None
    assert remembered.thread == "x"
