"""`garoon-failover history`: what the controller did, and one execution as the report for the incident's ticket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from failover.adapters import history_table
from failover.adapters.execution_history import WORKFLOWS, list_executions, name_of, read_execution
from failover.execution_record import ExecutionRecord, StepTaken, make_record
from failover.models import Evidence, Value
from failover.settings import NotificationLanguage
from failover.steps.record_outcome import commands_by_hand, describe_outcome

from garoon_failover import installation as deployed
from garoon_failover import output
from garoon_failover.errors import NotFoundError, UsageError
from garoon_failover.installation import Installation
from garoon_failover.words import code, said, tr

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
        output.say(tr("no-execution-yet", days=found.settings.history_days))
        return
    output.say(tr("list-head"))
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
        raise UsageError(tr("several-begin", count=len(arns), wanted=wanted, names=names), tr("give-more"))
    record = (kept.get(arns[0]) or _live(arns[0])) if arns else None
    if record is None:
        raise NotFoundError(
            tr("no-such-execution", wanted=wanted, days=found.settings.history_days),
            tr("history-lists"),
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
    settings = found.settings.model_copy(update={"notification_language": NotificationLanguage(code())})
    return Report(record=record, notification=describe_outcome(record.outcome, settings, by_hand))


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
        return tr("running", step=record.steps[-1].step if record.steps else tr("begins"))
    return record.came_to if record.outcome else tr("nothing-recorded", status=record.status)


def _reason(record: ExecutionRecord) -> str:
    return said(record.outcome.messages.reason) if record.outcome else record.reason


def _show(record: ExecutionRecord) -> None:
    outage = "" if record.outage_seconds is None else tr("outage", seconds=record.outage_seconds)
    started = f"{record.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    words = outcome_words(record)
    output.say(f"{started}  {record.workflow:<10}  {record.name[:8]}  {words:<18}  {outage}".rstrip(), style="bold")
    if record.reason:
        output.say(f"    {_reason(record)}")


# --- one execution -----------------------------------------------------------------------------------------------


def _facts(record: ExecutionRecord) -> Iterator[tuple[str, str]]:
    yield tr("fact.outcome"), record.came_to if record.outcome else tr("fact.none-recorded")
    yield tr("fact.workflow"), f"{record.workflow} ({record.status})"
    yield tr("fact.started"), _time(record.started_at)
    if record.seconds is not None:
        yield tr("fact.took"), tr("seconds", seconds=record.seconds)
    if record.outage_seconds is not None:
        yield tr("fact.outage"), tr("seconds", seconds=record.outage_seconds)
    if record.outcome is not None and record.outcome.snapshot_id is not None:
        yield tr("fact.snapshot"), record.outcome.snapshot_id
    yield tr("fact.started-by"), said(record.lock.trigger.reason if record.lock else record.trigger)
    if record.decision is not None:
        yield tr("fact.decision"), f"{record.decision.verdict}: {said(record.decision.reason)}"
    yield tr("fact.retries"), str(record.retries)
    yield tr("fact.execution"), record.execution


def _evidence(evidence: Evidence) -> Iterator[tuple[str, str]]:
    for what, node in (("active", evidence.active), ("standby", evidence.standby)):
        detail = f" ({said(node.detail)})" if node.detail else ""
        yield (
            tr("evidence.name", name=node.name, role=tr(what)),
            tr(
                "evidence.node",
                instance=said(node.instance.words),
                checks=node.checks,
                answer=said(node.answer.words),
                detail=detail,
                replica=said(node.replica.words),
            ),
        )
    beat = {True: "lost", False: "arrives", None: "unknown"}[evidence.is_heartbeat_lost]
    yield tr("evidence.heartbeat"), tr(beat)
    word = {True: "was-replicating", False: "was-not-replicating", None: "unknown"}[evidence.was_replicating]
    yield tr("evidence.last-word"), tr(word)
    yield tr("evidence.standby-sees"), str(evidence.standby_view)
    yield tr("evidence.routes"), said(evidence.routes.words)
    yield tr("evidence.limit"), str(evidence.limit)


def _step_words(step: StepTaken) -> tuple[str, str, str, str, str]:
    took = "" if step.seconds is None else tr("seconds", seconds=step.seconds)
    ended = f"{step.error}: {step.cause}" if step.error else ""
    return "+" + tr("seconds", seconds=step.after_seconds), step.step, took, str(step.retries or ""), ended


def as_text(report: Report) -> str:
    """For a terminal."""
    record = report.record
    lines = [f"{name + ':':<12} {value}" for name, value in _facts(record)]
    if record.evidence:
        lines += ["", tr("evidence"), *(f"  {name}: {value}" for name, value in _evidence(record.evidence))]
    lines += ["", tr("timeline")]
    for at, name, took, retries, ended in map(_step_words, record.steps):
        again = tr("retries", count=retries) if retries else ""
        lines.append(f"  {at:>9}  {name:<20} {took or tr('no-end'):>9}  {again:>11}  {ended}".rstrip())
    if report.notification:
        lines += ["", tr("notification"), *(f"  {line}".rstrip() for line in report.notification.splitlines())]
    return "\n".join(lines)


def as_markdown(report: Report) -> str:
    """For the ticket."""
    record = report.record
    lines = [f"# {record.workflow}: {record.came_to}", ""]
    if record.outcome:
        lines += [_reason(record), "", tr("next-step-bold", step=said(record.outcome.messages.next_step)), ""]
    lines += ["| | |", "| --- | --- |"]
    lines += [f"| {name} | {_cell(value)} |" for name, value in _facts(record)]
    if record.evidence:
        lines += ["", f"## {tr('evidence')}", "", tr("source-said"), "| --- | --- |"]
        lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in _evidence(record.evidence)]
    lines += [
        "",
        f"## {tr('timeline')}",
        "",
        tr("step-table"),
        "| ---: | --- | ---: | ---: | --- |",
    ]
    lines += [f"| {' | '.join(map(_cell, _step_words(step)))} |" for step in record.steps]
    if report.notification:
        lines += ["", f"## {tr('notification')}", "", "```text", report.notification.rstrip(), "```"]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
