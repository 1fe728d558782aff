"""Where explorations begin, and what may go wrong in them: small enough to visit every state.

Two executions with one fault, and one execution with two, each from every kind of trouble: so the trouble that called
for action, and what goes wrong while it is acted upon, are two or three faults together.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from testbed.model.code import Code
from testbed.model.system import Execution, State, Switches, System
from testbed.model.workflow import Workflow, read_definition
from testbed.model.world import NAMES, Command, World

ALARM = json.dumps(
    {
        "detail-type": "CloudWatch Alarm State Change",
        "detail": {"alarmName": f"garoon-{NAMES[0]}-heartbeat-lost", "state": {"value": "ALARM"}},
    }
)
OPERATOR = "{}"
_HEALTHY = World()
TROUBLES = {
    "nothing": _HEALTHY,
    "isolated": _HEALTHY.with_node(0, is_reached=False),
    "off": _HEALTHY.with_node(0, power="stopped"),
    "service": _HEALTHY.with_node(0, is_serving=False),
    "rebooted": _HEALTHY.with_node(0, **_HEALTHY.nodes[0].booted()._asdict()),
    "came-back-alone": _HEALTHY.with_node(0, **_HEALTHY.nodes[0].booted()._asdict()).with_node(1, is_reached=False),
    "left-behind": _HEALTHY._replace(is_link_up=False).settled().with_node(0, power="stopped"),
    "late-promotion": _HEALTHY.with_node(0, **_HEALTHY.nodes[0].booted()._replace(epoch=1)._asdict())._replace(
        is_link_up=False, late=(Command(1, "promote", 1, accepts_data_loss=False),)
    ),
}
ITEMS = {
    "late-promotion": {
        "active": {"S": NAMES[0]}, "epoch": {"N": "1"}, "movingTo": {"S": NAMES[1]}, "movedBy": {"S": "an aborted one"},
    },
}  # fmt: skip
"""What the cluster table holds in the beginning; nothing where nothing ever ran."""
_EVERY_FAULT = ("nodes", "attempts", "executions", "commands")


@dataclass(frozen=True)
class Scope:
    """One exploration."""

    trouble: str
    executions: int
    faults: int
    kinds: tuple[str, ...] = _EVERY_FAULT
    fence_method: str = "IsolateAndStop"

    @property
    def name(self) -> str:
        faults = f"{self.faults} faults of {', '.join(self.kinds)}"
        return f"{self.trouble}, {self.executions} executions, {faults}, {self.fence_method}"

    @property
    def start(self) -> State:
        executions = (Execution(),) * self.executions
        item = json.dumps(ITEMS.get(self.trouble, {}), sort_keys=True)
        return State(world=TROUBLES[self.trouble], item=item, executions=executions, faults_left=self.faults)


_FRESH = ("isolated", "off", "service", "rebooted", "left-behind")
SCOPES = (
    Scope("nothing", 2, 1),
    Scope("isolated", 2, 1, ("executions",)),
    *(Scope(trouble, 2, 1, ("attempts", "executions", "commands")) for trouble in _FRESH if trouble != "isolated"),
    Scope("isolated", 1, 1, ("nodes", "attempts")),
    Scope("isolated", 1, 1, fence_method="StopInstance"),
    *(Scope(trouble, 1, 2, ("nodes", "commands")) for trouble in _FRESH),
    Scope("late-promotion", 1, 1, ("nodes", "attempts")),
    Scope("came-back-alone", 1, 1, ("nodes", "attempts")),
)
LIMIT = 200_000
"""No scope has as many states."""


def make_system(code: Code, scope: Scope, switches: Switches | None = None, definition: str | None = None) -> System:
    """The failover workflow in that scope: the first execution is an alarm's, the second an operator's."""
    code.configure(FENCE_METHOD=scope.fence_method)
    return System(
        code,
        Workflow(json.loads(definition or read_definition("failover"))),
        ((ALARM,), (OPERATOR,)),
        switches=switches or Switches(),
        faults=frozenset(scope.kinds),
    )
