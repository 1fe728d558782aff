"""End an execution that could not end itself: stopped in the console, timed out, or crashed before RecordOutcome."""

from datetime import UTC, datetime

from pydantic import Field

from failover.adapters import cluster_table, executions
from failover.errors import FailoverError
from failover.messages import Message
from failover.models import ClusterRecord, Observed, Outcome, OutcomeKind, Said, Value
from failover.runtime import logger
from failover.settings import Settings
from failover.steps.record_outcome import commands_by_hand, publish_outcome


class _ExecutionDetail(Observed):
    execution_arn: str
    status: str
    start_date: int
    """Milliseconds since the epoch."""
    error: str | None = None
    cause: str | None = None


class ExecutionEndedEvent(Observed):
    """Step Functions Execution Status Change (Step Functions Developer Guide, "EventBridge events").

    The guide's examples of executions that failed have neither `error` nor `cause`.
    """

    id: str
    detail: _ExecutionDetail


class AbortRecorded(Value):
    execution: str
    was_recorded_before: bool = Field(description="It had ended by itself with RecordOutcome; nothing was done now.")
    outcome: Outcome | None = None
    """What was told in its place."""


_RECORDED_ENDS = (OutcomeKind.HALTED, OutcomeKind.REFUSED, OutcomeKind.FAILED)
"""The names of the errors with which an execution ends red after RecordOutcome did its work."""


_HOW = {"ABORTED": "outcome.aborted", "TIMED_OUT": "outcome.timed-out"}


def record_abort(event: ExecutionEndedEvent, settings: Settings) -> AbortRecorded:
    """The outcome of the execution is published, recorded if the table lets it be, and its lock is free.

    Nobody comes after this function, so it tells the operators whatever state the cluster record is in. What it
    could not record it raises, and Lambda runs it again (Lambda Developer Guide, "Asynchronous invocation").
    """
    execution = event.detail.execution_arn
    record = _read_record_if_possible(settings)
    owns_lock = record is not None and record.lock_owner == execution
    error, cause = _error_of(event.detail)
    # Not owning the lock proves nothing: another execution takes over the lock of one that has ended.
    if event.detail.status == "FAILED" and error in _RECORDED_ENDS and not owns_lock:
        return AbortRecorded(execution=execution, was_recorded_before=True)
    outcome = outcome_of_abort(
        execution,
        event.detail.status,
        datetime.fromtimestamp(event.detail.start_date / 1000, UTC),
        record,
        error=error,
        cause=cause,
    )
    is_move_open = record is not None and record.moving_to is not None
    try:
        if owns_lock or record is None:
            cluster_table.release_lock(settings, execution, outcome, is_automatic_failover=False)
    finally:
        publish_outcome(settings, outcome, commands_by_hand(outcome, settings, is_move_open=is_move_open))
    return AbortRecorded(execution=execution, was_recorded_before=False, outcome=outcome)


def outcome_of_abort(
    execution: str, status: str, started_at: datetime, record: ClusterRecord | None, *, error: str, cause: str
) -> Outcome:
    """What is told of an execution that ended with this status of Step Functions' and recorded nothing itself."""
    is_move_open = record is not None and record.moving_to is not None
    said = _say(status, ": ".join(filter(None, (error, cause))), is_move_open=is_move_open)
    return Outcome(
        outcome=OutcomeKind.FAILED,
        verdict=None,
        reason=str(said.reason),
        next_step=str(said.next_step),
        said=said,
        active_before=record.active if record else None,
        active_after=record.active if record else None,
        epoch_before=record.epoch if record else None,
        epoch_after=record.epoch if record else None,
        execution=execution,
        started_at=started_at,
        ended_at=datetime.now(UTC),
    )


def _say(status: str, cause: str, *, is_move_open: bool) -> Said:
    how = _HOW.get(status, "outcome.crashed")
    return Said(
        reason=Message(f"{how}-with", cause=cause) if cause else Message(how),
        next_step=Message("next.move-goes-on-by-itself" if is_move_open else "next.see-how-far-it-came"),
    )


def _error_of(detail: _ExecutionDetail) -> tuple[str, str]:
    """Of an execution that failed: as the event says, or else as Step Functions says."""
    if detail.error is not None or detail.status != "FAILED":
        return detail.error or "", detail.cause or ""
    try:
        return executions.read_error(detail.execution_arn)
    except FailoverError as error:
        logger.warning(str(error))
        return "", ""


def _read_record_if_possible(settings: Settings) -> ClusterRecord | None:
    try:
        return cluster_table.read_record(settings)
    except FailoverError as error:
        logger.warning(str(error))
        return None
