"""How a step has a node do something: every way in which a verb can end, as a result or an error by name."""

from failover.adapters import cluster_table, nodes
from failover.errors import Failed, NotYet, Refused, StateUnknown
from failover.models import NodeStatus
from failover.runtime import logger
from failover.settings import Node, Settings

_WAIT_SECONDS = 45.0
"""How long one run of a step waits for a verb. A verb that takes longer goes on; the retried step finds it done."""


def obey(
    node: Node, verb: nodes.Verb, settings: Settings, *, execution: str, epoch: int, accept_data_loss: bool = False
) -> NodeStatus:
    """The node's status after it did the verb.

    A node that has obeyed a higher epoch than the record's refuses; then the record goes on above it (NotYet): after
    the stack was deleted and deployed again the record is younger than its nodes.
    Raises NotYet if it did not answer or is busy with an earlier command, StateUnknown if it could not see what the
    verb goes by, Refused if the script forbids it, Failed if it was tried in vain.
    """
    result = nodes.run_verb(
        node, verb, settings, timeout_seconds=_WAIT_SECONDS, epoch=epoch, accept_data_loss=accept_data_loss
    )
    if result is None:
        raise NotYet(f"{node.name} did not answer `garoon-node {verb}` within {_WAIT_SECONDS:.0f} s.")
    if result.code in ("busy", "expired"):
        raise NotYet(f"{node.name} is not ready for `garoon-node {verb}`: {result.message}")
    if result.code == "unknown":
        raise StateUnknown(f"`garoon-node {verb}` on {node.name}: {result.message}")
    if result.code == "stale_epoch":
        _go_on_above(node, epoch, execution, settings)
    if result.result == "refused":
        raise Refused(f"{node.name} refused `garoon-node {verb}`: {result.message}")
    if result.result == "failed" or result.status is None:
        raise Failed(f"`garoon-node {verb}` failed on {node.name}: {result.message}")
    return result.status


def _go_on_above(node: Node, epoch: int, execution: str, settings: Settings) -> None:
    result = nodes.run_verb(node, "status", settings, timeout_seconds=settings.answer_timeout_seconds)
    if result is None or result.status is None:
        raise NotYet(f"{node.name} has obeyed a higher epoch than {epoch}, and does not say which.")
    if result.status.epoch <= epoch:
        return
    cluster_table.raise_epoch(settings, execution, result.status.epoch)
    told = f"{node.name} has obeyed epoch {result.status.epoch} already: the record, at {epoch}, goes on above it."
    logger.warning(told)
    raise NotYet(told)
