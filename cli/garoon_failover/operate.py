"""What moves: `failover`, `switchback`, `rejoin`, `confirm`, `maintenance`. Asked first, then watched to its end.

Ctrl-C ends the watching, never the execution.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

from failover.adapters import cluster_table
from failover.adapters.clients import client
from failover.adapters.execution_history import Execution, list_executions, name_of, read_execution
from failover.confirmation import NO, YES
from failover.decision import decide
from failover.messages import Message
from failover.models import Decision, OutcomeKind, Trigger, Verdict, Workflow
from failover.planned_decision import decide_rejoin, decide_switchback
from failover.steps.assess_cluster import gather_evidence
from failover.steps.set_maintenance import Maintenance
from failover.triggers import read_trigger

from garoon_failover import functions, output
from garoon_failover import installation as deployed
from garoon_failover.errors import ExitCode, NotFoundError, UsageError
from garoon_failover.installation import Installation
from garoon_failover.words import said, tr

POLL_SECONDS = 1.0
_WELL = (
    OutcomeKind.NOTHING_TO_DO,
    OutcomeKind.ROUTES_REPAIRED,
    OutcomeKind.SERVICES_RESTARTED,
    OutcomeKind.RESUMED,
    OutcomeKind.FAILED_OVER,
    OutcomeKind.MOVED,
    OutcomeKind.SWITCHED_OVER,
    OutcomeKind.REJOINED,
)


def run(workflow: Workflow, given: dict[str, Any], *, is_agreed: bool, is_json: bool) -> None:
    """Starts the workflow with an operator's input and watches it to its end.

    Raises UsageError if the caller did not agree, or the input is not one that the workflow takes. Exit code 1 if it
    ended with an outcome that calls for somebody.
    """
    found = deployed.load()
    given = {name: value for name, value in given.items() if value not in (None, False)}
    trigger = read_trigger(workflow, given, found.settings)
    if not is_agreed:
        _ask_before(workflow, trigger, found)
    follow(start(found.state_machine_arn(workflow), given), is_json=is_json)


def start(state_machine_arn: str, given: dict[str, Any]) -> str:
    """Starts an execution with an operator's input: its ARN."""
    started = client("stepfunctions").start_execution(stateMachineArn=state_machine_arn, input=json.dumps(given))
    return str(started["executionArn"])


def _ask_before(workflow: Workflow, trigger: Trigger, found: Installation) -> None:
    if not output.is_terminal():
        raise UsageError(tr("nobody-to-ask", workflow=workflow), tr("give-yes"))
    decision = assess(workflow, trigger, found)
    output.say(tr("comes-to", workflow=workflow, reason=said(decision.reason)), style="bold")
    if decision.next_step:
        output.say(said(decision.next_step))
    if trigger.accept_data_loss:
        name = found.settings.cluster_name
        output.say(tr("writes-may-be-lost"), style="bold red")
        is_meant = input(tr("type-the-name", name=name)).strip() == name
    else:
        is_meant = output.confirm(_question(workflow, decision), is_agreed=False)
    if not is_meant:
        raise UsageError(tr("nothing-started"), "")


def _question(workflow: Workflow, decision: Decision) -> str:
    away = {
        Verdict.SWITCH_OVER: "shall-move",
        Verdict.FAIL_OVER: "shall-fail-over",
        Verdict.RESTART_SERVICES: "shall-restart",
    }
    return tr(away.get(decision.verdict, "shall-start"), workflow=workflow)


def assess(workflow: Workflow, trigger: Trigger, found: Installation) -> Decision:
    """What the workflow would decide now: the controller's own evidence and judgement, by the caller's rights."""
    record = cluster_table.read_record(found.settings)
    evidence = gather_evidence(trigger, record, found.settings, datetime.now(UTC))
    match workflow:
        case "failover":
            return decide(evidence)
        case "switchback":
            return decide_switchback(evidence, trigger.node or found.settings.home.name)
        case "rejoin":
            return decide_rejoin(evidence, trigger)


def follow(arn: str, *, is_json: bool) -> None:
    """Tells each step as it begins and ends, until the execution has. Exit code 1 if it did not end well."""
    tell = _Teller(is_quiet=is_json)
    try:
        execution = _watch(arn, tell)
    except KeyboardInterrupt:
        output.warn("\n" + tr("stopped-watching", name=name_of(arn)))
        raise SystemExit(int(ExitCode.INTERRUPTED)) from None
    finally:
        tell.end()
    outcome = execution.outcome
    if is_json:
        output.print_json(
            {"execution": arn, "status": execution.status, "outcome": outcome.to_json() if outcome else None}
        )
    elif outcome is None:
        output.say(tr("no-outcome", status=execution.status), style="bold red")
        output.say(tr("no-outcome-next", name=execution.name))
    else:
        is_well = outcome.outcome in _WELL
        told = tr("outcome-is", outcome=outcome.outcome, reason=said(outcome.messages.reason))
        output.say(told, style="bold green" if is_well else "bold red")
        if outcome.outage_seconds is not None:
            output.say(tr("outage-was", seconds=outcome.outage_seconds))
        if outcome.snapshot_id is not None:
            output.say(tr("snapshot-is", snapshot=outcome.snapshot_id))
        output.say(tr("next-step", step=said(outcome.messages.next_step)))
    if outcome is None or outcome.outcome not in _WELL:
        raise SystemExit(int(ExitCode.NO))


def _watch(arn: str, tell: _Teller) -> Execution:
    while True:
        execution = read_execution(arn)
        if execution is not None:
            tell.steps(execution)
            if not execution.is_running:
                return execution
        time.sleep(POLL_SECONDS)


class _Teller:
    """One line for each step that has ended; at a terminal the one that runs is shown below, with its seconds."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_quiet = is_quiet
        self._told = 0
        self._is_live = sys.stdout.isatty() and not is_quiet

    def steps(self, execution: Execution) -> None:
        if self._is_quiet:
            return
        if not self._told and not execution.steps:
            return
        self._clear()
        for step in execution.steps[self._told :]:
            at = (step.started_at - execution.started_at).total_seconds()
            if step.ended_at is None:
                if self._is_live:
                    seconds = (datetime.now(UTC) - step.started_at).total_seconds()
                    print(f"  +{at:6.1f} s  {step.name:<20} {seconds:6.0f} s ...", end="", flush=True)
                return
            self._told += 1
            ended = f"  {step.error}: {step.cause}" if step.error else ""
            print(f"  +{at:6.1f} s  {step.name:<20} {step.seconds:6.1f} s{ended}", flush=True)

    def end(self) -> None:
        self._clear()

    def _clear(self) -> None:
        if self._is_live:
            print("\r\x1b[K", end="", flush=True)


# --- the operators' answer, and maintenance -----------------------------------------------------------------------


def confirm(*, is_yes: bool, is_agreed: bool, is_json: bool) -> None:
    """Answers the open question of a failover. Raises NotFoundError if none is open, UsageError without agreement."""
    found = deployed.load()
    asking = _open_question(found)
    if asking is None:
        raise NotFoundError(
            tr("no-question"),
            tr("no-question-next"),
        )
    decision = next((step.output for step in reversed(asking.steps) if step.name == "AssessCluster"), None)
    reason = _reason(decision) if isinstance(decision, dict) else tr("reason-in-notification")
    if not is_json:
        output.say(tr("asks", execution=asking.name, reason=reason), style="bold")
    question = tr("let-it-move" if is_yes else "let-nothing-be-done")
    if not output.confirm(question, is_agreed=is_agreed):
        raise UsageError(tr("nothing-answered"), tr("give-yes-unasked"))
    client("stepfunctions").send_task_success(taskToken=asking.task_token, output=YES if is_yes else NO)
    follow(asking.arn, is_json=is_json)


def _reason(assessed: dict[str, Any]) -> str:
    """Of the decision that is asked about, as its execution has it: a message as data, or a sentence of before."""
    return said(Message.from_json(assessed["decision"]["reason"]))


def _open_question(found: Installation) -> Execution | None:
    for one in list_executions(found.state_machine_arn("failover"), 20):
        if one.status == "RUNNING":
            execution = read_execution(one.arn)
            if execution is not None and execution.task_token is not None:
                return execution
    return None


def maintenance(minutes: int, reason: str, *, is_json: bool) -> None:
    """Switches it by the stack's own function, which tells everybody."""
    found = deployed.load()
    name = found.stack.outputs.get("SetMaintenanceFunctionName")
    if name is None:
        raise NotFoundError(tr("no-maintenance-function"), tr("deploy-anew"))
    request = {"minutes": minutes} | ({"reason": reason} if reason else {})
    answer = Maintenance.model_validate(functions.invoke(name, request))
    if is_json:
        output.print_json(answer.to_json())
    else:
        output.say(said(answer.message))
