"""When silence counts: the pure rule by which an answer that has not come yet is taken for none.

A node that says nothing may be dead, or Run Command is slow. The other node tells the two apart: it is asked the same
question at the same moment, over the same service. It is the control, as one calls it in an experiment.
"""

from failover.models import Value

TIMES_AS_LONG = 3
LEAST_SECONDS = 3.0


class Control(Value):
    """What the standby has said so far."""

    answered_after_seconds: float | None = None
    """How long it took over the question that both were asked; None: it has not answered, or without sense."""
    sees_active: bool | None = None
    """Whether its probe saw anything of the active node, on a path or of a service; None: that is unknown."""


def patience_seconds(control: Control, limit_seconds: float) -> float:
    """How long the active node's answer is waited for, from when both were asked, before it counts as none.

    The whole limit, but where the standby has answered and sees nothing of the active node: then three times as long as
    the standby took, and 3 s at least.
    """
    if control.answered_after_seconds is None or control.sees_active is not False:
        return limit_seconds
    return min(limit_seconds, max(TIMES_AS_LONG * control.answered_after_seconds, LEAST_SECONDS))
