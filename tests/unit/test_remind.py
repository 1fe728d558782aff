"""A message that nobody reacted to comes once more; a weekly one shows that messages come at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from failover.adapters import cluster_table as table
from failover.adapters import functions, notifications
from failover.adapters import history_table as past
from failover.adapters.execution_history import Execution, Step
from failover.errors import Failed
from failover.execution_record import ExecutionRecord
from failover.models import ClusterRecord, Lock, OutcomeKind, Trigger
from failover.settings import NotificationLanguage, Settings
from failover.steps import remind as step
from failover.steps.remind import RemindRequest, remind

from tests.unit.fake_records import a_record, arn_of

AGAIN, WEEKLY = RemindRequest(send="again"), RemindRequest(send="weekly")
EXECUTION = arn_of("failover", "one")
FINDING = {"id": "replica-behind", "about": "db-02", "severity": "critical", "meaning": "It is.", "action": "Wait."}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What came by mail and in the chat, in that order."""
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(notifications, "publish", lambda _settings, **message: messages.append(message))
    monkeypatch.setattr(notifications, "publish_to_chat", lambda _settings, message: messages.append(message))
    return messages


@pytest.fixture(autouse=True)
def ready(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What check_readiness says."""
    said: dict[str, Any] = {"isReady": True, "findings": []}
    monkeypatch.setattr(functions, "call", lambda _step, _given, _settings: said)
    return said


def keep(settings: Settings, minutes_ago: float, kind: OutcomeKind, name: str = "one", kind_of: Any = "alarm") -> None:
    begun = datetime.now(UTC) - timedelta(minutes=minutes_ago, seconds=9)
    lock = Lock(
        trigger=Trigger(kind=kind_of, reason="a reason"), record=ClusterRecord(active="db-01", epoch=1),
        standby="db-02",
    )  # fmt: skip
    record: ExecutionRecord = a_record(arn_of("failover", name), kind, started_at=begun)
    past.keep(settings, record.model_copy(update={"lock": lock}))


pytestmark = pytest.mark.usefixtures("cluster_table", "history_table")


@pytest.mark.parametrize(
    ("minutes_ago", "kind", "is_sent"),
    [
        (29, OutcomeKind.HALTED, False),
        (31, OutcomeKind.HALTED, True),
        (31, OutcomeKind.FAILED_OVER, True),
        (31, OutcomeKind.REJOINED, False),
        (31, OutcomeKind.NOTHING_TO_DO, False),
        (25 * 60, OutcomeKind.HALTED, False),
    ],
)
def test_an_outcome_that_nobody_reacted_to_is_sent_once_more(
    minutes_ago: float, kind: OutcomeKind, is_sent: bool, settings: Settings, sent: list[dict[str, Any]]
) -> None:
    keep(settings, minutes_ago, kind)
    for _ in range(3):
        remind(AGAIN, settings)
    assert len(sent) == 2 * is_sent
    if is_sent:
        mail, chat = sent
        assert mail["subject"] == f"[garoon] Sent again: {kind}"
        assert mail["attributes"] == {"attention": "needed"}
        assert mail["text"].startswith("31 minutes ago operators were told")
        assert "Next step: Look." in mail["text"]
        assert f"Execution: {EXECUTION}" in mail["text"]
        assert "31 minutes ago" in chat["content"]["description"]


def test_whatever_ran_since_has_told_its_own_outcome(settings: Settings, sent: list[dict[str, Any]]) -> None:
    keep(settings, 60, OutcomeKind.FAILED_OVER)
    keep(settings, 50, OutcomeKind.REJOINED, "two")
    keep(settings, 40, OutcomeKind.SKIPPED, "three")
    remind(AGAIN, settings)
    assert sent == []


def test_who_started_it_is_there(settings: Settings, sent: list[dict[str, Any]]) -> None:
    keep(settings, 31, OutcomeKind.HALTED, kind_of="operator")
    remind(AGAIN, settings)
    assert sent == []


def test_maintenance_shows_that_it_was_seen(settings: Settings, sent: list[dict[str, Any]]) -> None:
    keep(settings, 31, OutcomeKind.HALTED)
    table.set_maintenance(settings, datetime.now(UTC) + timedelta(hours=1))
    remind(AGAIN, settings)
    assert sent == []


def test_zero_is_never(settings: Settings, sent: list[dict[str, Any]]) -> None:
    keep(settings, 31, OutcomeKind.HALTED)
    remind(AGAIN, settings.model_copy(update={"repeat_after_minutes": 0}))
    assert sent == []


@pytest.mark.parametrize(("waited_seconds", "is_sent"), [(200, False), (301, True)])
def test_an_open_question_is_sent_again_at_half_time_and_without_its_token(
    waited_seconds: int, is_sent: bool, settings: Settings, sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    table.acquire_lock(settings, EXECUTION, now)
    asked = Step(name="RequestConfirmation", started_at=now - timedelta(seconds=waited_seconds))
    asking = Execution(
        arn=EXECUTION, status="RUNNING", started_at=now, ended_at=None, input={}, steps=(asked,), outcome=None,
        task_token="AQCE-secret",
    )  # fmt: skip
    monkeypatch.setattr(step, "read_execution", lambda _arn: asking)
    for _ in range(2):
        remind(AGAIN, settings)
    assert len(sent) == 2 * is_sent
    assert "AQCE" not in str(sent)
    assert all("garoon-failover confirm" in str(message) for message in sent)


def test_the_weekly_message_says_that_all_is_well(settings: Settings, sent: list[dict[str, Any]]) -> None:
    keep(settings, 60 * 24 * 3, OutcomeKind.SWITCHED_OVER)
    keep(settings, 60, OutcomeKind.NOTHING_TO_DO, "two")
    remind(WEEKLY, settings)
    mail, chat = sent
    assert (mail["subject"], mail["attributes"]) == ("[garoon] Weekly message: ready", {"attention": "weekly"})
    for words in ("is ready for a failover.", "db-01, standby: db-02", "(SwitchedOver)", "in seven days: 2"):
        assert words in mail["text"]
    assert "is ready for a failover." in chat["content"]["description"]


def test_the_weekly_message_says_what_is_not(
    settings: Settings, sent: list[dict[str, Any]], ready: dict[str, Any]
) -> None:
    ready |= {"isReady": False, "findings": [FINDING]}
    remind(WEEKLY, settings.model_copy(update={"notification_language": NotificationLanguage.BOTH}))
    assert sent[0]["subject"].endswith("not ready")
    assert "critical: replica-behind (db-02)" in sent[0]["text"]
    assert "フェイルオーバーできない状態です" in sent[0]["text"]
    assert "not on record" in sent[0]["text"]


def test_what_is_not_known_is_said_so(
    settings: Settings, sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(*_given: Any) -> None:
        raise Failed("The function does not run.")

    monkeypatch.setattr(functions, "call", call)
    remind(WEEKLY, settings)
    assert sent[0]["subject"].endswith("unknown")
    assert "is not known: The function does not run." in sent[0]["text"]
