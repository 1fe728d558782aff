"""Where something can go wrong: found in a run without faults, never listed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from testbed.campaign.engine import Invocation
from testbed.campaign.wire import Call

if TYPE_CHECKING:
    from testbed.campaign.apis import Command
    from testbed.campaign.world import World

_OCCURRENCES = 2
"""Of a call that a step makes again and again, as it polls, the first ones stand for all."""


@dataclass(frozen=True)
class Point:
    """A place in a run: the n-th time that this is done there."""

    where: str
    """A state of the workflow, or a function that no workflow calls."""
    what: str = ""
    """An API call with its subject, a verb with its node, or empty for the step itself."""
    nth: int = 1

    def __str__(self) -> str:
        return " ".join(part for part in (self.where, self.what, f"#{self.nth}" if self.nth > 1 else "") if part)


class Count:
    """Recognises a point while a run goes on."""

    def __init__(self, point: Point) -> None:
        self._point = point
        self._seen = 0

    def is_here(self, where: str, what: str) -> bool:
        """True when this is the point; counts."""
        if (where, what) != (self._point.where, self._point.what):
            return False
        self._seen += 1
        return self._seen == self._point.nth


def words_of_call(call: Call) -> str:
    return f"{call.name} {call.subject}".strip()


def words_of_command(command: Command) -> str:
    return f"{command.verb} {command.host.name}"


def where_of(caller: object) -> str:
    return caller.where if isinstance(caller, Invocation) else ""


def call_points(world: World) -> Iterator[Point]:
    """Every API call that the controller made."""
    yield from _unique((where_of(call.caller), words_of_call(call)) for call in world.calls if call.attempt == 1)


def command_points(world: World) -> Iterator[Point]:
    """Every verb that a node was given."""
    yield from _unique((where_of(command.caller), words_of_command(command)) for command in world.commands)


def step_points(world: World) -> Iterator[Point]:
    """Every function that was called."""
    yield from (point for point in _unique((one.where, "") for one in world.engine.invocations) if point.nth == 1)


def state_points(world: World) -> Iterator[Point]:
    """Every state that was entered."""
    yield from (point for point in _unique((state, "") for _, state in world.states) if point.nth == 1)


def event_points(world: World) -> Iterator[Point]:
    """Every event that a rule takes."""
    yield from (point for point in _unique((kind, "") for kind in world.events) if point.nth == 1)


def _unique(places: Iterator[Any]) -> Iterator[Point]:
    counts: dict[tuple[str, str], int] = {}
    for where, what in places:
        nth = counts[where, what] = counts.get((where, what), 0) + 1
        if nth <= _OCCURRENCES:
            yield Point(where, what, nth)
