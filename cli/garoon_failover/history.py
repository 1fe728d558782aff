"""`garoon-failover history`: what the controller did, and one execution as the report for the incident's ticket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from failover.adapters import history_table
from failover.adapters.execution_history import WORKFLOWS, list_executions, name_of, read_execution
from failover.execution_record import ExecutionRecord, StepTaken, make_record
from failover.models import Evidence, Value
from failover.steps.record_outcome import commands_by_hand, describe_outcome

from garoon_failover import installation as deployed
from garoon_failover import output
from garoon_failover.errors import NotFoundError, UsageError
from garoon_failover.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOKED_THROUGH = 1000
"""How many executions of a workflow are looked through for an id."""


class Report(Value):
    """One execution, with what operators were told of it."""

    record: ExecutionRecord
    notification: str
    """Empty where nothing was recorded."""

    def to_json(self) -> dict[str, Any]:
        """As `history ID --json` prints it."""
        record = self.record
        known = {name: value for name, value in record.to_json().items() if name != "lock"}
        more = {"workflow": record.workflow, "retries": record.retries, "notification": self.notification}
        return known | more


def run_list(*, limit: int, is_json: bool) -> None:
    """The newest executions of the three workflows."""
    found = deployed.load()
    records = _newest(found, limit)
    if is_json:
        output.print_json([_listed_json(one) for one in records])
        return
    if not records:
        output.say(f"No execution in the last {found.settings.history_days} days.")
        return
    output.say("started (UTC)        workflow    id        outcome")
    for record in records:
        _show(record)


def run_one(wanted: str, *, is_markdown: bool, is_json: bool) -> None:
    """One execution, by its name, the beginning of it, or its ARN."""
    found = deployed.load()
    report = make_report(found, find(found, wanted))
    if is_json:
        output.print_json(report.to_json())
    else:
        print(as_markdown(report) if is_markdown else as_text(report))


def find(found: Installation, wanted: str) -> ExecutionRecord:
    """Raises NotFoundError, or UsageError where several begin like that."""
    kept = {one.execution: one for one in history_table.find(found.settings, wanted)}
    live = [arn for arn in _listed(found, _LOOKED_THROUGH) if arn == wanted or name_of(arn).startswith(wanted)]
    arns = list(dict.fromkeys([*kept, *live]))
    arns = [arn for arn in arns if wanted in (arn, name_of(arn))] or arns
    if len(arns) > 1:
        names = " ".join(name_of(arn) for arn in arns[:5])
        raise UsageError(f"{len(arns)} executions begin with {wanted}: {names}.", "Give more of the name.")
    record = (kept.get(arns[0]) or _live(arns[0])) if arns else None
    if record is None:
        raise NotFoundError(
            f"There is no execution {wanted} in the last {found.settings.history_days} days.",
            "garoon-failover history lists those that there are.",
        )
    return record


def _newest(found: Installation, limit: int) -> list[ExecutionRecord]:
    kept = history_table.read_newest(found.settings, limit)
    known = {one.execution for one in kept}
    live = [_live(arn) for arn in _listed(found, limit) if arn not in known]
    records = kept + [one for one in live if one is not None]
    return sorted(records, key=lambda one: one.started_at, reverse=True)[:limit]


def _listed(found: Installation, limit: int) -> list[str]:
    """The newest that Step Functions knows: of one that runs, or ended this moment, there is no record yet."""
    listed = [one for name in WORKFLOWS for one in list_executions(found.state_machine_arn(name), limit)]
    return [one.arn for one in sorted(listed, key=lambda one: one.started_at, reverse=True)][:limit]


def _live(arn: str) -> ExecutionRecord | None:
    execution = read_execution(arn)
    return None if execution is None else make_record(execution, execution.outcome)


def make_report(found: Installation, record: ExecutionRecord) -> Report:
    """The record, and the notification in this version's words."""
    if record.outcome is None:
        return Report(record=record, notification="")
    by_hand = commands_by_hand(record.outcome, found.settings, record.decision, record.lock)
    return Report(record=record, notification=describe_outcome(record.outcome, found.settings, by_hand))


def _listed_json(record: ExecutionRecord) -> dict[str, Any]:
    return {
        "execution": record.execution,
        "workflow": record.workflow,
        "status": record.status,
        "startedAt": _time(record.started_at),
        "endedAt": None if record.ended_at is None else _time(record.ended_at),
        "outcome": record.outcome.to_json() if record.outcome else None,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def outcome_words(record: ExecutionRecord) -> str:
    """E.g. "FailedOver", "running: FenceNode", "ABORTED, nothing recorded"."""
    if record.ended_at is None:
        return f"running: {record.steps[-1].step if record.steps else 'begins'}"
    return record.came_to if record.outcome else f"{record.status}, nothing recorded"


def _show(record: ExecutionRecord) -> None:
    outage = "" if record.outage_seconds is None else f"outage {record.outage_seconds:.1f} s"
    started = f"{record.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    words = outcome_words(record)
    output.say(f"{started}  {record.workflow:<10}  {record.name[:8]}  {words:<18}  {outage}".rstrip(), style="bold")
    if record.reason:
        output.say(f"    {record.reason}")


# --- one execution -----------------------------------------------------------------------------------------------


def _facts(record: ExecutionRecord) -> Iterator[tuple[str, str]]:
    yield "Outcome", record.came_to if record.outcome else "none recorded"
    yield "Workflow", f"{record.workflow} ({record.status})"
    yield "Started", _time(record.started_at)
    if record.seconds is not None:
        yield "Took", f"{record.seconds:.1f} s"
    if record.outage_seconds is not None:
        yield "Outage", f"{record.outage_seconds:.1f} s"
    if record.outcome is not None and record.outcome.snapshot_id is not None:
        yield "Snapshot", record.outcome.snapshot_id
    yield "Started by", record.trigger
    if record.decision is not None:
        yield "Decision", f"{record.decision.verdict}: {record.decision.reason}"
    yield "Retries", str(record.retries)
    yield "Execution", record.execution


def _evidence(evidence: Evidence) -> Iterator[tuple[str, str]]:
    for what, node in (("active", evidence.active), ("standby", evidence.standby)):
        detail = f" ({node.detail})" if node.detail else ""
        yield (
            f"{node.name}, {what}",
            f"instance {node.instance}, status checks {node.checks}, answer: {node.answer}{detail}, "
            f"replica {node.replica}",
        )
    yield "Heartbeat of the active node", {True: "lost", False: "arrives", None: "unknown"}[evidence.is_heartbeat_lost]
    yield (
        "Its last word on replication",
        {True: "was replicating", False: "was not replicating", None: "unknown"}[evidence.was_replicating],
    )
    yield "What the standby sees of it", str(evidence.standby_view)
    yield "Routes", str(evidence.routes)
    yield "Limit of the automatic", str(evidence.limit)


def _step_words(step: StepTaken) -> tuple[str, str, str, str, str]:
    took = "" if step.seconds is None else f"{step.seconds:.1f} s"
    ended = f"{step.error}: {step.cause}" if step.error else ""
    return f"+{step.after_seconds:.1f} s", step.step, took, str(step.retries or ""), ended


def as_text(report: Report) -> str:
    """For a terminal."""
    record = report.record
    lines = [f"{name + ':':<12} {value}" for name, value in _facts(record)]
    if record.evidence:
        lines += ["", "Evidence", *(f"  {name}: {value}" for name, value in _evidence(record.evidence))]
    lines += ["", "Timeline"]
    for at, name, took, retries, ended in map(_step_words, record.steps):
        again = f"{retries} retries" if retries else ""
        lines.append(f"  {at:>9}  {name:<20} {took or 'no end':>9}  {again:>11}  {ended}".rstrip())
    if report.notification:
        lines += ["", "Notification", *(f"  {line}".rstrip() for line in report.notification.splitlines())]
    return "\n".join(lines)


def as_markdown(report: Report) -> str:
    """For the ticket."""
    record = report.record
    lines = [f"# {record.workflow}: {record.came_to}", ""]
    if record.outcome:
        lines += [record.reason, "", f"**Next step:** {record.outcome.next_step}", ""]
    lines += ["| | |", "| --- | --- |"]
    lines += [f"| {name} | {_cell(value)} |" for name, value in _facts(record)]
    if record.evidence:
        lines += ["", "## Evidence", "", "| source | said |", "| --- | --- |"]
        lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in _evidence(record.evidence)]
    lines += [
        "",
        "## Timeline",
        "",
        "| at | step | took | retries | ended with |",
        "| ---: | --- | ---: | ---: | --- |",
    ]
    lines += [f"| {' | '.join(map(_cell, _step_words(step)))} |" for step in record.steps]
    if report.notification:
        lines += ["", "## Notification", "", "```text", report.notification.rstrip(), "```"]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
