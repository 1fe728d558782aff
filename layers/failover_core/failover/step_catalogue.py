"""Every step of the workflows, once: what it is, what it may change, how it is tried again, what its failure means.

The workflows' definitions are made from it (statemachines/generate_workflows.py), the operator's next step after a
failure, the rehearsal, and what tests and testbed know of steps. The order of the steps, with the ways between them,
stands in statemachines/src. Plain tuples: some functions load this module while users wait.
"""

from typing import NamedTuple

from failover.messages import Message
from failover.models import OutcomeKind


class Retry(NamedTuple):
    """How often a step is called again that ended with one of these errors of its own."""

    errors: tuple[str, ...]
    every_seconds: int
    times: int
    growth: float = 1.0
    """Each pause is so many times the one before,"""
    longest_seconds: int | None = None
    """up to this."""


def waits(every_seconds: int, times: int) -> Retry:
    """A step that waits for something ends with NotYet until it is there."""
    return Retry(("NotYet",), every_seconds, times)


def asks_again(every_seconds: int, times: int) -> Retry:
    """A step that orders a node may also end with StateUnknown: the node could not see how it is."""
    return Retry(("NotYet", "StateUnknown"), every_seconds, times)


_LACKS_PROOF = Retry(("NotFenced",), 2, 8)
"""Each call looks for half a minute, beside a stop that is under way."""

_RECOVERS = Retry(("Recovering",), 2, 2000)
"""A database that recovers is waited for as long as the step's own clock allows; counted apart from other waits."""


LOOK_AT_THE_EXECUTION = Message("step.LookAtTheExecution")


class Step(NamedTuple):
    """One Task state."""

    state: str
    """Its name in the workflows, the history and the outcome."""
    function: str
    """What it calls: its folder in functions/, its module in steps/, and in CamelCase its resource in template.yaml."""
    what: str
    """Its comment in the console, where the flow has none of its own."""
    next_step: Message = LOOK_AT_THE_EXECUTION
    """What an operator is told to do when it fails."""
    failed_as: OutcomeKind = OutcomeKind.FAILED
    """How an execution ends that it fails in."""
    retries: tuple[Retry, ...] = ()
    """For errors of its own; those of Lambda and AWS are tried again alike for every step."""
    timeout_seconds: int | None = 75
    """For one call; longer than a function may run, so that the function says what is wrong. None: the flow says it."""
    changes: bool = False
    """It changes something outside the cluster record, so it looks first whether its execution owns the lock."""
    moves_role: bool = False
    """It takes the role from one node or gives it to another: not without a verdict."""
    begins_epoch: bool = False
    """It raises the epoch: nodes refuse what was ordered before."""
    phase: str | None = None
    """Its column where the seconds of a recovery are told."""
    is_question: bool = False
    """An operator's answer ends it, not its function."""

    @property
    def orders_node(self) -> bool:
        """It has a node do something, and the node may not see how that went."""
        return any("StateUnknown" in retry.errors for retry in self.retries)


STEPS = (
    Step(
        "AcquireLock", "acquire_lock",
        "Refuses an input that cannot be understood, then makes this execution the only one that changes the cluster.",
    ),
    Step(
        "AssessCluster", "assess_cluster", phase="assess", retries=(waits(1, 14),),
        what="Asks everybody who knows something about the cluster and decides; looks again for a bounded time while "
        "the evidence is not enough.",
        next_step=Message("step.AssessCluster"),
    ),
    Step(
        "RequestConfirmation", "request_confirmation", is_question=True, timeout_seconds=None,
        what="Asks an operator and waits for the answer, or for the time to be over; then the cluster is looked at "
        "afresh, whatever came.",
        next_step=Message("step.RequestConfirmation"),
    ),
    Step(
        "RestartServices", "restart_services", changes=True, phase="restart", retries=(asks_again(2, 6), _RECOVERS),
        what="Brings the whole hierarchy into service again on the active node, whatever part of it is down.",
        next_step=Message("step.RestartServices"),
    ),
    Step(
        "KeepData", "keep_data", changes=True, retries=(waits(5, 400),),
        what="Keeps what the node holds in an EBS snapshot, before anything of it may be overwritten.",
        next_step=Message("step.KeepData"),
    ),
    Step(
        "RejoinNode", "rejoin_node", changes=True, retries=(asks_again(5, 500),),
        what="Lets the node follow the active one and waits until it is up to date.",
        next_step=Message("step.RejoinNode"),
    ),
    Step(
        "DemoteNode", "demote_node", changes=True, moves_role=True, begins_epoch=True, phase="demote",
        retries=(asks_again(2, 2),),
        what="Takes the active node, which answers, out of service.",
        next_step=Message("step.DemoteNode"),
    ),
    Step(
        "FenceNode", "fence_node", changes=True, moves_role=True, phase="fence", retries=(waits(1, 100),),
        what="Has the active node cut off and stopped, and waits until AWS says one of both: no proof, no promotion.",
        next_step=Message("step.FenceNode"),
        failed_as=OutcomeKind.HALTED,
    ),
    Step(
        "PromoteReplica", "promote_replica", changes=True, moves_role=True, begins_epoch=True, phase="promote",
        retries=(asks_again(2, 6), _LACKS_PROOF),
        what="Makes sure that the other node cannot write, then promotes this one, which looks at it once more itself; "
        "begins what users reach there, and records it as active.",
        next_step=Message("step.PromoteReplica"),
    ),
    Step(
        "DemoteTarget", "demote_node", changes=True, begins_epoch=True, retries=(asks_again(2, 6),),
        what="Proves that the standby, whose promotion failed, is demoted.",
        next_step=Message("step.DemoteTarget"),
    ),
    Step(
        "FenceTarget", "fence_node", changes=True, retries=(waits(1, 100),),
        what="Cuts the standby off and waits for the proof, so that the old active node can have the role back.",
        next_step=Message("step.FenceTarget"),
    ),
    Step(
        "StartNode", "start_node", changes=True, retries=(waits(5, 60),),
        what="Brings the node's machine back, if it is stopped; it boots demoted and out of touch.",
        next_step=Message("step.StartNode"),
    ),
    Step(
        "SwapRouteAhead", "swap_route", changes=True, phase="route",
        retries=(Retry(("NotYet",), 1, 0),),  # what EC2 does not show yet holds up no service
        what="Points the virtual IP's routes to the promoted node while its database starts, so that clients reach "
        "it at once. SwapRoute makes sure of it afterwards; if this fails, nothing is lost but seconds.",
    ),
    Step(
        "StartServices", "start_services", changes=True, phase="startServices",
        retries=(asks_again(2, 10), _RECOVERS),
        what="Waits until what the promotion began serves: the database, the NFS exports, the virtual IP. Starts "
        "Garoon's other services.",
        next_step=Message("step.StartServices"),
    ),
    Step(
        "SwapRoute", "swap_route", changes=True, phase="route", retries=(waits(1, 60),),
        what="Points the virtual IP's entry of every configured route table to the active node's eth0.",
        next_step=Message("step.SwapRoute"),
    ),
    Step(
        "CheckTargets", "check_targets", phase="targets", retries=(waits(3, 60),),
        what="Waits until enough targets of the load balancer are healthy.",
        next_step=Message("step.CheckTargets"),
    ),
    Step(
        "ConfirmStop", "confirm_stop", changes=True, retries=(waits(1, 100),),
        what="Waits, for a bounded time, until the isolated node's instance is stopped. If it is not, the outcome says "
        "so.",
    ),
    Step("RecordOutcome", "record_outcome", "Records how it ended, gives the lock back, tells the operators."),
)  # fmt: skip

BY_STATE = {step.state: step for step in STEPS}
