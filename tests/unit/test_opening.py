"""Operators are mailed once as an incident begins, once as it ends, and what changed: nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from failover.adapters import event_bus, notifications
from failover.adapters import history_table as past
from failover.errors import CloudUnavailable
from failover.incident import Incident
from failover.messages import Language, Message, say
from failover.models import Assessment, Confirmation, Decision, OutcomeKind, Verdict
from failover.runtime import metrics
from failover.settings import NotificationLanguage, Settings
from failover.steps.announce import announce

from testbed.stack.template import read_template
from tests.unit.fake_records import START, arn_of
from tests.unit.test_announce import HOSTILE, a_line, an_outcome, logged, readiness
from tests.unit.test_decision import evidence
from tests.unit.test_history import LOCKED

pytestmark = pytest.mark.usefixtures("history_table")

DEAD = Message("next.find-what-took-it-out")
"""A reason with a code; which one does not matter."""


@pytest.fixture
def mails(published: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    monkeypatch.setattr(event_bus, "put_events", lambda _events: None)
    return published


@pytest.fixture(autouse=True)
def chat(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(notifications, "publish_to_chat", lambda _settings, message: sent.append(message))
    return sent


def assessed(
    verdict: Verdict = Verdict.FAIL_OVER, name: str = "one", *, reason: str = DEAD, is_asked: bool = False
) -> dict[str, Any]:
    assessment = Assessment(
        decision=Decision(verdict=verdict, reason=Message.of(reason)), evidence=evidence(),
        confirmation=Confirmation(is_needed=is_asked, timeout_seconds=600),
    )  # fmt: skip
    return a_line("assess_cluster", assessment.to_json(), correlation_id=arn_of("failover", name))


def ended(kind: OutcomeKind, name: str = "one") -> dict[str, Any]:
    return a_line("record_outcome", an_outcome(kind), correlation_id=arn_of("failover", name))


def began(name: str = "one") -> dict[str, Any]:
    return a_line("acquire_lock", LOCKED, correlation_id=arn_of("failover", name))


# --- what has begun -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [Verdict.FAIL_OVER, Verdict.SWITCH_OVER, Verdict.REJOIN])
def test_a_move_is_told_as_it_begins(verdict: Verdict, settings: Settings, mails: list[dict[str, str]]) -> None:
    settings = settings.model_copy(update={"notification_language": NotificationLanguage.BOTH})
    for _again in range(2):
        announce(logged(began(), assessed(verdict)), settings)
    [mail] = mails
    assert (mail["subject"], mail["attention"]) == (f"[garoon] Begun: {verdict}", "needed")
    assert mail["text"].startswith(f"{say(DEAD, Language.JAPANESE)}\n\n処理を開始しました。")
    assert "It has begun. Nothing is to be done now" in mail["text"]
    assert f"At work:   {arn_of('failover', 'one')}" in mail["text"]
    assert "Execution:" not in mail["text"], "that is a sign of an outcome"


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.FAIL_OVER, Verdict.SWITCH_OVER, Verdict.REJOIN}))
def test_what_is_over_at_once_is_told_by_its_outcome(
    verdict: Verdict, settings: Settings, mails: list[dict[str, str]]
) -> None:
    announce(logged(assessed(verdict)), settings)
    assert mails == []


def test_where_an_operator_is_asked_the_question_opens(settings: Settings, mails: list[dict[str, str]]) -> None:
    announce(logged(assessed(is_asked=True)), settings)
    assert mails == []


def test_a_move_that_is_tried_again_is_the_same_incident(settings: Settings, mails: list[dict[str, str]]) -> None:
    announce(logged(began(), assessed(), ended(OutcomeKind.FAILED), began("two"), assessed(name="two")), settings)
    assert len(mails) == 1


def test_the_next_move_after_one_that_is_done_is_another(settings: Settings, mails: list[dict[str, str]]) -> None:
    back = assessed(Verdict.REJOIN, "two")
    announce(logged(began(), assessed(), ended(OutcomeKind.FAILED_OVER), began("two"), back), settings)
    assert [mail["subject"] for mail in mails] == ["[garoon] Begun: failOver", "[garoon] Begun: rejoin"]


def test_an_opening_that_comes_after_the_outcome_is_not_sent(settings: Settings, mails: list[dict[str, str]]) -> None:
    announce(logged(began(), ended(OutcomeKind.FAILED_OVER)), settings)
    announce(logged(assessed()), settings)
    assert mails == []


def test_the_chat_hears_of_the_start_though_the_opening_came_first(
    settings: Settings, mails: list[dict[str, str]], chat: list[dict[str, Any]]
) -> None:
    announce(logged(assessed()), settings)
    announce(logged(began()), settings)
    assert (len(mails), len(chat)) == (1, 1)
    assert "has begun" in chat[0]["content"]["title"]


def test_words_of_others_are_one_line_of_text(settings: Settings, mails: list[dict[str, str]]) -> None:
    announce(logged(assessed(reason=HOSTILE)), settings)
    assert mails[0]["text"].splitlines()[0].isprintable()
    assert "\\u202egnp.exe" in mails[0]["text"]


def test_one_that_could_not_be_sent_is_sent_when_lambda_tries_again(
    settings: Settings, mails: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise CloudUnavailable("SNS is busy.")

    with monkeypatch.context() as patched:
        patched.setattr(notifications, "publish", refuse)
        with pytest.raises(CloudUnavailable):
            announce(logged(assessed()), settings)
    remembered = past.recall(settings, Incident)
    assert remembered is not None
    assert not remembered.is_opened
    announce(logged(assessed()), settings)
    assert len(mails) == 1


# --- what stands ----------------------------------------------------------------------------------------------------


@pytest.fixture
def look(settings: Settings, mails: list[dict[str, str]]) -> Callable[..., list[str]]:
    """A look at readiness so many minutes after the first; what was mailed of it."""

    def look(minutes: float, *ids: str) -> list[str]:
        before = len(mails)
        at = (START + timedelta(minutes=minutes)).isoformat()
        announce(logged(readiness(*ids, timestamp=at)), settings)
        return [mail["text"] for mail in mails[before:]]

    return look


def test_what_two_looks_find_is_told_once_with_what_to_do(look: Callable[..., list[str]]) -> None:
    assert look(0, "path-lost") == []
    [told] = look(5, "path-lost")
    assert "warning: path-lost (db-02): path-lost." in told
    assert "Do." in told
    assert look(10, "path-lost") == look(15, "path-lost") == []


def test_what_passes_is_not_told_and_what_is_gone_is_told_once(look: Callable[..., list[str]]) -> None:
    assert look(0) == look(5, "path-lost") == look(10) == []
    look(15, "path-lost")
    look(20, "path-lost")
    assert look(25) == []
    [told] = look(30)
    assert "Gone: path-lost (db-02)" in told
    assert told.startswith("Ready for a failover")
    assert look(35) == []


def test_what_would_keep_a_failover_from_working_is_told_as_such(
    settings: Settings, mails: list[dict[str, str]], chat: list[dict[str, Any]]
) -> None:
    one = {"id": "node-silent", "about": "db-02", "severity": "critical", "meaning": "It is.", "action": "Do."}
    for minutes in (0, 5):
        line = readiness(is_ready=False, timestamp=(START + timedelta(minutes=minutes)).isoformat())
        line["result"]["findings"] = [one]
        announce(logged(line), settings)
    [mail] = mails
    assert mail["subject"] == "[garoon] Not ready for a failover"
    assert "findings.md#node-silent" in mail["text"]
    assert chat[0]["content"]["title"] == "✖ [garoon] Not ready for a failover"


def test_two_looks_of_an_operator_are_no_proof_that_something_stands(look: Callable[..., list[str]]) -> None:
    assert look(0, "path-lost") == look(0.1, "path-lost") == look(0.5, "path-lost") == []
    assert len(look(5, "path-lost")) == 1


def test_an_execution_at_work_explains_what_is_found_meanwhile(look: Callable[..., list[str]]) -> None:
    assert look(0, "node-silent") == look(5, "node-silent", "execution-at-work") == look(10, "node-silent") == []
    assert len(look(15, "node-silent")) == 1


@pytest.mark.parametrize("finding", ["maintenance-on", "interval-running"])
def test_what_is_told_otherwise_is_not_told_again(finding: str, look: Callable[..., list[str]]) -> None:
    assert look(0, finding) == look(5, finding) == []


def test_a_look_that_was_told_is_counted(look: Callable[..., list[str]]) -> None:
    """The alarm readiness-silent goes by it."""
    look(0, "path-lost")
    assert "ReadinessTold" in metrics.provider.metric_set


def test_an_old_version_s_line_is_no_look(settings: Settings, mails: list[dict[str, str]]) -> None:
    announce(logged(a_line("check_readiness", {"more": 1}, correlation_id=None)), settings)
    assert "ReadinessTold" not in metrics.provider.metric_set
    assert mails == []


# --- who mails ------------------------------------------------------------------------------------------------------


def test_cloudwatch_mails_only_what_nobody_else_could_tell() -> None:
    """And each of these alarms takes silence for trouble, but for the queue's, which is never silent."""
    alarms = {
        name: resource["Properties"]
        for name, resource in read_template()["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    mailing = {name for name, alarm in alarms.items() if "AlarmActions" in alarm or "OKActions" in alarm}
    assert mailing == {"DeadLetterAlarm", "WatchSilentAlarm", "ReadinessSilentAlarm"}
    for name in mailing - {"DeadLetterAlarm"}:
        assert alarms[name]["TreatMissingData"] == "breaching"
        assert alarms[name]["Statistic"] == "SampleCount"
