"""End an execution that could not end itself: stopped in the console, timed out, or crashed before RecordOutcome."""

from datetime import UTC, datetime

from pydantic import Field

from failover.adapters import cluster_table
from failover.models import Observed, Outcome, OutcomeKind, Value
from failover.settings import Settings
from failover.steps.record_outcome import publish_outcome


class _ExecutionDetail(Observed):
    execution_arn: str
    status: str
    start_date: int
    """Milliseconds since the epoch."""
    error: str | None = None
    cause: str | None = None


class ExecutionEndedEvent(Observed):
    """Step Functions Execution Status Change (Step Functions Developer Guide, "EventBridge events")."""

    id: str
    detail: _ExecutionDetail


class AbortRecorded(Value):
    execution: str
    was_recorded_before: bool = Field(description="It had ended by itself with RecordOutcome; nothing was done now.")


def record_abort(event: ExecutionEndedEvent, settings: Settings) -> AbortRecorded:
    """The outcome of the execution is recorded and published, and its lock is free."""
    execution = event.detail.execution_arn
    record = cluster_table.read_record(settings)
    owns_lock = record.lock_owner == execution
    if event.detail.status == "FAILED" and not owns_lock:
        return AbortRecorded(execution=execution, was_recorded_before=True)
    how = {"ABORTED": "was stopped by somebody", "TIMED_OUT": "ran out of time"}.get(event.detail.status, "crashed")
    outcome = Outcome(
        outcome=OutcomeKind.FAILED,
        verdict=None,
        reason=f"The execution {how} before it could record its outcome"
        + (f" ({event.detail.error}: {event.detail.cause})." if event.detail.error else "."),
        next_step="See in the execution's graph how far it came, then start the workflow again: it finds out what is "
        "left to do.",
        active_before=record.active,
        active_after=record.active,
        epoch_before=record.epoch,
        epoch_after=record.epoch,
        execution=execution,
        started_at=datetime.fromtimestamp(event.detail.start_date / 1000, UTC),
        ended_at=datetime.now(UTC),
    )
    if owns_lock:
        cluster_table.release_lock(settings, execution, outcome, is_automatic_failover=False)
    publish_outcome(settings, outcome)
    return AbortRecorded(execution=execution, was_recorded_before=False)
