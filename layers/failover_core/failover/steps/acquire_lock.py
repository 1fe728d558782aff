"""Refuse what cannot be understood, then make this execution the only one that changes the cluster."""

from datetime import UTC, datetime
from typing import Any

from failover.adapters import cluster_table, executions
from failover.models import Lock, Workflow
from failover.runtime import StepInput
from failover.settings import Settings
from failover.triggers import read_trigger


class AcquireLockInput(StepInput):
    workflow: Workflow
    input: Any
    """The execution's own input, as it came."""


def acquire_lock(request: AcquireLockInput, settings: Settings) -> Lock:
    """The trigger, and the cluster as the record has it, with the lock in this execution's hands.

    Raises InvalidInput before anything is changed, and LockHeld if another execution is at work. The lock of an
    execution that has ended without giving it back (stopped in the console, timed out) is taken over.
    """
    trigger = read_trigger(request.workflow, request.input, settings)
    owner = cluster_table.read_record(settings).lock_owner
    stale_owner = owner if owner and owner != request.execution and executions.has_ended(owner) else None
    cluster_table.acquire_lock(settings, request.execution, datetime.now(UTC), stale_owner)
    record = cluster_table.read_record(settings)
    return Lock(trigger=trigger, record=record, standby=settings.peer_of(record.active).name)
