"""Records of executions, as the controller keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from failover.execution_record import ExecutionRecord
from failover.models import Outcome, OutcomeKind

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def arn_of(workflow: str, name: str) -> str:
    return f"arn:aws:states:ap-northeast-1:123456789012:execution:garoon-{workflow}:{name}"


def a_record(
    execution: str = arn_of("failover", "one"),
    kind: OutcomeKind | None = OutcomeKind.FAILED_OVER,
    *,
    reason: str = "db-01 is dead.",
    started_at: datetime = START,
    outage_seconds: float | None = None,
    status: str = "SUCCEEDED",
) -> ExecutionRecord:
    """Of an execution that took nine seconds; without a `kind`, of one that recorded no outcome."""
    ended_at = started_at + timedelta(seconds=9)
    outcome = kind and Outcome(
        outcome=kind, verdict=None, reason=reason, next_step="Look.", active_before="db-01", active_after="db-02",
        epoch_before=1, epoch_after=2, execution=execution, started_at=started_at, ended_at=ended_at,
        outage_seconds=outage_seconds,
    )  # fmt: skip
    return ExecutionRecord(
        execution=execution, status=status, started_at=started_at, ended_at=ended_at, trigger="an alarm",
        outcome=outcome,
    )  # fmt: skip
