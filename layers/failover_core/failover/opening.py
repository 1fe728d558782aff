"""What operators are mailed between outcomes: that a move has begun, and what stands in the way of one. Pure functions.

An incident is told once as it begins and once as it ends; between them what changed. So a look that finds what an
execution at work, maintenance or the minimum interval explains tells nothing of it: those tell it themselves.
"""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import AwareDatetime

from failover.announcement import FindingTold, Line, ReadinessChanged, readiness_of
from failover.finding import Severity
from failover.messages import Message
from failover.models import Confirmation, Decision, Observed, Value, Verdict
from failover.notice import runbook_of_finding
from failover.settings import Settings

_OPENS = (Verdict.FAIL_OVER, Verdict.SWITCH_OVER, Verdict.REJOIN)
"""What takes long enough to be told before it is done; a repair in place is over before anybody has read of it."""
_AT_WORK = "execution-at-work"
_TOLD_OTHERWISE = ("maintenance-on", "interval-running")
_APART = timedelta(minutes=1)
"""Looks of an operator follow each other sooner: two of these are no proof that something stands."""
_FINDINGS = 20


class _Assessed(Observed):
    decision: Decision
    confirmation: Confirmation


def decision_to_tell(line: Line) -> Decision | None:
    """What an execution begins now, as its first look decided. Where an operator is asked, the question tells it.

    Raises ValidationError for a result that this version does not know.
    """
    if line.service != "assess_cluster" or line.error is not None or line.execution is None:
        return None
    assessed = _Assessed.model_validate(line.result)
    is_told = assessed.decision.verdict in _OPENS and not assessed.confirmation.is_needed
    return assessed.decision if is_told else None


def opening_lines(decision: Decision, execution: str, settings: Settings) -> Iterator[str]:
    """The message, line by line."""
    yield decision.reason
    yield ""
    yield Message("opening.at-work")
    yield ""
    yield Message("notice.cluster", cluster=settings.cluster_name)
    yield Message("opening.execution", execution=execution)


class Standing(Value):
    """What operators were told last of readiness, and what the look after that found."""

    told: frozenset[str] = frozenset()
    """ID (ABOUT) of each finding."""
    seen: frozenset[str]
    seen_at: AwareDatetime


def follow_readiness(
    line: Line, before: Standing | None, settings: Settings
) -> tuple[Standing, ReadinessChanged | None]:
    """What is to be remembered, and what is to be told: findings that stand in two looks, or are gone in two.

    What passes in a moment, such as a failover itself, is not told.
    """
    found = readiness_of(line)
    told = before.told if before else frozenset()
    if any(one.id == _AT_WORK for one in found.findings):
        return Standing(told=told, seen=told, seen_at=line.timestamp), None
    if before is not None and abs(line.timestamp - before.seen_at) < _APART:
        return before, None
    here = {one.name: one for one in found.findings if _counts(one)}
    now, seen = frozenset(here), before.seen if before else frozenset()
    stands = (told & (now | seen)) | (now & seen)
    after = Standing(told=stands, seen=now, seen_at=line.timestamp)
    if stands == told:
        return after, None
    findings = tuple(one for name, one in here.items() if name in stands)
    return after, ReadinessChanged(
        id=f"{line.request_id}-standing", cluster=settings.cluster_name, at=line.timestamp,
        is_ready=all(one.severity is not Severity.CRITICAL for one in findings), findings=findings,
        appeared=tuple(sorted(stands - told)), gone=tuple(sorted(told - stands)),
    )  # fmt: skip


def _counts(finding: FindingTold) -> bool:
    return finding.severity is not Severity.INFO and finding.id not in _TOLD_OTHERWISE


def readiness_lines(change: ReadinessChanged, settings: Settings) -> Iterator[str]:
    """The message, line by line: what is new with what to do about it, what is gone, and how many others stand."""
    yield Message("chat.ready" if change.is_ready else "chat.not-ready")
    new = [one for one in change.findings if one.name in change.appeared]
    for one in new[:_FINDINGS]:
        yield ""
        yield one.line
        yield one.said.action.message
        yield runbook_of_finding(one.id, settings.runbook_url)
    if change.gone:
        yield ""
        yield Message("chat.gone", findings=list(change.gone))
    yield ""
    yield Message("notice.cluster", cluster=settings.cluster_name)
    yield Message("opening.standing", count=len(change.findings))


def readiness_subject(change: ReadinessChanged) -> str:
    """ASCII, as every subject."""
    if not change.is_ready:
        return "Not ready for a failover"
    return f"Ready for a failover, warnings: {len(change.findings)}" if change.findings else "Ready for a failover"
