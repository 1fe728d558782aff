"""Make sure that the failed node can neither serve nor write, and know it."""

import time
from datetime import UTC, datetime

from pydantic import AwareDatetime

from failover.adapters import cluster_table, instances
from failover.errors import Failed, NotYet
from failover.models import Fence, InstanceState, Value
from failover.runtime import StepInput
from failover.settings import Node, Settings

_WATCH_SECONDS = 20.0
"""How long one run of the step watches the instance before the workflow retries it."""

_PAUSE_SECONDS = 1.0


class FenceNodeInput(StepInput):
    node: str
    started_at: AwareDatetime
    """When the workflow entered this state: the fence's time limit counts from here, through all retries."""


class Fenced(Value):
    node: str
    proof: str


def fence_node(request: FenceNodeInput, settings: Settings) -> Fenced:
    """The proof that the node is fenced: EC2 says `stopped` or `terminated`.

    Raises NotYet while EC2 is still stopping it, Failed when FenceTimeoutSeconds are over, LockLost.
    """
    node = settings.node(request.node)
    cluster_table.require_lock(settings, request.execution)
    if instances.read_instance(node)[0] is not InstanceState.OFF:
        instances.stop_now(node)
        _wait_until_off(node, request.started_at, settings)
    fence = Fence(node=node.name, execution=request.execution, is_off_proven=True)
    cluster_table.record_fence(settings, request.execution, fence)
    return Fenced(node=node.name, proof=f"EC2 says that the instance {node.instance_id} is stopped")


def _wait_until_off(node: Node, started_at: datetime, settings: Settings) -> None:
    watched_until = time.monotonic() + _WATCH_SECONDS
    while (state := instances.read_instance(node)[0]) is not InstanceState.OFF:
        seconds = (datetime.now(UTC) - started_at).total_seconds()
        if seconds >= settings.fence_timeout_seconds:
            raise Failed(
                f"The instance {node.instance_id} of {node.name} is still not stopped after {seconds:.0f} s (EC2 says "
                f"that it is {state}), so it is not proven that {node.name} cannot write any more."
            )
        if time.monotonic() >= watched_until:
            raise NotYet(f"EC2 is still stopping {node.name}.")
        time.sleep(_PAUSE_SECONDS)
