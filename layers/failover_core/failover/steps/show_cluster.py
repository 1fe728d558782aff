"""Show the cluster as a widget of a CloudWatch dashboard, as it is now. Changes nothing.

What a widget is called with and may answer: CloudWatch User Guide, "Details about custom widgets".
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from failover.adapters import history_table
from failover.adapters.execution_history import Execution, read_execution, workflow_of
from failover.asking import ask
from failover.execution_record import ExecutionRecord
from failover.messages import Message
from failover.models import Observed, OutcomeKind, Unknown
from failover.readiness import ReadinessEvidence, judge_readiness
from failover.settings import Settings
from failover.status import AtWork, judge
from failover.steps.check_readiness import gather_readiness
from failover.widget import render_widget
from failover.widget_context import WidgetContext

OUTCOMES_SHOWN = 10
_LOOKED_THROUGH = 20
"""Newest executions: some were Skipped, because another one had the lock, and tell nothing."""

DOCUMENTATION = """## Garoon failover

Both database servers with the state of each resource, the virtual IP's routes, the load balancer's targets, what is at
work, what a failover would miss and what to do about it, and the last outcomes. It takes no parameters and changes
nothing; its buttons call another function. It speaks Japanese where the console does.
"""

ALLOWED = Message("allowed.show-cluster")


class WidgetRequest(Observed):
    """What the dashboard calls the function with."""

    describe: bool = False
    """It is asked what it is, and is to do nothing else."""
    widget_context: WidgetContext = WidgetContext()


def show_cluster(request: WidgetRequest, settings: Settings) -> str:
    """The widget's HTML, or its documentation in Markdown. A source that fails is shown as unknown."""
    if request.describe:
        return DOCUMENTATION
    with ThreadPoolExecutor(max_workers=1) as pool:
        outcomes = pool.submit(read_outcomes, settings)
        evidence, at_work = look(settings)
    status = judge(evidence, judge_readiness(evidence), at_work)
    context = request.widget_context
    return render_widget(status, outcomes.result(), context.words, context.zone, settings.function_arn("operate"))


def look(settings: Settings) -> tuple[ReadinessEvidence, AtWork | None]:
    """Asks everybody once. The functions' rehearsal is left out: only check_readiness may call them."""
    evidence = gather_readiness(settings, datetime.now(UTC))
    return evidence, read_at_work(evidence)


def read_at_work(evidence: ReadinessEvidence) -> AtWork | None:
    """None if nobody holds the lock as far as is known, or its holder has ended."""
    record = evidence.record
    if isinstance(record, Unknown) or record.lock_owner is None:
        return None
    read = ask(read_execution, record.lock_owner)
    execution = read if isinstance(read, Execution) else None
    if execution is not None and not execution.is_running:
        return None
    return AtWork(
        execution=record.lock_owner,
        workflow=workflow_of(record.lock_owner),
        step=execution.step if execution else None,
        started_at=execution.started_at if execution else None,
        is_asking=execution is not None and execution.task_token is not None,
    )


def read_outcomes(settings: Settings) -> list[ExecutionRecord] | Unknown:
    """How the last executions ended, the newest first; Unknown if that could not be read."""
    newest = ask(history_table.read_newest, settings, _LOOKED_THROUGH)
    if isinstance(newest, Unknown):
        return newest
    return [one for one in newest if one.came_to != OutcomeKind.SKIPPED][:OUTCOMES_SHOWN]
