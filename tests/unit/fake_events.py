"""Events of an execution, as they are announced."""

from failover.announcement import Coded, ExecutionEnded, ExecutionStarted, SaidOfStart, SaidTold, StepEnded
from failover.messages import Message
from failover.models import OutcomeKind

from tests.unit.fake_records import START, arn_of

EXECUTION = arn_of("failover", "da8566d2")


def started(trigger: str = "alarm", name: str = "da8566d2") -> ExecutionStarted:
    return ExecutionStarted(
        id="1", cluster="garoon", at=START, execution=arn_of("failover", name), workflow="failover", active="db-01",
        standby="db-02", trigger=trigger, reason="an alarm",
        said=SaidOfStart(reason=Coded.model_validate(Message.of("an alarm").to_json())),
    )  # fmt: skip


def ended(kind: OutcomeKind, reason: str = "It is so.", name: str = "da8566d2") -> ExecutionEnded:
    return ExecutionEnded(
        id="2", cluster="garoon", at=START, execution=arn_of("failover", name), workflow="failover", outcome=kind,
        verdict=None, reason=reason, next_step="Look.", said=said(reason),
        active_before="db-01", active_after="db-02", epoch_before=1, epoch_after=2,
        started_at=START, ended_at=START, outage_seconds=4.2, snapshot_id="snap-1", accepted_loss=None,
    )  # fmt: skip


def said(reason: str) -> SaidTold:
    message = reason if isinstance(reason, Message) else Message.of(reason)
    return SaidTold(
        reason=Coded.model_validate(message.to_json()), next_step=Coded.model_validate(Message.of("Look.").to_json())
    )


def step_ended(step: str) -> StepEnded:
    return StepEnded(
        id="3", cluster="garoon", at=START, execution=EXECUTION, workflow="failover", step=step, is_done=True,
        seconds=1, error=None, message="",
    )  # fmt: skip
