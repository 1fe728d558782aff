"""The controller's own events on EventBridge: pure functions that make them of what the functions log.

A step's log line says how it ended (`runtime.lambda_step`). So no step does anything for an event, waits for one or
fails over one. docs/notifications.md tells what others may build on; events/schemas/ holds it as JSON Schema.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from failover.adapters.execution_history import workflow_of
from failover.finding import Finding, Severity
from failover.messages import Message
from failover.models import Lock, Observed, Outcome, OutcomeKind, Value, Verdict
from failover.settings import Settings

SOURCE = "garoon.failover"
VERSION: Final = "1"
_TRIED_AGAIN = ("CloudUnavailable", "NotFenced", "NotYet", "Recovering", "StateUnknown")
"""A step that ended so is called again: it has not ended."""


class Event(Value):
    """What is the same in the `detail` of each. Fields may be added within a version; none changes or goes."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    TYPE: ClassVar[str]
    """EventBridge's `detail-type`."""

    version: Literal["1"] = VERSION
    id: str
    """The same when the same event is sent again, which may happen."""
    cluster: str
    at: AwareDatetime


class OfExecution(Event):
    execution: str
    """Its ARN."""
    workflow: Literal["failover", "switchback", "rejoin"]


class Coded(Value):
    """A sentence as data. Codes and their parameters may change with the controller; go by outcomes and finding ids."""

    code: str
    params: dict[str, Any]
    text: str
    """In English."""

    @property
    def message(self) -> Message:
        return Message.from_json(self.to_json())


class SaidOfStart(Value):
    reason: Coded


class ExecutionStarted(OfExecution):
    """An execution has the lock and looks at the cluster. One that finds another at work has no start."""

    TYPE = "Garoon Failover Execution Started"
    active: str
    standby: str
    trigger: Literal["operator", "alarm", "instance", "schedule"]
    reason: str
    """In English."""
    said: SaidOfStart


class StepEnded(OfExecution):
    """A step did what it is for, or failed for good. A call that is tried again is none."""

    TYPE = "Garoon Failover Step Ended"
    step: str
    """The function's name, e.g. fence_node."""
    is_done: bool
    seconds: float
    """Of its last call."""
    error: str | None
    message: str
    """Why it failed; empty if it did not."""


class SaidTold(Value):
    reason: Coded
    next_step: Coded


class QuestionAsked(OfExecution):
    """An operator is asked whether the standby may take over. How to answer stands in the message, not here."""

    TYPE = "Garoon Failover Question Asked"
    active: str
    standby: str
    reason: Coded
    answer_until: AwareDatetime


class ExecutionEnded(OfExecution):
    """How an execution ended, also one that was stopped or timed out."""

    TYPE = "Garoon Failover Outcome"
    outcome: OutcomeKind
    verdict: Verdict | None
    reason: str
    """In English, as `next_step`."""
    next_step: str
    said: SaidTold
    active_before: str | None
    active_after: str | None
    epoch_before: int | None
    epoch_after: int | None
    started_at: AwareDatetime
    ended_at: AwareDatetime
    outage_seconds: float | None
    snapshot_id: str | None
    accepted_loss: str | None


class SaidOfFinding(Value):
    meaning: Coded
    action: Coded


class FindingTold(Value):
    id: str
    about: str
    severity: Severity
    meaning: str
    """In English, as `action`."""
    action: str
    said: SaidOfFinding

    @property
    def name(self) -> str:
        return f"{self.id} ({self.about})"

    @property
    def line(self) -> Message:
        severity, meaning = Message(f"severity.{self.severity}"), self.said.meaning.message
        return Message("chat.found", severity=severity, finding=self.id, about=self.about, meaning=meaning)


class ReadinessChanged(Event):
    """Readiness found something that it had not found before, or no longer finds something."""

    TYPE = "Garoon Failover Readiness Changed"
    is_ready: bool
    findings: tuple[FindingTold, ...]
    """All that stand now."""
    appeared: tuple[str, ...]
    """ID (ABOUT) of those that stand now and did not."""
    gone: tuple[str, ...]


EVENTS: tuple[type[Event], ...] = (ExecutionStarted, StepEnded, QuestionAsked, ExecutionEnded, ReadinessChanged)


class Line(Observed):
    """A function's log line, in the names of Powertools' Logger."""

    timestamp: AwareDatetime
    service: str
    message: str
    request_id: str = Field(alias="function_request_id")
    execution: str | None = Field(default=None, alias="correlation_id")
    result: Any = None
    error: str | None = None
    seconds: float = 0.0


class _Readiness(Observed):
    is_ready: bool
    findings: tuple[Finding, ...]


class ReadinessTold(Value):
    """What a look at readiness found, as it is told."""

    is_ready: bool
    findings: tuple[FindingTold, ...]


class _Question(Observed):
    active: str
    standby: str
    reason: Message
    answer_until: AwareDatetime


class Remembered(Value):
    """How readiness was when it was told last."""

    is_ready: bool
    stood: frozenset[str]
    """ID (ABOUT) of each finding."""


def read_line(text: str) -> Line | None:
    """None for a line that is not one of ours."""
    try:
        # Half of a surrogate pair, which is no text, may be among the words that a step was given.
        return Line.model_validate_json(json.dumps(json.loads(text), ensure_ascii=False).encode(errors="replace"))
    except ValueError:
        return None


def events_of(line: Line, settings: Settings) -> list[Event]:
    """What the end of a step gives to tell: its own end, and perhaps a start, a question or an outcome.

    Raises ValidationError for a result that this version does not know.
    """
    if line.execution is None or line.error in _TRIED_AGAIN or _is_nothing_new(line.result):
        return []
    common: dict[str, Any] = {
        "cluster": settings.cluster_name, "at": line.timestamp, "execution": line.execution,
        "workflow": workflow_of(line.execution),
    }  # fmt: skip
    events: list[Event] = []
    if line.service != "record_abort":  # which is no step
        events.append(
            StepEnded(
                id=f"{line.request_id}-step", step=line.service, is_done=line.error is None, seconds=line.seconds,
                error=line.error, message=line.message if line.error else "", **common,
            )
        )  # fmt: skip
    if line.error is None:
        events += _beside_the_step(line, common)
    return events


def _is_nothing_new(result: Any) -> bool:
    """record_abort found that the execution had told its outcome itself."""
    return isinstance(result, Mapping) and result.get("wasRecordedBefore") is True


def _beside_the_step(line: Line, common: Mapping[str, Any]) -> list[Event]:
    match line.service:
        case "acquire_lock":
            lock = Lock.model_validate(line.result)
            return [
                ExecutionStarted(
                    id=f"{line.request_id}-start", active=lock.record.active, standby=lock.standby,
                    trigger=lock.trigger.kind, reason=str(lock.trigger.reason),
                    said=SaidOfStart(reason=_coded(lock.trigger.reason)), **common,
                )
            ]  # fmt: skip
        case "request_confirmation":
            question = _Question.model_validate(line.result)
            return [
                QuestionAsked(
                    id=f"{line.request_id}-question", active=question.active, standby=question.standby,
                    reason=_coded(question.reason), answer_until=question.answer_until, **common,
                )
            ]  # fmt: skip
        case "record_outcome":
            return [_ended(line, Outcome.model_validate(line.result), common)]
        case "record_abort":
            return [_ended(line, Outcome.model_validate(line.result["outcome"]), common)]
        case _:
            return []


def _ended(line: Line, outcome: Outcome, common: Mapping[str, Any]) -> ExecutionEnded:
    told = {name: getattr(outcome, name) for name in ExecutionEnded.model_fields if hasattr(outcome, name)}
    said = SaidTold(reason=_coded(outcome.messages.reason), next_step=_coded(outcome.messages.next_step))
    loss = None if outcome.accepted_loss is None else str(outcome.accepted_loss)
    return ExecutionEnded(**{**told, "said": said, "accepted_loss": loss, "id": f"{line.request_id}-outcome", **common})


def _coded(message: Message) -> Coded:
    return Coded.model_validate(message.to_json())


def readiness_of(line: Line) -> ReadinessTold:
    """What the look found whose end the line tells. Raises ValidationError for one that this version does not know."""
    found = _Readiness.model_validate(line.result)
    return ReadinessTold(is_ready=found.is_ready, findings=tuple(map(_told, found.findings)))


def change_of_readiness(line: Line, before: Remembered | None, settings: Settings) -> ReadinessChanged | None:
    """What changed since `before`; None if nothing did. The first look ever is a change."""
    found = readiness_of(line)
    now, stood = frozenset(one.name for one in found.findings), before.stood if before else frozenset()
    if before is not None and (found.is_ready, now) == (before.is_ready, stood):
        return None
    return ReadinessChanged(
        id=f"{line.request_id}-readiness", cluster=settings.cluster_name, at=line.timestamp, is_ready=found.is_ready,
        findings=found.findings, appeared=tuple(sorted(now - stood)), gone=tuple(sorted(stood - now)),
    )  # fmt: skip


def _told(finding: Finding) -> FindingTold:
    return FindingTold(
        id=finding.id, about=finding.about, severity=finding.severity, meaning=str(finding.meaning),
        action=str(finding.action),
        said=SaidOfFinding(meaning=_coded(finding.meaning), action=_coded(finding.action)),
    )  # fmt: skip


def to_remember(event: ReadinessChanged) -> Remembered:
    """What the next look is compared with."""
    return Remembered(is_ready=event.is_ready, stood=frozenset(one.name for one in event.findings))
