"""Ask the operators whether the active role may move, and tell them how to answer."""

from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, ConfigDict, SecretStr

from failover.adapters import notifications
from failover.confirmation import NO, YES
from failover.failure import Failure
from failover.messages import Message, together
from failover.models import Decision, Value
from failover.notice import write
from failover.runtime import StepInput
from failover.settings import ConfirmFailover, Settings


class RequestConfirmationInput(StepInput):
    # Whoever has the token can answer: neither a log nor an error's message may show it.
    model_config = ConfigDict(hide_input_in_errors=True)

    task_token: SecretStr
    active: str
    standby: str
    decision: Decision
    failure: Failure | None = None
    """Why a restart in place did not help, if one was tried."""


class ConfirmationRequested(Value):
    """The question without the token: it is logged, and events are made of it."""

    active: str
    standby: str
    reason: Message
    answer_until: AwareDatetime


def request_confirmation(request: RequestConfirmationInput, settings: Settings) -> ConfirmationRequested:
    """The question is published. Run again, it is published again, with the token that counts then.

    Step Functions goes on waiting when this has returned, until somebody sends an answer with the token or its own
    time is over (Step Functions Developer Guide, "Wait for a Callback with Task Token").
    """
    answer_until = datetime.now(UTC) + timedelta(seconds=settings.confirm_timeout_seconds)
    notifications.publish(
        settings,
        subject=f"[{settings.cluster_name}] Answer wanted: fail over to {request.standby}?",
        text=_text(request, settings, answer_until),
        attributes={"attention": "needed"},
    )
    return ConfirmationRequested(
        active=request.active, standby=request.standby, reason=_found(request), answer_until=answer_until
    )


def _found(request: RequestConfirmationInput) -> Message:
    if request.failure is None:
        return request.decision.reason
    return together(request.decision.reason, Message("question.restart-did-not-help", why=request.failure.message))


def _text(request: RequestConfirmationInput, settings: Settings, answer_until: datetime) -> str:
    active, standby, seconds = request.active, request.standby, settings.minimum_failover_interval_seconds
    until = f"{answer_until:%Y-%m-%d %H:%M:%S} UTC"
    silence = (
        Message("question.without-answer-proceed", until=until, standby=standby)
        if settings.confirm_failover is ConfirmFailover.PROCEED
        else Message("question.without-answer-abort", until=until, seconds=seconds)
    )
    lines = [
        Message("question.shall", standby=standby, active=active),
        _found(request),
        silence,
        Message("question.how"),
        Message("question.yes", standby=standby, active=active),
        Message("as-is", line=_command(request, YES)),
        Message("question.no", seconds=seconds),
        Message("as-is", line=_command(request, NO)),
        Message("question.only-these"),
    ]
    facts = [
        Message("notice.cluster", cluster=settings.cluster_name),
        Message("question.asked-by", execution=request.execution),
    ]
    return write([*(part for line in lines for part in (line, "")), *facts], settings)


def _command(request: RequestConfirmationInput, answer: str) -> str:
    region = request.execution.split(":")[3]
    return (
        f"aws stepfunctions send-task-success --region {region} "
        f"--task-token '{request.task_token.get_secret_value()}' --task-output '{answer}'"
    )
