"""Seeded defects: what the exploration must find. Each is one change of the code, the workflow or the nodes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from failover import decision
from failover.adapters import cluster_table, executions, instances, isolation
from failover.models import Evidence, InstanceState
from failover.proof import Proven
from failover.steps import assess_cluster, fence_node, promote_replica, record_abort

from testbed.model.code import Code
from testbed.model.explore import Finding, explore
from testbed.model.scopes import LIMIT, Scope, make_system
from testbed.model.system import Switches
from testbed.model.workflow import read_definition

Change = Callable[[], AbstractContextManager[Any]]
_NODES = ("nodes", "commands")
_CONTROLLER = ("attempts", "executions", "commands")


@dataclass(frozen=True)
class Defect:
    """One deliberate mistake, and where it shows."""

    name: str
    what: str
    scope: Scope
    change: Change = nullcontext
    switches: Switches = field(default_factory=Switches)
    rewire: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Fields of states of the workflow, by the state's name."""


def find(code: Code, defect: Defect) -> Finding | None:
    """What the exploration finds with the defect in place."""
    definition = json.loads(read_definition("failover"))
    for name, fields in defect.rewire.items():
        definition["States"][name].update(fields)
    with defect.change():
        code.forget()
        try:
            system = make_system(code, defect.scope, defect.switches, json.dumps(definition))
            return explore(system, defect.scope.start, limit=LIMIT).finding
        finally:
            code.forget()


def _patched(target: Any, name: str, stand_in: Any) -> Change:
    return lambda: patch.object(target, name, stand_in)


@contextmanager
def _no_lock_is_checked() -> Iterator[None]:
    def update(settings: Any, expression: str, _condition: str, values: dict[str, Any]) -> None:
        cluster_table._update(settings, expression, "attribute_exists(epoch)", values)

    with (
        patch.object(cluster_table, "require_lock", lambda settings, _owner: cluster_table.read_record(settings)),
        patch.object(cluster_table, "_update_as_owner", update),
    ):
        yield


def _begin_move_that_writes(expression: str) -> Callable[..., int]:
    def begin_move(settings: Any, owner: str, target: str) -> int:
        record = cluster_table.require_lock(settings, owner)
        if record.moved_by == owner:
            return record.epoch
        values = {":target": target, ":epoch": record.epoch + 1, ":owner": owner, ":before": record.epoch}
        condition = "lockOwner = :owner AND epoch = :before"
        cluster_table._update_as_owner(settings, f"SET epoch = :epoch, movedBy = :owner{expression}", condition, values)
        return record.epoch + 1

    return begin_move


_gather = assess_cluster.Look.gather


def _gather_without_the_way_back(look: assess_cluster.Look) -> Evidence:
    evidence = _gather(look)
    return evidence.model_copy(update={"is_move_unfinished": look._record.moving_to == evidence.standby.name})


@contextmanager
def _nobody_asks_for_the_replica() -> Iterator[None]:
    with (
        patch.object(decision, "why_standby_cannot_take_over", lambda _evidence: ""),
        patch.object(promote_replica, "_require_nothing_missed", lambda *_: None),
    ):
        yield


@contextmanager
def _half_an_isolation_is_enough() -> Iterator[None]:
    isolate = isolation.isolate
    with (
        patch.object(isolation, "isolate", lambda acls, settings: isolate(list(acls)[:1], settings)),
        patch.object(fence_node, "prove_shut", lambda *_: Proven(how="")),
        patch.object(promote_replica, "prove_shut", lambda *_: Proven(how="")),
    ):
        yield


DEFECTS = (
    Defect(
        "lock-not-checked", "steps and writes do not ask whether the lock is still theirs",
        Scope("off", 2, 1, _CONTROLLER), _no_lock_is_checked,
    ),
    Defect(
        "lock-of-the-living-taken", "every other execution counts as ended",
        Scope("off", 2, 0), _patched(executions, "has_ended", lambda _arn: True),
    ),
    Defect(
        "fence-not-awaited", "fence_node records the node as off without a look at it",
        Scope("isolated", 1, 0), _patched(fence_node, "prove_off", lambda *_: Proven(how="")),
    ),
    Defect(
        "stopping-taken-for-stopped", "an instance that is being stopped counts as off",
        Scope("isolated", 1, 0), lambda: patch.dict(instances._STATES, {"stopping": InstanceState.OFF}),
    ),
    Defect(
        "half-isolated", "a node counts as cut off with one of its two subnets",
        Scope("isolated", 1, 0), _half_an_isolation_is_enough, Switches(nodes_prove_peers=False),
    ),
    Defect(
        "service-though-not-promoted", "a promotion that failed leads on to the routes and the services",
        Scope("off", 1, 1, ("commands",)),
        rewire={"PromoteReplica": {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "SwapRouteAhead"}]}},
    ),
    Defect(
        "promoted-without-proof", "promote_replica believes that the other node is inactive",
        Scope("late-promotion", 1, 0),
        _patched(promote_replica, "_prove_peer_inactive", lambda *_: promote_replica._Inactive(how="")),
    ),
    Defect(
        "last-word-not-asked-again", "promote_replica believes that the standby missed nothing since the assessment",
        Scope("isolated", 1, 1, _NODES), _patched(promote_replica, "_require_nothing_missed", lambda *_: None),
    ),
    Defect(
        "replica-not-looked-at", "nobody asks whether the standby holds everything",
        Scope("left-behind", 1, 0), _nobody_asks_for_the_replica,
    ),
    Defect(
        "move-not-written-down", "begin_move counts the epoch and does not say whither the role moves",
        Scope("off", 1, 1), _patched(cluster_table, "begin_move", _begin_move_that_writes("")),
    ),
    Defect(
        "active-before-promoted", "begin_move records the target as active at once",
        Scope("off", 1, 0),
        _patched(cluster_table, "begin_move", _begin_move_that_writes(", movingTo = :target, active = :target")),
    ),
    Defect(
        "way-back-forgotten", "a standby left promoted by a way back that failed counts as somebody else's doing",
        Scope("off", 1, 1, _NODES), _patched(assess_cluster.Look, "gather", _gather_without_the_way_back),
    ),
    Defect(
        "end-not-told", "record_abort believes that whoever ended red has been told of",
        Scope("nothing", 1, 1),
        _patched(record_abort, "_RECORDED_ENDS", ("Halted", "Refused", "Failed", "OutcomeNotRecorded")),
    ),
    Defect(
        "lock-of-the-dead-kept", "no execution ever counts as ended",
        Scope("service", 2, 1, ("attempts",)), _patched(executions, "has_ended", lambda _arn: False),
    ),
    Defect(
        "route-before-promotion", "the routes move before the standby is promoted",
        Scope("off", 1, 0),
        rewire={
            "FenceNode": {"Next": "SwapRoute"}, "DemoteNode": {"Next": "SwapRoute"},
            "SwapRoute": {"Next": "PromoteReplica"}, "StartServices": {"Next": "CheckTargets"},
        },
    ),
    Defect(
        "nodes-ignore-epochs", "a node obeys a command of a move that is over",
        Scope("late-promotion", 1, 0), switches=Switches(nodes_check_epochs=False),
    ),
    Defect(
        "nodes-boot-as-they-were", "a node that boots takes up its former role",
        Scope("off", 1, 1, _NODES), switches=Switches(nodes_boot_demoted=False),
    ),
)  # fmt: skip
