"""Visits every state there is, looks for broken promises, and tells how one came about.

Two questions are asked. Safety: does any state, or any step between two, break a promise? Liveness: once the faults are
over, does everything come to rest with every end told, and then, the machines repaired, does a run started by an
operator bring the service back?
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from testbed.model import promises
from testbed.model.system import Execution, State, Step, System
from testbed.model.world import NAMES, World

_OPERATOR = "{}"
_RUNS_BY_OPERATOR = 2
_STEPS_TO_REST = 400


Causes = dict[State, tuple[State, State | None, str]]
"""Of each state that was reached: the one object that stands for it, the state before it, and what happened there."""


class TooManyStatesError(Exception):
    """The exploration was broken off: it did not visit every state."""


@dataclass(frozen=True)
class Finding:
    """A broken promise, and how it came about."""

    broken: str
    story: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(
            [*(f"  {number:2}. {line}" for number, line in enumerate(self.story, 1)), f"  => {self.broken}"]
        )


@dataclass
class Exploration:
    """What an exploration found."""

    states: int = 0
    steps: int = 0
    visited: set[str] = field(default_factory=set)
    """The workflow's Task states in which an execution was."""
    finding: Finding | None = None


def explore(system: System, start: State, *, limit: int, checks_liveness: bool = True) -> Exploration:
    """Visits every state that can be reached from `start`, nearest first, up to the first broken promise.

    Raises TooManyStatesError when there are more than `limit`.
    """
    result = Exploration()
    cause: Causes = {start: (start, None, "")}
    ahead = deque([start])
    known: dict[State, list[Step]] = {}
    while ahead:
        state = ahead.popleft()
        result.states += 1
        result.visited |= {execution.place.state for execution in state.executions if execution.place}
        quiet = []
        for step in system.steps(state):
            result.steps += 1
            broken = step.broken or promises.broken_in(step.after)
            if broken:
                result.finding = Finding(broken, _story(cause, state, [step.what]))
                return result
            after, *_ = cause.setdefault(step.after, (step.after, state, step.what))
            if after is step.after:
                if len(cause) > limit:
                    raise TooManyStatesError(f"There are more than {limit} states.")
                ahead.append(after)
            if checks_liveness and not step.is_fault and _is_of_the_controller(step):
                quiet.append(step._replace(after=after))
        known[state] = _most_promising_first(quiet, state)
    if checks_liveness:
        ends: dict[State, str] = {}
        for state in cause:
            broken, story = come_to_rest(system, state, ends, known)
            if broken:
                result.finding = Finding(broken, (*_story(cause, state, []), "no more faults", *story))
                return result
    return result


def come_to_rest(
    system: System, state: State, ends: dict[State, str], known: Mapping[State, list[Step]]
) -> tuple[str, list[str]]:
    """What is broken once no more faults happen, and after repairs and runs by an operator; and the story.

    `ends` is what came of the states that were looked at before, `known` what follows on those that were explored.
    """
    path: dict[State, None] = {}
    story: list[str] = []
    broken = ""
    while True:
        if state in ends:
            broken = ends[state]
            break
        if len(path) > _STEPS_TO_REST:
            broken = "it never comes to rest"
            break
        path[state] = None
        step = _quiet_step(system, state, path, known)
        if step is None:
            broken = next(promises.broken_at_rest(state), "") or _repaired_and_run(system, state, story)
            break
        story.append(step.what)
        if step.broken or promises.broken_in(step.after):
            broken = step.broken or promises.broken_in(step.after)
            break
        state = step.after
    for passed in path:
        ends[passed] = broken
    return broken, story


def _quiet_step(
    system: System, state: State, passed: Iterable[State], known: Mapping[State, list[Step]]
) -> Step | None:
    """The next thing that happens when nothing goes wrong any more: what is under way goes on; nothing starts."""
    if promises.is_at_rest(state):
        return None
    choices = known.get(state)
    if choices is None:
        choices = _most_promising_first(filter(_is_of_the_controller, system.events(state)), state)
    return next((step for step in choices if step.after not in passed), None) or (choices[-1] if choices else None)


def _most_promising_first(choices: Iterable[Step], state: State) -> list[Step]:
    """A stop that was asked for completes; then a step that acted is tried again, one that only waited gives up."""
    return sorted(choices, key=lambda step: (not step.what.endswith("is stopped"), not _is_promising(step, state)))


def _is_of_the_controller(step: Step) -> bool:
    return not any(
        word in step.what for word in ("starts with", "somebody starts", "comes back as it was", "outdates its own")
    )


def _is_promising(step: Step, state: State) -> bool:
    acted = any(execution.attempt and execution.attempt.has_acted for execution in state.executions)
    return step.what.endswith("it is retried") == acted


def _repaired_and_run(system: System, state: State, story: list[str]) -> str:
    """The machines are repaired, an operator starts the workflow, twice if need be: is the service back?"""
    item = json.loads(state.item)
    item.pop("maintenanceUntil", None)
    state = state._replace(world=repaired(state.world), item=json.dumps(item, sort_keys=True), faults_left=0)
    story.append("the machines and links are repaired")
    for _run in range(_RUNS_BY_OPERATOR):
        if promises.is_in_service(state) or promises.needs_an_operator(state):
            return ""
        index = len(state.executions)
        started = system.start(state._replace(executions=(*state.executions, Execution())), index, _OPERATOR)
        story.append(started.what)
        state = started.after
        passed: dict[State, None] = {}
        while (step := _quiet_step(system, state, passed, {})) is not None:
            passed[state] = None
            story.append(step.what)
            state = step.after
            if len(passed) > _STEPS_TO_REST:
                return "a run by an operator never ends"
            if step.broken or promises.broken_in(state):
                return step.broken or promises.broken_in(state)
        if not state.executions[index].is_told:
            return "Promise 7: a run by an operator ended and nobody was told"
    return (
        "" if promises.is_in_service(state) or promises.needs_an_operator(state) else "the service does not come back"
    )


def repaired(world: World) -> World:
    """Everything that an operator can put right without a decision about data."""
    world = world._replace(is_link_up=True, late=())
    for index, node in enumerate(world.nodes):
        if node.power != "running" or any(node.cut):  # a node that was cut off is stopped before it is let in
            world = world.with_node(index, **node.booted()._replace(cut=(False, False))._asdict())
        elif not node.is_reached:
            world = world.with_node(index, is_reached=True)
    world = world.settled()
    for index in range(len(NAMES)):
        if world.is_connected and world.nodes[index].data == "stale":
            world = world.with_node(1 - index, is_ahead=False).with_node(index, data="current")
    return world


def _story(cause: Causes, state: State, last: list[str]) -> tuple[str, ...]:
    lines = last[::-1]
    _, before, what = cause[state]
    while before is not None:
        lines.append(what)
        _, before, what = cause[before]
    return tuple(lines[::-1])
