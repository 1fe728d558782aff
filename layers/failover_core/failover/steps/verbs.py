"""How a step has a node do something: every way in which a verb can end, as a result or an error by name."""

import time
from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime

from failover.adapters import cluster_table, nodes, notifications
from failover.errors import Failed, NotYet, Recovering, Refused, StateUnknown
from failover.messages import Message
from failover.models import NodeStatus
from failover.notice import write
from failover.runtime import StepInput, logger
from failover.settings import Node, Settings

_WAIT_SECONDS = 45.0
"""How long one run of a step waits for its verbs. One that takes longer goes on; the retried step finds it done."""
_LEAST_WAIT_SECONDS = 10.0
"""For a later verb, however long the earlier ones took; together they stay below the functions' time limit."""


def wait_left(begun_at: float) -> float:
    """How long a step that began then, by `time.monotonic`, may still wait for a verb, in seconds."""
    return max(_LEAST_WAIT_SECONDS, _WAIT_SECONDS - (time.monotonic() - begun_at))


class PeerNotProvenError(Exception):
    """The node did nothing: it does not find its peer as the promotion's order says."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def obey(
    node: Node,
    verb: nodes.Verb,
    settings: Settings,
    *,
    execution: str,
    epoch: int,
    promotion: nodes.Promotion = nodes.PLAIN,
    timeout_seconds: float = _WAIT_SECONDS,
) -> NodeStatus:
    """The node's status after it did the verb.

    A node that has obeyed a higher epoch than the record's refuses; then the record goes on above it (NotYet): after
    the stack was deleted and deployed again the record is younger than its nodes.
    Raises NotYet if it did not answer or is busy with an earlier command, StateUnknown if it could not see what the
    verb goes by, Recovering if it began what takes its time, PeerNotProvenError, Refused if the script forbids it,
    Failed if it was tried in vain.
    """
    result = nodes.run_verb(node, verb, settings, timeout_seconds=timeout_seconds, epoch=epoch, promotion=promotion)
    if result is None:
        raise NotYet(Message("error.verb-silent", node=node.name, verb=verb, timeout_seconds=timeout_seconds))
    if result.code in ("busy", "expired"):
        raise NotYet(Message("error.verb-busy", node=node.name, verb=verb, words=result.message))
    if result.code == "unknown":
        raise StateUnknown(Message("error.verb-unknown", verb=verb, node=node.name, words=result.message))
    if result.code == "peer_not_proven":
        raise PeerNotProvenError(result.message)
    if result.code == "stale_epoch":
        _go_on_above(node, epoch, execution, settings)
    if result.result == "pending":
        raise Recovering(result.message)
    if result.result == "refused":
        raise Refused(Message("error.verb-refused", node=node.name, verb=verb, words=result.message))
    if result.result == "failed" or result.status is None:
        raise Failed(Message("error.verb-failed", verb=verb, node=node.name, words=result.message))
    return result.status


def _go_on_above(node: Node, epoch: int, execution: str, settings: Settings) -> None:
    result = nodes.run_verb(node, "status", settings, timeout_seconds=settings.answer_timeout_seconds)
    if result is None or result.status is None:
        raise NotYet(Message("error.higher-epoch", node=node.name, epoch=epoch))
    if result.status.epoch <= epoch:
        return
    cluster_table.raise_epoch(settings, execution, result.status.epoch)
    told = Message("error.epoch-goes-on", node=node.name, obeyed=result.status.epoch, epoch=epoch)
    logger.warning(told)
    raise NotYet(told)


class ServiceInput(StepInput):
    node: str
    started_at: AwareDatetime
    """When the workflow entered this state: the time limit of a recovery counts from here, through all retries."""


def bring_into_service(request: ServiceInput, verb: Literal["start", "restart"], settings: Settings) -> None:
    """The node serves after `start` or `restart`, which wait for a database only as long as one command may take.

    A database that recovers is begun once and asked about again: operators are told, once in an execution, when that
    takes longer than RecoveryNoticeSeconds. Raises as `obey` does, StateUnknown if the node could not see whether it
    serves, Failed if it does not or when RecoveryTimeoutSeconds are over, and LockLost.
    """
    status = _begin_or_ask(request, verb, settings)
    if status.is_serving is None:
        raise StateUnknown(Message(f"error.{verb}-but-unseen", node=request.node, parts=status.unseen_parts()))
    if not status.is_serving:
        raise Failed(Message(f"error.{verb}-but-failing", node=request.node, parts=status.failing_parts()))


def _begin_or_ask(request: ServiceInput, verb: nodes.Verb, settings: Settings) -> NodeStatus:
    node = settings.node(request.node)
    epoch = cluster_table.require_lock(settings, request.execution).epoch
    try:
        return obey(node, verb, settings, execution=request.execution, epoch=epoch)
    except Recovering as recovering:
        seconds = (datetime.now(UTC) - request.started_at).total_seconds()
        limit = settings.recovery_timeout_seconds
        if seconds >= limit:
            raise Failed(
                Message("error.recovery-too-long", seconds=seconds, limit=limit, recovering=recovering.said)
            ) from recovering
        if seconds >= settings.recovery_notice_seconds and cluster_table.claim_recovery_notice(
            settings, request.execution
        ):
            notifications.publish(
                settings,
                subject=f"[{settings.cluster_name}] Recovering: {node.name}",
                text=_recovery_text(recovering, seconds, request.execution, settings),
                attributes={"outcome": "Recovering", "attention": "needed"},
            )
        raise


def _recovery_text(recovering: Recovering, seconds: float, execution: str, settings: Settings) -> str:
    limit = settings.recovery_timeout_seconds
    return write(
        [
            recovering.said,
            "",
            Message("notice.recovering"),
            "",
            Message("notice.cluster", cluster=settings.cluster_name),
            Message("notice.so-far", seconds=seconds, limit=limit),
            Message("notice.execution", execution=execution),
        ],
        settings,
    )
