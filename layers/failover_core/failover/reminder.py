"""What is said to operators without anything having happened: again, or once a week. Pure functions.

SNS does not know whether anybody read a message. So a message counts as seen when somebody acts: starts an execution,
answers the question, or begins maintenance.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from failover.execution_record import ExecutionRecord
from failover.finding import Finding
from failover.messages import Message
from failover.models import ClusterRecord, OutcomeKind, Unknown, Value
from failover.notice import runbook_of_finding
from failover.settings import Settings

_WANTS_SOMEBODY = (
    OutcomeKind.FAILED_OVER, OutcomeKind.MOVED, OutcomeKind.RESTORED, OutcomeKind.HALTED, OutcomeKind.FAILED,
)  # fmt: skip
_MOVED = (OutcomeKind.FAILED_OVER, OutcomeKind.MOVED, OutcomeKind.SWITCHED_OVER)
_OLD = timedelta(days=1)
"""After that a reminder is no help any more, and readiness tells what is still amiss."""
_WEEK = timedelta(days=7)
_FINDINGS = 20


class Reminded(Value):
    """What was sent once more, last."""

    of: str
    """The execution's ARN; of a question, the time as well."""


def unseen(
    records: Sequence[ExecutionRecord], cluster: ClusterRecord, now: datetime, after: timedelta
) -> ExecutionRecord | None:
    """The execution whose outcome nobody reacted to for so long; `records` with the newest first.

    Whatever ran since has told its own outcome, so only the newest counts.
    """
    if cluster.maintenance_end(now) is not None:
        return None
    newest = next((one for one in records if one.came_to != OutcomeKind.SKIPPED), None)
    if newest is None or newest.outcome is None or newest.ended_at is None:
        return None
    is_by_hand = newest.lock is not None and not newest.lock.trigger.is_automatic
    if is_by_hand or newest.outcome.outcome not in _WANTS_SOMEBODY:
        return None
    return newest if after <= now - newest.ended_at <= _OLD else None


def weekly_lines(
    readiness: tuple[bool, Sequence[Finding]] | Unknown,
    cluster: ClusterRecord,
    records: Sequence[ExecutionRecord],
    settings: Settings,
    now: datetime,
) -> Iterator[str]:
    """The weekly message, line by line."""
    if isinstance(readiness, Unknown):
        yield Message("weekly.unknown", why=Message.of(readiness.why))
    else:
        is_ready, findings = readiness
        yield Message("weekly.ready" if is_ready else "weekly.not-ready")
        for one in findings[:_FINDINGS]:
            severity = Message(f"severity.{one.severity}")
            yield Message("chat.found", severity=severity, finding=one.id, about=one.about, meaning=one.meaning)
            yield runbook_of_finding(one.id, settings.runbook_url)
    yield ""
    yield Message("notice.cluster", cluster=settings.cluster_name)
    yield Message("weekly.active", active=cluster.active, standby=settings.peer_of(cluster.active).name)
    moved = next((one for one in records if one.came_to in _MOVED), None)
    if moved is None:
        yield Message("weekly.not-moved")
    else:
        yield Message("weekly.moved", time=f"{moved.started_at:%Y-%m-%d %H:%M:%S} UTC", outcome=moved.came_to)
    yield Message("weekly.executions", count=sum(now - one.started_at < _WEEK for one in records))
    yield ""
    yield Message("weekly.why")
