"""What must hold in every state, and what every state must be able to come to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache

from testbed.model.system import State
from testbed.model.world import NAMES


def broken_in(state: State) -> str:
    """The promise that this state breaks; empty if it breaks none."""
    if all(node.may_serve for node in state.world.nodes):
        return "Promise 1: both nodes are primary and may serve"
    return ""


def is_at_rest(state: State) -> bool:
    """Nothing of the controller is under way."""
    return not state.detached and not any(execution.is_running for execution in state.executions)


def broken_at_rest(state: State) -> Iterator[str]:
    """What must not be so when nothing is under way any more."""
    for index, execution in enumerate(state.executions):
        if execution.has_ended and not execution.is_told:
            yield f"Promise 7: execution {index + 1} ended and nobody was told"


def is_in_service(state: State) -> bool:
    """Users are served by the node that the record calls active."""
    active = _active_in(state.item)
    node = state.world.nodes[active]
    return node.is_serving and node.is_mounted and node.is_primary and node.answers and state.world.route == active


@cache
def _active_in(item: str) -> int:
    return NAMES.index(json.loads(item).get("active", {"S": NAMES[0]})["S"])


def needs_an_operator(state: State) -> bool:
    """Both nodes hold writes that the other lacks: which to keep is not for a program to say."""
    return all(node.is_ahead for node in state.world.nodes)
