"""Which events belong to one incident, and which of them a chat is told: a pure function.

An execution that found trouble and put nothing right is followed by others, while the trouble stands. They are one
incident, and what they only say again is not said.
"""

from datetime import datetime

from pydantic import AwareDatetime, Field

from failover.adapters.execution_history import name_of
from failover.announcement import Event, ExecutionEnded, ExecutionStarted, OfExecution, StepEnded
from failover.messages import NOTHING, Message, is_same
from failover.models import OutcomeKind, Value
from failover.quiet import MAY_STAND, STANDS_FOR
from failover.step_catalogue import STEPS

_TOLD_STEPS = {step.function for step in STEPS if step.changes}
_REMEMBERED_EXECUTIONS = 20


class Incident(Value):
    """The last one."""

    thread: str
    """The name of the execution with which it began."""
    told_at: AwareDatetime
    is_over: bool = False
    last_outcome: OutcomeKind | None = None
    last_reason: Message = NOTHING
    """What was told last of an outcome."""
    is_opened: bool = False
    """Operators were mailed that a move has begun."""
    threads: dict[str, str] = Field(default_factory=dict)
    """By the name of an execution, the incident's that it belongs to: this one, or one before. Of the last ones."""

    def thread_of(self, event: OfExecution) -> str:
        return self.threads[name_of(event.execution)]


def join(event: OfExecution, incident: Incident | None, now: datetime, *, begins: bool = False) -> Incident:
    """The incident, to which the event's execution belongs from now on, unless it belongs to an earlier one.

    Events come late, and not in their order: each step's log is read by a run of its own. One that `begins` a move
    may come before the execution's start.
    """
    name = name_of(event.execution)
    threads = {} if incident is None else incident.threads
    if incident is not None and name in threads:
        return incident
    current = incident
    if current is None or now - current.told_at > STANDS_FOR or (current.is_over and (begins or _is_start(event))):
        current = Incident(thread=name, told_at=now)
    known = [*threads.items(), (name, current.thread)]
    return current.model_copy(update={"threads": dict(known[-_REMEMBERED_EXECUTIONS:])})


def may_open(event: OfExecution, incident: Incident) -> bool:
    """Whether operators are mailed that the event's execution, which has joined, begins a move.

    A move that is tried again, because the last try put nothing right, belongs to the incident of the first. One that
    is over is told by its outcome.
    """
    return incident.thread_of(event) == incident.thread and not incident.is_over and not incident.is_opened


def open_incident(event: OfExecution, incident: Incident, now: datetime) -> Incident:
    """The incident after operators were mailed."""
    if incident.thread_of(event) != incident.thread:
        return incident
    return incident.model_copy(update={"told_at": now, "is_opened": True})


def is_told(event: OfExecution, incident: Incident) -> bool:
    """Whether a chat is told of the event, whose execution has joined."""
    thread = incident.thread_of(event)
    match event:
        case ExecutionStarted():
            return thread == name_of(event.execution) or event.trigger == "operator"
        case StepEnded():
            return event.step in _TOLD_STEPS
        case ExecutionEnded():
            is_same_reason = is_same(event.said.reason.message, incident.last_reason)
            is_repeated = thread == incident.thread and event.outcome is incident.last_outcome and is_same_reason
            return event.outcome is not OutcomeKind.SKIPPED and not is_repeated
        case _:
            return True


def follow(event: OfExecution, incident: Incident, now: datetime) -> Incident:
    """The incident after a chat was told of the event."""
    if incident.thread_of(event) != incident.thread:
        return incident
    if not isinstance(event, ExecutionEnded):
        return incident.model_copy(update={"told_at": now})
    return incident.model_copy(
        update={
            "told_at": now,
            "is_over": event.outcome not in MAY_STAND,
            "last_outcome": event.outcome,
            "last_reason": event.said.reason.message,
        }
    )


def _is_start(event: Event) -> bool:
    """An execution that has the lock begins; the end of the step that got it is told beside it."""
    return isinstance(event, ExecutionStarted) or (
        isinstance(event, StepEnded) and event.step == "acquire_lock" and event.is_done
    )
