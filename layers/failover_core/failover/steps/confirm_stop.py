"""Wait for the stop that the fence began, once the users are served again."""

import time
from datetime import UTC, datetime
from functools import partial

from pydantic import AwareDatetime

from failover.adapters import cluster_table, instances
from failover.errors import NotYet
from failover.messages import Message
from failover.models import Fenced, InstanceState
from failover.rehearsal import try_orders
from failover.runtime import StepInput
from failover.settings import Settings

_WATCH_SECONDS = 20.0
"""How long one run of the step watches the instance before the workflow retries it."""

_PAUSE_SECONDS = 1.0


class ConfirmStopInput(StepInput):
    fenced: Fenced
    started_at: AwareDatetime
    """When the workflow entered this state: FenceTimeoutSeconds count from here, through all retries."""


def confirm_stop(request: ConfirmStopInput, settings: Settings) -> Fenced:
    """The fence, with `is_off` as EC2 says it is, recorded. A stop that does not come in time is a result, no error.

    A stop that could not be asked for while the node was fenced is asked for now.
    Raises NotYet while EC2 is still stopping it, and LockLost.
    """
    node = settings.node(request.fenced.node)
    cluster_table.require_lock(settings, request.execution)
    watched_until = time.monotonic() + _WATCH_SECONDS
    while not (state := instances.read_instance(node)[0]).is_off:
        if (datetime.now(UTC) - request.started_at).total_seconds() >= settings.fence_timeout_seconds:
            return request.fenced
        if time.monotonic() >= watched_until:
            raise NotYet(Message("error.still-stopping", node=node.name))
        if state is InstanceState.ON:
            instances.stop_now(node)
        time.sleep(_PAUSE_SECONDS)
    cluster_table.record_fence(settings, request.execution, node.name, is_off_proven=True)
    return request.fenced.model_copy(update={"is_off": True})


def rehearse_confirm_stop(settings: Settings) -> list[str]:
    """Why AWS would not take what the step orders. Changes nothing."""
    return try_orders(
        [partial(cluster_table.read_record, settings), *(partial(instances.stop_now, node) for node in settings.nodes)]
    )
