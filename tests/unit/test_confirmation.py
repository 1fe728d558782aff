"""Who is asked before the role moves, and which answers count: nothing that is not understood moves anything."""

import io
import json
from types import SimpleNamespace
from typing import Any

import pytest
from failover import runtime
from failover.adapters import notifications
from failover.confirmation import NO, YES, Asked, must_ask, read_answer
from failover.errors import CloudUnavailable, Failed, InvalidInput
from failover.models import Answer, AutomaticLimit, Decision, Trigger, Verdict
from failover.settings import ConfirmFailover, Settings
from failover.steps.request_confirmation import RequestConfirmationInput, request_confirmation

from tests.unit.conftest import EXECUTION
from tests.unit.test_decision import dead_active, evidence

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAd0+secret/token=="
ALARM = Trigger(kind="alarm", reason="alarm garoon-db-01-heartbeat-lost went to ALARM")
OPERATOR = Trigger(kind="operator", reason="started by an operator")
FAIL_OVER = Decision(verdict=Verdict.FAIL_OVER, reason="db-01 is dead; db-02 takes over.")
ASKING = (ConfirmFailover.PROCEED, ConfirmFailover.ABORT)


# --- who is asked ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ASKING)
def test_automatic_failover_is_asked_for(mode: ConfirmFailover) -> None:
    assert must_ask(FAIL_OVER, dead_active(), ALARM, mode)


@pytest.mark.parametrize("verdict", Verdict)
def test_nobody_is_asked_by_default_nor_for_what_an_operator_started(verdict: Verdict) -> None:
    decision = Decision(verdict=verdict, reason="So it is.")
    assert not must_ask(decision, dead_active(), ALARM, ConfirmFailover.NEVER)
    assert not must_ask(decision, dead_active(), OPERATOR, ConfirmFailover.ABORT)


IN_PLACE = (Verdict.RESTART_SERVICES, Verdict.RESUME_ACTIVE)


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.FAIL_OVER, *IN_PLACE}))
def test_nobody_is_asked_for_what_moves_no_role(verdict: Verdict) -> None:
    assert not must_ask(Decision(verdict=verdict, reason="So it is."), evidence(), ALARM, ConfirmFailover.ABORT)


def test_unfinished_move_is_finished_without_asking() -> None:
    promoted = dead_active(standby_answer=Answer.SERVING, is_move_unfinished=True)
    assert not must_ask(FAIL_OVER, promoted, ALARM, ConfirmFailover.ABORT)


@pytest.mark.parametrize("verdict", IN_PLACE)
def test_move_after_an_act_in_place_in_vain_is_asked_for_if_there_can_be_one(verdict: Verdict) -> None:
    restart = Decision(verdict=verdict, reason="cyde_5_0 is stopped.")
    hopeless = restart.model_copy(update={"why_no_move": "the standby db-02 does not answer"})
    assert must_ask(restart, evidence(), ALARM, ConfirmFailover.PROCEED)
    assert not must_ask(hopeless, evidence(), ALARM, ConfirmFailover.PROCEED)


# --- which answers count -----------------------------------------------------------------------------------------


def answered(answer: object) -> Asked:
    return Asked(is_answered=True, answer=answer)


@pytest.mark.parametrize("mode", ASKING)
def test_yes_and_no_are_understood_as_the_notification_writes_them(mode: ConfirmFailover) -> None:
    assert read_answer(answered(json.loads(YES)), mode) is AutomaticLimit.NONE
    assert read_answer(answered(json.loads(NO)), mode) is AutomaticLimit.DECLINED


@pytest.mark.parametrize(
    "answer",
    [
        None,
        True,
        1,
        "yes",
        '{"proceed": true}',
        [],
        [{"proceed": True}],
        {},
        {"proceed": "true"},
        {"proceed": 1},
        {"proceed": None},
        {"Proceed": True},
        {"proceed": True, "proceeed": False},
        {"proceed": {"proceed": True}},
    ],
    ids=repr,
)
@pytest.mark.parametrize("mode", ASKING)
def test_answer_that_is_not_understood_is_refused_and_never_a_yes(answer: object, mode: ConfirmFailover) -> None:
    with pytest.raises(InvalidInput, match=r"only .*true.* and .*false.* count"):
        read_answer(answered(answer), mode)


def test_huge_answer_is_cut_in_the_sentence() -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_answer(answered("x" * 100_000), ConfirmFailover.ABORT)
    assert len(str(refusal.value)) < 400


def test_silence_means_what_the_parameter_says() -> None:
    silence = Asked(is_answered=False)
    assert read_answer(silence, ConfirmFailover.PROCEED) is AutomaticLimit.NONE
    assert read_answer(silence, ConfirmFailover.ABORT) is AutomaticLimit.UNANSWERED
    assert read_answer(None, ConfirmFailover.ABORT) is AutomaticLimit.NONE


# --- the question ------------------------------------------------------------------------------------------------


def question(**changes: object) -> dict[str, Any]:
    return {
        "execution": EXECUTION,
        "taskToken": TOKEN,
        "active": "db-01",
        "standby": "db-02",
        "decision": FAIL_OVER.to_json(),
    } | changes


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(notifications, "publish", lambda _settings, subject, text, attributes: texts.append(text))
    return texts


@pytest.mark.parametrize(
    ("mode", "consequence"),
    [
        ("ProceedAfterTimeout", "takes over if that is still called for"),
        ("AbortAfterTimeout", "nothing is done; you are asked again after 900 s"),
    ],
)
def test_question_says_what_happened_what_will_happen_and_how_to_answer(
    settings: Settings, published: list[str], mode: str, consequence: str
) -> None:
    asking = settings.model_copy(update={"confirm_failover": ConfirmFailover(mode)})
    failure = {"step": "RestartServices", "error": "Failed", "cause": '{"errorMessage": "cyde_5_0 is stopped."}'}
    request_confirmation(RequestConfirmationInput.model_validate(question(failure=failure)), asking)
    [text] = published
    assert "db-01 is dead" in text
    assert "A restart in place did not help: cyde_5_0 is stopped." in text
    assert consequence in text
    for answer in (YES, NO):
        assert f"--region ap-northeast-1 --task-token '{TOKEN}' --task-output '{answer}'\n" in text


CONTEXT = SimpleNamespace(
    function_name="request_confirmation",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn:aws:lambda:ap-northeast-1:123456789012:function:request_confirmation",
    aws_request_id="1",
)


def test_token_is_in_no_log_and_no_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has it can answer. So: when all goes well, when the input is wrong, and when SNS does not answer."""
    log = io.StringIO()
    monkeypatch.setattr(runtime.logger.handlers[0], "stream", log)
    monkeypatch.setattr(runtime, "settings", lambda: settings)
    handler: Any = runtime.lambda_step(RequestConfirmationInput)(request_confirmation)
    texts: list[str] = []
    monkeypatch.setattr(notifications, "publish", lambda _settings, subject, text, attributes: texts.append(text))
    result = handler(question(), CONTEXT)
    with pytest.raises(Failed) as misfit:
        handler(question(decision=None, more=TOKEN), CONTEXT)

    def no_answer(*_: object, **__: object) -> None:
        raise CloudUnavailable("AWS could not be reached: time-out")

    monkeypatch.setattr(notifications, "publish", no_answer)
    with pytest.raises(CloudUnavailable) as outage:
        handler(question(), CONTEXT)
    assert TOKEN in texts[0]
    assert "answerUntil" in log.getvalue()
    for where in (log.getvalue(), json.dumps(result), str(misfit.value), str(outage.value)):
        assert TOKEN not in where
