"""Judges the promises of docs/architecture.md from what was seen outside the controller.

Each judge is a pure function of the history that returns what broke its promise, as sentences with the evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from testbed.judges.history import CHANGING_ACTIONS, Execution, History, Sample, Step
from testbed.stack.steps import CHANGING_STEPS, STEPS

# Clocks: calls are stamped when the cloud has answered them, steps when Step Functions writes its history.
_CLOCK_TOLERANCE_SECONDS = 2.0
_EPOCH_STEPS = frozenset(step.state for step in STEPS if step.begins_epoch)
_MOVING_STEPS = frozenset(step.state for step in STEPS if step.moves_role)


def judge(history: History) -> dict[str, list[str]]:
    """What broke each promise, by the promise's number; an empty list means that it was kept."""
    return {number: list(judge_one(history)) for number, judge_one in _JUDGES.items()}


def judge_one_active(history: History) -> Iterator[str]:
    """Promise 1: at no moment are two nodes active, and none is promoted before the other is proven inactive."""
    for sample in history.samples:
        active = [name for name, host in sample.hosts.items() if host.is_active]
        if len(active) > 1:
            yield f"At {sample.time:.3f} both {' and '.join(active)} could write or serve."
            break
    for execution, step in _steps(history, {"PromoteReplica"}):
        promoted = _promoted_by(history, step)
        if promoted is None:
            continue
        target, promoted_at = promoted
        for sample in _between(history, step.started_at, promoted_at):
            for name, host in sample.hosts.items():
                if name != target and host.is_active:
                    yield (
                        f"{execution.name} started to promote {target} at {step.started_at:.3f} while {name} was still "
                        f"active at {sample.time:.3f}."
                    )
                    return


def judge_unknown_is_not_dead(history: History) -> Iterator[str]:
    """Promise 2: a node that serves its users is neither fenced nor demoted, and nothing moves without a verdict.

    A planned move, which an operator orders, demotes a node that serves.
    """
    unplanned = [execution for execution in history.executions if not execution.is_planned]
    for execution, step in _steps(replace(history, executions=unplanned), _MOVING_STEPS):
        # The last request sent before, however long it took to be answered.
        last = max(
            (visit for visit in history.visits if visit.started_at <= step.started_at),
            key=lambda visit: visit.started_at,
            default=None,
        )
        if last is not None and last.is_good:
            yield (
                f"{execution.name} began {step.state} at {step.started_at:.3f} although the user's last request, "
                f"{step.started_at - last.started_at:.1f} s before, was served."
            )
        if not any(
            earlier.state == "AssessCluster" and earlier.is_done and earlier.started_at <= step.started_at
            for earlier in execution.steps
        ):
            yield f"{execution.name} began {step.state} without a finished AssessCluster."


def judge_no_stale_data(history: History) -> Iterator[str]:
    """Promise 3: a replica that becomes primary was up to date just before, unless an operator accepted the loss."""
    for before, after in pairwise(history.samples):
        for name, host in after.hosts.items():
            was = before.hosts[name]
            if not host.is_primary or was.is_primary or was.data == "current":
                continue
            if any(
                execution.input.get("acceptDataLoss") is True and _covers(execution, after.time)
                for execution in history.executions
            ):
                continue
            yield f"{name} became primary at {after.time:.3f}; its replica was {was.data} just before."


def judge_one_at_a_time(history: History) -> Iterator[str]:
    """Promise 4: whatever changes the cluster is done by a step of the execution that holds the lock."""
    changing = [call for call in history.calls if call.action in CHANGING_ACTIONS and not call.is_dry_run]
    for call in changing:
        owners = {sample.lock_owner for sample in _around(history, call.time)}
        doers = {execution.arn for execution, step in _steps(history, CHANGING_STEPS) if _covers(step, call.time)}
        if not doers:
            yield f"{call.caller} called {call.action} at {call.time:.3f} outside of any execution's changing step."
        elif not doers & owners:
            yield f"{call.caller} called {call.action} at {call.time:.3f} without the lock (held by {owners})."
    movers = [
        (execution.arn, step)
        for execution, step in _steps(history, CHANGING_STEPS)
        if any(_covers(step, call.time) for call in changing) or (step.is_done and step.state in _MOVING_STEPS)
    ]
    for (arn, step), (other_arn, other) in pairwise(sorted(movers, key=lambda mover: mover[1].started_at)):
        if arn != other_arn and step.ended_at is not None and other.started_at < step.ended_at:
            yield f"{step.state} of {arn} and {other.state} of {other_arn} changed the cluster at the same time."
    for before, after in pairwise(history.samples):
        # The record is looked at less often than a fast cluster can begin two moves.
        begun = {
            (execution.arn, step.state)
            for execution, step in _steps(history, _EPOCH_STEPS)
            if step.started_at <= after.time and (_covers(step, before.time) or before.time <= step.started_at)
        }
        if not 0 <= after.epoch - before.epoch <= max(len(begun), 1):
            yield f"The epoch went from {before.epoch} to {after.epoch} at {after.time:.3f}."
    for repeat in history.repeats:
        for error in repeat.errors:
            if error != "LockLost":
                yield f"{repeat.what} and ended with {error or 'no error'}: without the lock it is to do nothing."


def judge_every_step_can_run_again(history: History) -> Iterator[str]:
    """Promise 5: what was repeated changed nothing."""
    if not history.repeats:
        yield "Nothing was repeated, so nothing is known."
    for repeat in history.repeats:
        for change in repeat.changes:
            yield f"{repeat.what}: {change}."


def judge_nothing_is_thrown_away(history: History) -> Iterator[str]:
    """Promise 6: what only a returning node held lies in a snapshot that was taken before it was overwritten."""
    for discard in history.discards:
        kept = {
            file
            for snapshot in history.snapshots
            if snapshot.node == discard.node and snapshot.time <= discard.time
            for file in snapshot.files
        }
        if lost := sorted(discard.files - kept):
            yield f"At {discard.time:.3f} {len(lost)} files of {discard.node} were overwritten and not kept: {lost[0]}."


def judge_never_silent(history: History) -> Iterator[str]:
    """Promise 7: each execution ends with an outcome, a reason, a next step, and a notification that says so."""
    told = {str(notification.get("execution")) for notification in history.notifications}
    for execution in history.executions:
        if not execution.is_over:
            yield f"{execution.name} has not ended."
            continue
        for name in () if execution.was_cut_short else ("outcome", "reason", "nextStep"):
            if not execution.output.get(name):
                yield f"{execution.name} ended {execution.status} without {name}."
        reason = str(execution.output.get("reason") or "")
        if reason and not reason.rstrip().endswith((".", "!")):
            yield f"The reason of {execution.name} is not a sentence: {reason!r}."
        if execution.arn not in told:
            yield f"Nobody was notified of {execution.name} ({execution.outcome})."
    recorded = {str(outcome.get("execution")) for outcome in history.recorded_outcomes}
    for execution in history.executions:
        if execution.has_changed_something and execution.is_over and execution.arn not in recorded:
            yield f"{execution.name} changed the cluster and its outcome was never in the cluster record."


def judge_quiet(history: History) -> Iterator[str]:
    """What asks for an operator's attention is news: nobody is mailed what an earlier message said.

    An incident has one message as it begins, one as it ends, and one for each change between them.
    """
    yield from _judge_one_opening(history)
    yield from _judge_nothing_said_again(history)
    lost: set[str] = set()
    for notification in history.notifications:
        subject, text = str(notification.get("subject", "")), str(notification.get("text", ""))
        if notification.get("attention") != "needed":
            continue
        if subject.endswith((" Skipped", " NothingToDo")):
            yield f"{subject} asks for attention."
        found = re.search(r"its standby (\S+) is lost", text)
        if subject.endswith(" Warned") and found and found[1] in lost:
            yield f"{subject} asks for attention, though {found[1]} was to be brought back before."
        lost |= set(re.findall(r"Bring (\S+) back as an up-to-date standby: until then", text))
        if subject.endswith(" Rejoined"):
            lost.clear()


_DEAD_MAN = ("-watch-silent", "-readiness-silent", "-event-not-delivered")
"""Alarms that CloudWatch mails itself, as nobody else could tell."""
_ENDS = (
    "FailedOver",
    "Moved",
    "SwitchedOver",
    "Rejoined",
    "Restored",
    "Resumed",
    "ServicesRestarted",
    "RoutesRepaired",
)
"""Outcomes after which an incident is over."""


def _judge_one_opening(history: History) -> Iterator[str]:
    opened, ended = "", set()
    for notification in history.notifications:
        subject, outcome = str(notification.get("subject", "")), notification.get("outcome")
        if subject.startswith(("ALARM: ", "OK: ")) and not any(name in subject for name in _DEAD_MAN):
            yield f"{subject} came beside our own message: it is CloudWatch's."
        if notification.get("attention") != "needed":
            continue
        if "] Begun: " in subject:
            if opened:
                yield f"{subject} opens what {opened} had opened."
            opened = subject
        elif outcome and outcome != "Recovering" and (execution := notification.get("execution")):
            if execution in ended:
                yield f"{subject} tells a second time how {execution} ended."
            ended.add(execution)
            opened = "" if outcome in _ENDS else opened


def _judge_nothing_said_again(history: History) -> Iterator[str]:
    """What an execution that started by itself found, and the outcome before had told, asks for no attention."""
    by_itself = {
        execution.arn
        for execution in history.executions
        if "detail-type" in execution.input and execution.output.get("verdict")
    }
    before: tuple[object, str] | None = None
    for notification in history.notifications:
        outcome = notification.get("outcome")
        if not outcome or outcome in ("Recovering", "Skipped"):
            continue
        told = (outcome, str(notification.get("text", "")).partition("\n")[0])
        is_news = notification.get("attention") == "needed"
        if told == before and is_news and outcome not in _ENDS and notification.get("execution") in by_itself:
            yield f"{notification.get('subject')} is said again: {told[1]}"
        before = told


def judge_told_once(history: History) -> Iterator[str]:
    """Promise 7, both ways: everything is told, and nothing is told twice."""
    yield from judge_never_silent(history)
    yield from judge_quiet(history)


_JUDGES: Mapping[str, Callable[[History], Iterator[str]]] = {
    "1": judge_one_active,
    "2": judge_unknown_is_not_dead,
    "3": judge_no_stale_data,
    "4": judge_one_at_a_time,
    "5": judge_every_step_can_run_again,
    "6": judge_nothing_is_thrown_away,
    "7": judge_told_once,
}


def _steps(history: History, states: Container[str]) -> Iterator[tuple[Execution, Step]]:
    for execution in history.executions:
        for step in execution.steps:
            if step.state in states:
                yield execution, step


def _covers(span: Execution | Step, time: float) -> bool:
    end = float("inf") if span.ended_at is None else span.ended_at + _CLOCK_TOLERANCE_SECONDS
    return span.started_at - _CLOCK_TOLERANCE_SECONDS <= time <= end


def _between(history: History, start: float, end: float) -> list[Sample]:
    return [sample for sample in history.samples if start <= sample.time <= end]


def _around(history: History, time: float) -> list[Sample]:
    """The samples nearest to a moment: the last two before it and the first two after it."""
    before = [sample for sample in history.samples if sample.time <= time]
    after = [sample for sample in history.samples if sample.time > time]
    return before[-2:] + after[:2]


def _promoted_by(history: History, step: Step) -> tuple[str, float] | None:
    """The node that became primary in the step's time, and when; an isolated one may have been primary all along."""
    for before, after in pairwise(history.samples):
        if _covers(step, after.time):
            for name, host in after.hosts.items():
                if host.is_primary and not before.hosts[name].is_primary:
                    return name, after.time
    return None
