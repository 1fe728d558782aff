"""Make sure that the failed node can neither serve nor write what anybody reads, and know it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from pydantic import AwareDatetime

from failover.adapters import cluster_table, instances, isolation
from failover.errors import CloudUnavailable, Failed, NotYet
from failover.models import ClusterRecord, Fenced, InstanceState
from failover.runtime import StepInput, logger
from failover.settings import FenceMethod, Node, Settings
from failover.steps.proofs import why_not_cut_off, why_not_off

_WATCH_SECONDS = 20.0
"""How long one run of the step waits for a proof before the workflow retries it."""

_PAUSE_SECONDS = 1.0


class FenceNodeInput(StepInput):
    node: str
    started_at: AwareDatetime
    """When the workflow entered this state: the fence's time limit counts from here, through all retries."""


def fence_node(request: FenceNodeInput, settings: Settings) -> Fenced:
    """The first proof to come that the node is fenced: it is cut off, or EC2 says `stopped` or `terminated`.

    With FenceMethod StopInstance, and where the node cannot be isolated, only the second. Isolation and stop are begun
    beside each other; neither waits for the other, and the trouble of one does not keep the other back.
    Raises NotYet while there is no proof, Failed when FenceTimeoutSeconds are over, LockLost.
    """
    node = settings.node(request.node)
    record = cluster_table.require_lock(settings, request.execution)
    if not _why_not_off(node, record, settings):
        return _fenced_by_stop(node, request.execution, settings, why_not_isolated="")
    with ThreadPoolExecutor() as pool:
        stopping = pool.submit(_trouble_of, lambda: instances.stop_now(node))
        isolating = pool.submit(_trouble_of, lambda: _isolate(node, request.execution, settings))
    why_not_stopped, why_not_isolated = stopping.result(), isolating.result()
    watched_until = time.monotonic() + _WATCH_SECONDS
    while why_not_off := _why_not_off(node, record, settings):
        lack = why_not_isolated or _trouble_of(lambda: why_not_cut_off(node, settings))
        if not lack:
            proof = f"{node.name} is isolated, and {settings.peer_of(node.name).name} sees nothing of it"
            return Fenced(node=node.name, proof=proof, is_off=False)
        why_not_fenced = (
            f"{why_not_off}{f' ({why_not_stopped})' if why_not_stopped else ''}, and it is not cut off: {lack}"
        )
        seconds = (datetime.now(UTC) - request.started_at).total_seconds()
        if seconds >= settings.fence_timeout_seconds:
            raise Failed(f"After {seconds:.0f} s {node.name} is still not proven to be fenced: {why_not_fenced}.")
        is_hopeless = why_not_stopped and why_not_isolated
        if time.monotonic() >= watched_until and is_hopeless and _is_forgotten(node):
            raise Failed(f"{node.name} cannot be proven to be fenced: {why_not_fenced}.")
        if time.monotonic() >= watched_until:
            raise NotYet(f"{node.name} is not proven to be fenced yet: {why_not_fenced}.")
        time.sleep(_PAUSE_SECONDS)
    is_isolation_wanted = settings.fence_method is FenceMethod.ISOLATE_AND_STOP
    return _fenced_by_stop(node, request.execution, settings, why_not_isolated if is_isolation_wanted else "")


def _isolate(node: Node, execution: str, settings: Settings) -> str:
    """Begins to cut the node off; why it must not be, if so. What the subnets had is on record before it is changed."""
    if settings.fence_method is not FenceMethod.ISOLATE_AND_STOP:
        return f"FenceMethod is {settings.fence_method}"
    why_not_alone = isolation.why_not_alone(node)
    if why_not_alone:
        return why_not_alone
    acls = isolation.read_acls(node)
    # A subnet that an earlier run isolated has nothing to tell any more: what it had stays as recorded.
    originals = {acl.subnet_id: acl.acl_id for acl in acls if acl.acl_id != settings.isolation_acl_id}
    cluster_table.record_fence(settings, execution, node.name, is_off_proven=False, acls=originals)
    isolation.isolate(acls, settings)
    return ""


def _why_not_off(node: Node, record: ClusterRecord, settings: Settings) -> str:
    try:
        return why_not_off(node, record, settings)
    except (CloudUnavailable, Failed) as error:
        logger.warning(f"It is not known what state {node.name} is in: {error}")
        return f"it is not known what state {node.instance_id} is in"


def _is_forgotten(node: Node) -> bool:
    """Where EC2 takes no order for it either, waiting does not help: there is nothing to be stopped or cut off."""
    try:
        return instances.read_instance(node)[0] is InstanceState.FORGOTTEN
    except (CloudUnavailable, Failed):
        return False


def _trouble_of(act: Callable[[], str | None]) -> str:
    """What the act says is in its way, or AWS does: a sentence without its full stop; empty if nothing is."""
    try:
        return act() or ""
    except (CloudUnavailable, Failed, NotYet) as error:
        logger.warning(str(error))
        return str(error).rstrip(".")


def _fenced_by_stop(node: Node, execution: str, settings: Settings, why_not_isolated: str) -> Fenced:
    cluster_table.record_fence(settings, execution, node.name, is_off_proven=True)
    return Fenced(
        node=node.name,
        proof=f"EC2 says that the instance {node.instance_id} is stopped",
        is_off=True,
        why_not_isolated=why_not_isolated,
    )
