"""Which events belong to one incident, and which of them a chat is told: a pure function.

An execution that found trouble and put nothing right is followed by others, while the trouble stands. They are one
incident, and what they only say again is not said.
"""

from datetime import datetime

from pydantic import AwareDatetime

from failover.adapters.execution_history import name_of
from failover.announcement import Event, ExecutionEnded, ExecutionStarted, OfExecution, StepEnded
from failover.messages import NOTHING, Message, is_same
from failover.models import OutcomeKind, Value
from failover.quiet import MAY_STAND, STANDS_FOR
from failover.step_catalogue import STEPS

_TOLD_STEPS = {step.function for step in STEPS if step.changes}


class Incident(Value):
    """The last one."""

    thread: str
    """The name of the execution with which it began."""
    told_at: AwareDatetime
    is_over: bool = False
    last_outcome: OutcomeKind | None = None
    last_reason: Message = NOTHING
    """What was told last of an outcome."""


def follow(event: OfExecution, incident: Incident | None, now: datetime) -> tuple[Incident, bool]:
    """The incident that the event belongs to, and whether it is told."""
    current = incident
    if current is None or now - current.told_at > STANDS_FOR or (current.is_over and _is_start(event)):
        current = Incident(thread=name_of(event.execution), told_at=now)
        is_new = True
    else:
        is_new = False
    if not _is_told(event, current, is_new=is_new):
        return current, False
    current = current.model_copy(update={"told_at": now})
    if isinstance(event, ExecutionEnded):
        is_over = event.outcome not in MAY_STAND
        told = {"is_over": is_over, "last_outcome": event.outcome, "last_reason": event.said.reason.message}
        current = current.model_copy(update=told)
    return current, True


def _is_start(event: Event) -> bool:
    return isinstance(event, ExecutionStarted)


def _is_told(event: Event, incident: Incident, *, is_new: bool) -> bool:
    match event:
        case ExecutionStarted():
            return is_new or event.trigger == "operator"
        case StepEnded():
            return event.step in _TOLD_STEPS
        case ExecutionEnded():
            is_same_reason = is_same(event.said.reason.message, incident.last_reason)
            is_repeated = event.outcome is incident.last_outcome and is_same_reason
            return event.outcome is not OutcomeKind.SKIPPED and not is_repeated
        case _:
            return True
