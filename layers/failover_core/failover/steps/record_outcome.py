"""End an execution: record how it ended, give the lock back, tell the operators."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from pydantic import AwareDatetime, ValidationError

from failover.adapters import cluster_table, notifications
from failover.conclusion import Progress, conclude
from failover.confirmation import Asked, read_answer
from failover.errors import Failed
from failover.failure import Failure
from failover.messages import Message
from failover.models import AutomaticLimit, ClusterRecord, Decision, Lock, Outcome, OutcomeKind, Said
from failover.notice import runbook, write
from failover.quiet import is_told_already
from failover.runtime import StepInput, logger, metrics
from failover.settings import Settings

_MAY_BE_STARTED_AGAIN = (OutcomeKind.HALTED, OutcomeKind.FAILED, OutcomeKind.REFUSED, OutcomeKind.RESTORED)
_EPOCHS_OF_AN_EXECUTION = 2
_NEEDS_NO_ATTENTION = (OutcomeKind.NOTHING_TO_DO, OutcomeKind.SKIPPED)


class RecordOutcomeInput(StepInput):
    started_at: AwareDatetime
    lock: Lock | None = None
    decision: Decision | None = None
    failure: Failure | None = None
    progress: Progress = Progress()
    service_stopped_at: AwareDatetime | None = None
    """When a planned move told the services to stop."""
    routes_moved_at: AwareDatetime | None = None
    snapshot_id: str | None = None
    asked: Asked | None = None


def record_outcome(request: RecordOutcomeInput, settings: Settings) -> Outcome:
    """The outcome, recorded in the cluster table if this execution owns the lock, and published in any case.

    A record that cannot be read is no reason to say nothing: then the outcome does not tell who is active now.
    Run again, it publishes again: an operator hears of an outcome at least once.
    """
    before = request.lock.record if request.lock else None
    now_recorded = _read_record_if_readable(settings)
    is_move_open = now_recorded is not None and now_recorded.moving_to is not None
    conclusion = conclude(
        request.decision,
        request.failure,
        request.progress,
        settings.replication_protocol,
        request.lock,
        is_move_open=is_move_open,
        last_word_seconds=_last_word_seconds(request, settings),
    )
    outcome = Outcome(
        outcome=conclusion.kind,
        verdict=request.decision.verdict if request.decision else None,
        reason=str(conclusion.reason),
        next_step=str(conclusion.next_step),
        said=Said(reason=conclusion.reason, next_step=conclusion.next_step),
        active_before=before.active if before else None,
        active_after=now_recorded.active if before and now_recorded else None,
        epoch_before=before.epoch if before else None,
        epoch_after=now_recorded.epoch if before and now_recorded else None,
        execution=request.execution,
        started_at=request.started_at,
        ended_at=datetime.now(UTC),
        accepted_loss=_accepted_loss(request),
        outage_seconds=_outage_seconds(request),
        snapshot_id=request.snapshot_id,
    )
    if request.lock:
        # A "no" holds for the trouble it was said about, and is forgotten with it.
        is_halted = conclusion.kind is OutcomeKind.HALTED
        cluster_table.release_lock(
            settings,
            request.execution,
            outcome,
            # An attempt that moved nothing costs no interval: the next one may come as soon as the trouble is seen.
            is_automatic_failover=request.progress.is_moved and request.lock.trigger.is_automatic,
            refusal=read_answer(request.asked, settings.confirm_failover) if is_halted else AutomaticLimit.NONE,
            is_move_over=_is_earlier_move_over(request, now_recorded),
        )
    by_hand = commands_by_hand(outcome, settings, request.decision, request.lock, is_move_open=is_move_open)
    publish_outcome(settings, outcome, by_hand, is_repeated=_is_repeated(outcome, request.lock, now_recorded))
    return outcome


def _outage_seconds(request: RecordOutcomeInput) -> float | None:
    if request.service_stopped_at is None or request.routes_moved_at is None:
        return None
    return round((request.routes_moved_at - request.service_stopped_at).total_seconds(), 1)


def _read_record_if_readable(settings: Settings) -> ClusterRecord | None:
    try:
        return cluster_table.read_record(settings)
    except Failed as error:
        logger.warning(str(error))
        return None


def _last_word_seconds(request: RecordOutcomeInput, settings: Settings) -> float | None:
    """A living node's newest word may be as old. Where a loss was accepted, that is told instead."""
    return None if _accepted_loss(request) else settings.silence.total_seconds()


def _accepted_loss(request: RecordOutcomeInput) -> Message | None:
    return (request.decision.accepted_loss or None) if request.decision and request.progress.is_moved else None


def commands_by_hand(
    outcome: Outcome,
    settings: Settings,
    decision: Decision | None = None,
    lock: Lock | None = None,
    *,
    is_move_open: bool = False,
) -> list[str]:
    """What to paste into a shell to go on, after an outcome that calls for it: the right workflow, with its input.

    A move that did not end is finished or undone by the failover workflow, whichever one began it.
    """
    own = outcome.execution.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    failover = settings.failover_state_machine_arn
    is_restored_failover = outcome.outcome is OutcomeKind.RESTORED and own == failover
    if outcome.outcome not in _MAY_BE_STARTED_AGAIN or is_restored_failover:
        return []
    if own == failover or is_move_open or (decision is not None and decision.is_for_failover):
        is_loss_offered = outcome.outcome is OutcomeKind.HALTED and decision and decision.is_data_loss_in_the_way
        return [_start(failover, {}), *([_start(failover, {"acceptDataLoss": True})] if is_loss_offered else [])]
    is_planned = lock is not None and lock.trigger.kind == "operator" and lock.trigger.node is not None
    return [_start(own, {"target": lock.trigger.node} if lock and is_planned else {})]


def _start(state_machine: str, given: dict[str, Any]) -> str:
    return f"aws stepfunctions start-execution --state-machine-arn {state_machine} --input '{json.dumps(given)}'"


def _is_earlier_move_over(request: RecordOutcomeInput, now_recorded: ClusterRecord | None) -> bool:
    """Nothing came of the move on record, which is an earlier execution's: this one has begun none since."""
    if request.decision is None or not request.decision.is_move_over or now_recorded is None:
        return False
    return now_recorded.moving_to is not None and now_recorded.moved_by != request.execution


def publish_outcome(
    settings: Settings, outcome: Outcome, by_hand: Sequence[str] = (), *, is_repeated: bool = False
) -> None:
    """Counts the outcome as a metric and publishes it, with the commands to go on by hand.

    The message attribute `attention` is `needed` or `none`, so that a subscription may leave out the messages that
    only say that nothing changed.
    """
    metrics.add_metric(name=outcome.outcome, unit=MetricUnit.Count, value=1)
    needs_attention = outcome.outcome not in _NEEDS_NO_ATTENTION and not is_repeated
    notifications.publish(
        settings,
        subject=f"[{settings.cluster_name}] {outcome.outcome}",
        text=describe_outcome(outcome, settings, by_hand),
        attributes={"outcome": outcome.outcome, "attention": "needed" if needs_attention else "none"},
    )


def _is_repeated(outcome: Outcome, lock: Lock | None, recorded: ClusterRecord | None) -> bool:
    """What starts by itself found what was told before: the schedule looks once a minute, and one failure has many
    alarms. An operator who starts an execution wants its answer."""
    if lock is None or not lock.trigger.is_automatic:
        return False
    try:
        last = Outcome.model_validate((recorded and recorded.last_outcome) or {})
    except ValidationError:
        return False
    return is_told_already(outcome, last)


def describe_outcome(outcome: Outcome, settings: Settings, by_hand: Sequence[str]) -> str:
    """The notification's text: what happened, the next step, the facts, and what to paste to go on."""
    verdict = f"notice.verdict.{outcome.verdict}" if outcome.verdict else "notice.none"
    lines: list[str] = [
        outcome.messages.reason,
        "",
        Message("notice.next-step", next_step=outcome.messages.next_step),
        "",
        Message("notice.cluster", cluster=settings.cluster_name),
        Message("notice.outcome", outcome=Message(f"kind.{outcome.outcome}"), verdict=Message(verdict)),
    ]
    if outcome.active_after is not None:
        before = outcome.active_before or ""
        lines += [Message("notice.active", active=outcome.active_after, before=before), _tell_epoch(outcome)]
    if outcome.outage_seconds is not None:
        lines.append(Message("notice.outage", seconds=outcome.outage_seconds))
    if outcome.snapshot_id is not None:
        lines.append(Message("notice.snapshot", snapshot=outcome.snapshot_id))
    lines.append(Message("notice.took", seconds=(outcome.ended_at - outcome.started_at).total_seconds()))
    lines.append(Message("notice.execution", execution=outcome.execution))
    lines.append(runbook(outcome.outcome, settings.runbook_url))
    lines += [Message("notice.by-hand", command=command) for command in by_hand[:1]]
    lines += [Message("notice.with-loss", command=command) for command in by_hand[1:]]
    return write(lines, settings)


def _tell_epoch(outcome: Outcome) -> Message:
    """A move raises it by one, and its way back by another."""
    epoch, before = outcome.epoch_after or 0, outcome.epoch_before or 0
    has_jumped = epoch - before > _EPOCHS_OF_AN_EXECUTION
    return Message("notice.epoch-jumped" if has_jumped else "notice.epoch", epoch=epoch, before=before)
