"""What is kept of an execution, longer than the 90 days for which Step Functions remembers it: a pure function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from failover.adapters.execution_history import Execution, Step, name_of, workflow_of
from failover.messages import NOTHING, Message
from failover.models import Assessment, Decision, Evidence, Lock, Observed, Outcome, Value

_LONGEST_CAUSE = 500


def _if_readable(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Records outlive the version of the stack that wrote them: a part that this one cannot read is left out."""
    try:
        return read(value)
    except ValidationError:
        return None


T = TypeVar("T")
IfReadable = Annotated[T | None, WrapValidator(_if_readable)]


class StepTaken(Observed):
    """One visit of a state, with all its tries."""

    step: str
    after_seconds: float
    """Since the execution's start."""
    seconds: float | None
    """From the first try's start to the last one's end, so with the pauses between them; None: it did not end."""
    retries: int
    """Calls of its function beyond the first."""
    error: str | None = None
    """With which the last try ended."""
    cause: str = ""


class ExecutionRecord(Observed):
    """One execution, with codes for programs and words for operators."""

    execution: str
    """Its ARN."""
    status: str
    """Step Functions' word for how it stands, e.g. "SUCCEEDED"."""
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    """None: it runs. Of such a one nothing is kept yet."""
    trigger: str
    decision: IfReadable[Decision] = None
    evidence: IfReadable[Evidence] = None
    lock: IfReadable[Lock] = None
    steps: tuple[StepTaken, ...] = ()
    outcome: IfReadable[Outcome] = None
    """What it recorded, or what record_abort told in its place."""

    @property
    def workflow(self) -> str:
        return workflow_of(self.execution)

    @property
    def name(self) -> str:
        return name_of(self.execution)

    @property
    def came_to(self) -> str:
        """Its outcome; Step Functions' word for how it stands where there is none."""
        return self.outcome.outcome if self.outcome else self.status

    @property
    def reason(self) -> Message:
        return self.outcome.messages.reason if self.outcome else NOTHING

    @property
    def outage_seconds(self) -> float | None:
        return self.outcome.outage_seconds if self.outcome else None

    @property
    def seconds(self) -> float | None:
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()

    @property
    def retries(self) -> int:
        return sum(step.retries for step in self.steps)


def make_record(execution: Execution, outcome: Outcome | None) -> ExecutionRecord:
    """`outcome` is what it recorded, or what was told in its place.

    Of the answers of its steps only the lock, the decision and its evidence are kept: no question's token is in them.
    """
    assessment = _last(execution, "AssessCluster", Assessment)
    lock = _last(execution, "AcquireLock", Lock)
    return ExecutionRecord(
        execution=execution.arn,
        status=execution.status,
        started_at=execution.started_at,
        ended_at=execution.ended_at,
        trigger=str(lock.trigger.reason) if lock else _input_words(execution.input),
        decision=assessment.decision if assessment else None,
        evidence=assessment.evidence if assessment else None,
        lock=lock,
        steps=tuple(steps_taken(execution.steps, execution.started_at)),
        outcome=outcome,
    )


def steps_taken(tries: Sequence[Step], started_at: datetime) -> Iterator[StepTaken]:
    """The tries that follow each other of one state are one visit of it."""
    visits: list[list[Step]] = []
    for one in tries:
        if visits and visits[-1][-1].name == one.name and visits[-1][-1].error is not None:
            visits[-1].append(one)
        else:
            visits.append([one])
    for visit in visits:
        first, last = visit[0], visit[-1]
        yield StepTaken(
            step=first.name,
            after_seconds=_seconds(started_at, first.started_at),
            seconds=None if last.ended_at is None else _seconds(first.started_at, last.ended_at),
            retries=len(visit) - 1,
            error=last.error,
            cause=last.cause[:_LONGEST_CAUSE],
        )


def _seconds(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds(), 3)


def _last(execution: Execution, step: str, model: type[Value]) -> Any:
    for one in reversed(execution.steps):
        if one.name == step and one.output is not None:
            try:
                return model.model_validate(one.output)
            except ValidationError:
                return None  # of another version of the stack
    return None


def _input_words(given: Any) -> str:
    if isinstance(given, dict) and "detail-type" in given:
        return str(given["detail-type"])
    return f"started by an operator with {given}"[:_LONGEST_CAUSE]
