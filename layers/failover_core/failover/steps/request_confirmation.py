"""Ask the operators whether the active role may move, and tell them how to answer."""

from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, ConfigDict, SecretStr

from failover.adapters import notifications
from failover.confirmation import NO, YES
from failover.models import Decision, Failure, Value
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
    return ConfirmationRequested(answer_until=answer_until)


def _text(request: RequestConfirmationInput, settings: Settings, answer_until: datetime) -> str:
    found = request.decision.reason
    if request.failure is not None:
        found += f" A restart in place did not help: {request.failure.message}"
    interval = f"{settings.minimum_failover_interval_seconds} s"
    without_an_answer = (
        f"the cluster is looked at again, and {request.standby} takes over if that is still called for."
        if settings.confirm_failover is ConfirmFailover.PROCEED
        else f"nothing is done; you are asked again after {interval} if the trouble still stands."
    )
    return "\n".join(
        [
            f"Shall {request.standby} take over from {request.active}? It waits for your answer. What was found:",
            "",
            found,
            "",
            f"Without an answer by {answer_until:%Y-%m-%d %H:%M:%S} UTC, {without_an_answer}",
            "",
            "Paste one of these lines into a shell, or into CloudShell in the AWS console.",
            "",
            f"Yes: the cluster is looked at again, and {request.standby} takes over unless {request.active} is back.",
            "",
            _command(request, YES),
            "",
            f"No: nothing is done, and nothing moves automatically for {interval}.",
            "",
            _command(request, NO),
            "",
            "Only these two answers count. With any other, nothing is done, and you are asked again while the trouble "
            "stands. The first answer counts; AWS refuses a later one.",
            "",
            f"Cluster:   {settings.cluster_name}",
            f"Asked by:  {request.execution}",
            "",
        ]
    )


def _command(request: RequestConfirmationInput, answer: str) -> str:
    region = request.execution.split(":")[3]
    return (
        f"aws stepfunctions send-task-success --region {region} "
        f"--task-token '{request.task_token.get_secret_value()}' --task-output '{answer}'"
    )
