"""Tells a run as a list of moments, from its history: what happened, when, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from testbed.garoon.user import find_outages
from testbed.judges.history import Execution, History, Sample


@dataclass(frozen=True)
class Moment:
    """Something that happened. `source` is who: drill, user, host, aws, workflow."""

    time: float
    source: str
    what: str


def tell(history: History, acts: Iterable[Moment]) -> list[Moment]:
    """All moments, first to last; `acts` are what the drill did."""
    moments = [
        *acts,
        *_tell_samples(history.samples),
        *_tell_executions(history.executions),
        *_tell_user(history),
        *(
            Moment(float(notification["receivedAt"]), "aws", f"notification: {notification['subject']}")
            for notification in history.notifications
        ),
    ]
    return sorted(moments, key=lambda moment: moment.time)


def _tell_samples(samples: Sequence[Sample]) -> Iterator[Moment]:
    for before, after in pairwise(samples):
        for name, host in after.hosts.items():
            was = before.hosts[name]
            if host.is_on != was.is_on:
                yield Moment(after.time, "host", f"{name} is {'on' if host.is_on else 'off'}")
            if host.is_isolated != was.is_isolated:
                yield Moment(after.time, "aws", f"{name} is {'isolated' if host.is_isolated else 'let in again'}")
            if host.is_primary != was.is_primary:
                yield Moment(after.time, "host", f"{name} is {'primary' if host.is_primary else 'no longer primary'}")
            if host.is_mounted and not was.is_mounted:
                yield Moment(after.time, "host", f"{name} has the volume mounted")
            if host.has_services != was.has_services:
                yield Moment(after.time, "host", f"{name}: services {'run' if host.has_services else 'are down'}")
        for name, state in after.instances.items():
            if before.instances.get(name, state) != state:
                yield Moment(after.time, "aws", f"EC2: the instance of {name} is {state}")
        for table, node in after.routes.items():
            if before.routes.get(table, node) != node:
                yield Moment(after.time, "aws", f"route table {table}: the virtual IP points to {node}")
        for server, state in after.targets.items():
            if before.targets.get(server, state) != state:
                yield Moment(after.time, "aws", f"ALB: {server} is {state}")
        if (after.active, after.epoch) != (before.active, before.epoch) and before.active is not None:
            yield Moment(after.time, "aws", f"record: {after.active} is active, epoch {after.epoch}")


def _tell_executions(executions: Sequence[Execution]) -> Iterator[Moment]:
    for execution in executions:
        cause = execution.input.get("detail-type", "an operator's input")
        yield Moment(execution.started_at, "workflow", f"{_short(execution)} starts ({cause})")
        if execution.outcome in ("Skipped", "NothingToDo"):
            yield from _tell_end(execution)
            continue
        previous = None
        for step in execution.steps:
            # A step that waits by failing with NotYet is told once, when it is first tried.
            if step.state != previous:
                yield Moment(step.started_at, "workflow", f"{_short(execution)}: {step.state}")
            previous = step.state
            if step.error is not None and step.error != "NotYet" and step.ended_at is not None:
                yield Moment(step.ended_at, "workflow", f"{_short(execution)}: {step.state} failed with {step.error}")
        yield from _tell_end(execution)


def _tell_end(execution: Execution) -> Iterator[Moment]:
    if execution.ended_at is not None:
        reason = execution.output.get("reason", execution.status)
        yield Moment(execution.ended_at, "workflow", f"{_short(execution)} ends: {execution.outcome}. {reason}")


def _tell_user(history: History) -> Iterator[Moment]:
    errors = {visit.started_at: visit.error for visit in history.visits}
    for outage in find_outages(history.visits):
        yield Moment(outage.started_at, "user", f"first failed request: {errors.get(outage.started_at)}")
        if outage.ended_at is not None:
            seconds = outage.ended_at - outage.started_at
            yield Moment(outage.ended_at, "user", f"first good request again, after {seconds:.1f} s")


def _short(execution: Execution) -> str:
    return f"execution {execution.name[:8]}" if len(execution.name) > 30 else execution.name
