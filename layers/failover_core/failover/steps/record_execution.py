"""Keep a record of each execution that has ended, longer than Step Functions remembers it."""

from datetime import UTC, datetime, timedelta

from failover.adapters import cluster_table, execution_history, history_table
from failover.adapters.execution_history import WORKFLOWS, Execution
from failover.errors import CloudUnavailable, FailoverError
from failover.execution_record import make_record
from failover.messages import Message
from failover.models import Observed, Outcome, Value
from failover.runtime import logger
from failover.settings import Settings
from failover.steps.record_abort import outcome_of_abort

_LOOKED_THROUGH = 1000
"""Newest executions of each workflow among which some may be missing on record."""
_AT_MOST = 100
"""Records that one look makes up for; the next look goes on."""


class _EndedDetail(Observed):
    execution_arn: str | None = None


class RecordExecutionEvent(Observed):
    """Step Functions Execution Status Change (Step Functions Developer Guide, "EventBridge events"), or the schedule's
    event, in which nothing is of interest."""

    detail: _EndedDetail = _EndedDetail()


class ExecutionsRecorded(Value):
    executions: list[str]
    """The ARNs of those of which there is a record now, and was none known before."""


def record_execution(event: RecordExecutionEvent, settings: Settings) -> ExecutionsRecorded:
    """The execution that ended is on record; by schedule, those whose event never came.

    It is no step of a failover, and no failover waits for it. What it could not do it raises: Lambda runs it again
    (Lambda Developer Guide, "Asynchronous invocation"), and the schedule's look makes up for it.
    """
    ended = event.detail.execution_arn
    arns = _missing(settings) if ended is None else [ended]
    for arn in arns:
        _record(arn, settings)
    return ExecutionsRecorded(executions=arns)


def _missing(settings: Settings) -> list[str]:
    listed = [
        one
        for workflow in WORKFLOWS
        for one in execution_history.list_executions(settings.state_machine_arn(workflow), _LOOKED_THROUGH)
        if one.status != "RUNNING" and one.started_at > datetime.now(UTC) - timedelta(days=settings.history_days)
    ]
    if not listed:
        return []
    kept = history_table.read_kept(settings, min(one.started_at for one in listed))
    return [one.arn for one in listed if one.arn not in kept][:_AT_MOST]


def _record(arn: str, settings: Settings) -> None:
    execution = execution_history.read_execution(arn)
    if execution is None or execution.ended_at is None:  # descriptions are eventually consistent (API Reference)
        raise CloudUnavailable(Message("error.end-not-said-yet", execution=arn))
    outcome = execution.outcome or _told_in_its_place(execution, settings)
    history_table.keep(settings, make_record(execution, outcome))


def _told_in_its_place(execution: Execution, settings: Settings) -> Outcome:
    """In the words of record_abort, which told the operators."""
    try:
        record = cluster_table.read_record(settings)
    except FailoverError as error:
        logger.warning(str(error))
        record = None
    return outcome_of_abort(
        execution.arn, execution.status, execution.started_at, record, error=execution.error, cause=execution.cause
    )
