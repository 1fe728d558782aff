"""`garoon-failover history`: what the controller did, and one execution as the report for the incident's ticket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from failover.adapters.execution_history import (
    WORKFLOWS,
    Execution,
    Listed,
    list_executions,
    name_of,
    read_execution,
)
from failover.models import Assessment, Decision, Evidence, Lock, Outcome, Value
from failover.steps.record_outcome import commands_by_hand, describe_outcome
from pydantic import AwareDatetime, ValidationError

from garoon_failover import installation as deployed
from garoon_failover import output
from garoon_failover.errors import NotFoundError, UsageError
from garoon_failover.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOKED_THROUGH = 1000
"""How many executions of a workflow are looked through for an id."""


class StepView(Value):
    step: str
    after_seconds: float
    """Since the execution's start."""
    seconds: float | None
    error: str | None
    cause: str


class Report(Value):
    """One execution, as `history ID --json` prints it."""

    execution: str
    workflow: str
    status: str
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    trigger: str
    decision: Decision | None
    evidence: Evidence | None
    steps: list[StepView]
    retries: int
    """Calls of a function beyond the first of its state."""
    outcome: Outcome | None
    notification: str
    """What operators were told; empty where nothing was recorded."""


def run_list(*, limit: int, is_json: bool) -> None:
    """The newest executions of the three workflows."""
    found = deployed.load()
    executions = _newest(found, limit)
    if is_json:
        output.print_json([_listed_json(one) for one in executions])
        return
    if not executions:
        output.say("No execution in the last 90 days.")
        return
    output.say("started (UTC)        workflow    id        outcome")
    for execution in executions:
        _show(execution)


def run_one(wanted: str, *, is_markdown: bool, is_json: bool) -> None:
    """One execution, by its name, the beginning of it, or its ARN."""
    found = deployed.load()
    report = make_report(found, find(found, wanted))
    if is_json:
        output.print_json(report.to_json())
    else:
        print(as_markdown(report) if is_markdown else as_text(report))


def find(found: Installation, wanted: str) -> Execution:
    """Raises NotFoundError, or UsageError where several begin like that."""
    if wanted.startswith("arn:"):
        arns = [wanted]
    else:
        all_of_them = (
            one.arn
            for workflow in WORKFLOWS
            for one in list_executions(found.state_machine_arn(workflow), _LOOKED_THROUGH)
        )
        arns = [arn for arn in all_of_them if name_of(arn).startswith(wanted)]
        arns = [arn for arn in arns if name_of(arn) == wanted] or arns
    if len(arns) > 1:
        names = " ".join(name_of(arn) for arn in arns[:5])
        raise UsageError(f"{len(arns)} executions begin with {wanted}: {names}.", "Give more of the name.")
    execution = read_execution(arns[0]) if arns else None
    if execution is None:
        raise NotFoundError(
            f"There is no execution {wanted} in the last 90 days.",
            "garoon-failover history lists those that there are.",
        )
    return execution


def _newest(found: Installation, limit: int) -> list[Execution]:
    listed: list[Listed] = []
    for workflow in WORKFLOWS:
        listed += list_executions(found.state_machine_arn(workflow), limit)
    listed.sort(key=lambda one: one.started_at, reverse=True)
    return [execution for one in listed[:limit] if (execution := read_execution(one.arn))]


def make_report(found: Installation, execution: Execution) -> Report:
    """Puts together what the execution's history holds."""
    assessment = _last(execution, "AssessCluster", Assessment)
    lock = _last(execution, "AcquireLock", Lock)
    decision = assessment.decision if assessment else None
    outcome = execution.outcome
    return Report(
        execution=execution.arn,
        workflow=execution.workflow,
        status=execution.status,
        started_at=execution.started_at,
        ended_at=execution.ended_at,
        trigger=lock.trigger.reason if lock else _input_words(execution.input),
        decision=decision,
        evidence=assessment.evidence if assessment else None,
        steps=[
            StepView(
                step=step.name,
                after_seconds=(step.started_at - execution.started_at).total_seconds(),
                seconds=step.seconds,
                error=step.error,
                cause=step.cause,
            )
            for step in execution.steps
        ],
        retries=len(_retried(execution)),
        outcome=outcome,
        notification=""
        if outcome is None
        else describe_outcome(outcome, found.settings, commands_by_hand(outcome, found.settings, decision, lock)),
    )


def _last(execution: Execution, step: str, model: type[Any]) -> Any:
    for one in reversed(execution.steps):
        if one.name == step and one.output is not None:
            try:
                return model.model_validate(one.output)
            except ValidationError:
                return None  # of another version of the stack
    return None


def _retried(execution: Execution) -> list[str]:
    names = [step.name for step in execution.steps]
    return [name for index, name in enumerate(names) if index and names[index - 1] == name]


def _input_words(given: Any) -> str:
    if isinstance(given, dict) and "detail-type" in given:
        return str(given["detail-type"])
    return f"started by an operator with {given}"


def _listed_json(execution: Execution) -> dict[str, Any]:
    return {
        "execution": execution.arn,
        "workflow": execution.workflow,
        "status": execution.status,
        "startedAt": _time(execution.started_at),
        "endedAt": None if execution.ended_at is None else _time(execution.ended_at),
        "outcome": execution.outcome.to_json() if execution.outcome else None,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def outcome_words(execution: Execution) -> str:
    """E.g. "FailedOver", "running: FenceNode", "stopped before it recorded an outcome"."""
    if execution.is_running:
        return f"running: {execution.step or 'begins'}"
    if execution.outcome is None:
        return f"{execution.status}, nothing recorded"
    return str(execution.outcome.outcome)


def _show(execution: Execution) -> None:
    outcome = execution.outcome
    outage = f"outage {outcome.outage_seconds:.1f} s" if outcome and outcome.outage_seconds is not None else ""
    started = f"{execution.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    words = outcome_words(execution)
    output.say(
        f"{started}  {execution.workflow:<10}  {execution.name[:8]}  {words:<18}  {outage}".rstrip(), style="bold"
    )
    if outcome:
        output.say(f"    {outcome.reason}")


# --- one execution -----------------------------------------------------------------------------------------------


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    outcome = report.outcome
    yield "Outcome", "none recorded" if outcome is None else str(outcome.outcome)
    yield "Workflow", f"{report.workflow} ({report.status})"
    yield "Started", _time(report.started_at)
    if report.ended_at is not None:
        yield "Took", f"{(report.ended_at - report.started_at).total_seconds():.1f} s"
    if outcome is not None and outcome.outage_seconds is not None:
        yield "Outage", f"{outcome.outage_seconds:.1f} s"
    yield "Started by", report.trigger
    if report.decision is not None:
        yield "Decision", f"{report.decision.verdict}: {report.decision.reason}"
    yield "Retries", str(report.retries)
    yield "Execution", report.execution


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


def _step_words(step: StepView) -> tuple[str, str, str, str]:
    took = "running" if step.seconds is None else f"{step.seconds:.1f} s"
    ended = f"{step.error}: {step.cause}" if step.error else ""
    return f"+{step.after_seconds:.1f} s", step.step, took, ended


def as_text(report: Report) -> str:
    """For a terminal."""
    lines = [f"{name + ':':<12} {value}" for name, value in _facts(report)]
    if report.evidence:
        lines += ["", "Evidence", *(f"  {name}: {value}" for name, value in _evidence(report.evidence))]
    lines += ["", "Timeline"]
    for at, name, took, ended in map(_step_words, report.steps):
        lines.append(f"  {at:>9}  {name:<20} {took:>9}  {ended}".rstrip())
    if report.notification:
        lines += ["", "Notification", *(f"  {line}".rstrip() for line in report.notification.splitlines())]
    return "\n".join(lines)


def as_markdown(report: Report) -> str:
    """For the ticket."""
    title = report.outcome.outcome if report.outcome else report.status
    lines = [f"# {report.workflow}: {title}", ""]
    if report.outcome:
        lines += [report.outcome.reason, "", f"**Next step:** {report.outcome.next_step}", ""]
    lines += ["| | |", "| --- | --- |"]
    lines += [f"| {name} | {_cell(value)} |" for name, value in _facts(report)]
    if report.evidence:
        lines += ["", "## Evidence", "", "| source | said |", "| --- | --- |"]
        lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in _evidence(report.evidence)]
    lines += ["", "## Timeline", "", "| at | step | took | ended with |", "| ---: | --- | ---: | --- |"]
    lines += [f"| {' | '.join(map(_cell, _step_words(step)))} |" for step in report.steps]
    if report.notification:
        lines += ["", "## Notification", "", "```text", report.notification.rstrip(), "```"]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
