"""Refuse what cannot be understood, then make this execution the only one that changes the cluster."""

from datetime import UTC, datetime
from typing import Any

from failover.adapters import cluster_table, executions, instances
from failover.errors import InvalidInput
from failover.messages import Message
from failover.models import InstanceState, Lock, Workflow
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
    An operator's word that an instance is gone is put on record, if EC2 knows it no more.
    """
    trigger = read_trigger(request.workflow, request.input, settings)
    if trigger.peer_is_gone:
        _require_gone(trigger.peer_is_gone, settings)
    owner = cluster_table.read_record(settings).lock_owner
    stale_owner = owner if owner and owner != request.execution and executions.has_ended(owner) else None
    cluster_table.acquire_lock(settings, request.execution, datetime.now(UTC), stale_owner)
    if trigger.peer_is_gone:
        cluster_table.record_gone(settings, trigger.peer_is_gone)
    record = cluster_table.read_record(settings)
    return Lock(trigger=trigger, record=record, standby=settings.peer_of(record.active).name)


def _require_gone(instance_id: str, settings: Settings) -> None:
    node = settings.node_of_instance(instance_id)
    state = InstanceState.UNKNOWN if node is None else instances.read_instance(node)[0]
    if state not in (InstanceState.GONE, InstanceState.FORGOTTEN):
        raise InvalidInput(Message("error.not-gone", instance_id=instance_id, state=state.words))
