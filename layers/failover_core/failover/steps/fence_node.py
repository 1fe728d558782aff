"""Make sure that the failed node can neither serve nor write what anybody reads, and know it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

from pydantic import AwareDatetime

from failover.adapters import cluster_table, instances, isolation
from failover.errors import CloudUnavailable, Failed, NotYet, as_sentence
from failover.messages import Message
from failover.models import Fenced, InstanceState, Value
from failover.proof import NotProven, Proof, Proven
from failover.rehearsal import try_orders
from failover.runtime import StepInput, logger
from failover.settings import FenceMethod, Node, Settings
from failover.steps.proofs import prove_off, prove_shut

_WATCH_SECONDS = 20.0
"""How long one run of the step waits for a proof before the workflow retries it."""

_PAUSE_SECONDS = 1.0


class FenceNodeInput(StepInput):
    node: str
    started_at: AwareDatetime
    """When the workflow entered this state: the fence's time limit counts from here, through all retries."""


def fence_node(request: FenceNodeInput, settings: Settings) -> Fenced:
    """The first proof to come: AWS says that the node is cut off, or that it is `stopped` or `terminated`.

    That its peer sees nothing of a node that is cut off is the other half of that proof, and its peer's to find, right
    before it is promoted.
    With FenceMethod StopInstance, and where the node cannot be isolated, only the second. Isolation and stop are begun
    beside each other; neither waits for the other, and the trouble of one does not keep the other back.
    Raises NotYet while there is no proof, Failed when FenceTimeoutSeconds are over, LockLost.
    """
    node = settings.node(request.node)
    record = cluster_table.require_lock(settings, request.execution)
    off = _look(lambda: prove_off(node, record, settings))
    if isinstance(off, Proven):
        return _fenced_by_stop(node, request.execution, settings, off)
    with ThreadPoolExecutor() as pool:
        stopping = pool.submit(_begin, lambda: instances.stop_now(node))
        isolating = pool.submit(_begin, lambda: _isolate(node, request.execution, settings))
    stop, isolation_ = stopping.result(), isolating.result()
    watched_until = time.monotonic() + _WATCH_SECONDS
    while isinstance(off := _look(lambda: prove_off(node, record, settings)), NotProven):
        cut_off = (
            NotProven(why=isolation_.why)
            if isinstance(isolation_, _NotBegun)
            else _look(lambda: prove_shut(node, settings))
        )
        if isinstance(cut_off, Proven):
            return Fenced(node=node.name, proof=cut_off.how, is_off=False)
        why_not_fenced = (
            Message("proof.not-fenced-nor-stopped", off=off.why, stop=stop.why, cut_off=cut_off.why)
            if isinstance(stop, _NotBegun)
            else Message("proof.not-fenced", off=off.why, cut_off=cut_off.why)
        )
        seconds = (datetime.now(UTC) - request.started_at).total_seconds()
        if seconds >= settings.fence_timeout_seconds:
            raise Failed(
                Message("error.not-fenced-in-time", seconds=seconds, node=node.name, why_not_fenced=why_not_fenced)
            )
        is_hopeless = isinstance(stop, _NotBegun) and isinstance(isolation_, _NotBegun)
        if time.monotonic() >= watched_until and is_hopeless and _is_forgotten(node):
            raise Failed(Message("error.cannot-be-fenced", node=node.name, why_not_fenced=why_not_fenced))
        if time.monotonic() >= watched_until:
            raise NotYet(Message("error.not-fenced-yet", node=node.name, why_not_fenced=why_not_fenced))
        time.sleep(_PAUSE_SECONDS)
    is_isolation_wanted = settings.fence_method is FenceMethod.ISOLATE_AND_STOP
    why_not_isolated = isolation_.why if is_isolation_wanted and isinstance(isolation_, _NotBegun) else ""
    return _fenced_by_stop(node, request.execution, settings, off, why_not_isolated)


class _Begun(Value):
    """AWS took the order. That it has come true is another matter."""


class _NotBegun(Value):
    """The order was not given, or AWS did not take it."""

    why: Message


def _begin(act: Callable[[], None]) -> _Begun | _NotBegun:
    try:
        act()
    except (CloudUnavailable, Failed, NotYet) as error:
        logger.warning(str(error))
        return _NotBegun(why=error.said)
    return _Begun()


def _look(prove: Callable[[], Proof]) -> Proof:
    """What is proven. A look that failed proves nothing."""
    try:
        return prove()
    except (CloudUnavailable, Failed, NotYet) as error:
        logger.warning(str(error))
        return NotProven(why=error.said)


def _isolate(node: Node, execution: str, settings: Settings) -> None:
    """Begins to cut the node off. What its subnets had is on record before it is changed.

    Raises Failed, before anything is changed, if the node must not be cut off.
    """
    if settings.fence_method is not FenceMethod.ISOLATE_AND_STOP:
        raise Failed(Message("error.fence-method", fence_method=settings.fence_method))
    alone = isolation.prove_alone(node)
    if isinstance(alone, NotProven):
        raise Failed(as_sentence(alone.why))
    acls = isolation.read_acls(node)
    # A subnet that an earlier run isolated has nothing to tell any more: what it had stays as recorded.
    originals = {acl.subnet_id: acl.acl_id for acl in acls if acl.acl_id != settings.isolation_acl_id}
    cluster_table.record_fence(settings, execution, node.name, is_off_proven=False, acls=originals)
    isolation.isolate(acls, settings)


def _is_forgotten(node: Node) -> bool:
    """Where EC2 takes no order for it either, waiting does not help: there is nothing to be stopped or cut off."""
    try:
        return instances.read_instance(node)[0] is InstanceState.FORGOTTEN
    except (CloudUnavailable, Failed):
        return False


def _fenced_by_stop(node: Node, execution: str, settings: Settings, off: Proven, why_not_isolated: str = "") -> Fenced:
    cluster_table.record_fence(settings, execution, node.name, is_off_proven=True)
    return Fenced(node=node.name, proof=off.how, is_off=True, why_not_isolated=why_not_isolated)


def rehearse_fence_node(settings: Settings) -> list[str]:
    """Why AWS would not take what the step orders, of either node. Changes nothing."""
    orders: list[Callable[[], object]] = [partial(cluster_table.read_record, settings)]
    for node in settings.nodes:
        orders.append(partial(instances.stop_now, node))
        if settings.fence_method is FenceMethod.ISOLATE_AND_STOP:
            orders.append(partial(_isolate_subnets, node, settings))
    return try_orders(orders)


def _isolate_subnets(node: Node, settings: Settings) -> None:
    isolation.isolate(isolation.read_acls(node), settings)
