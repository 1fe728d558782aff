"""docs/migration.md as steps with commands: what the lab runs is what an operator reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from testbed.garoon.installation import HOME, STANDBY
from testbed.stack.deployment import REPOSITORY

PAGE = REPOSITORY / "docs/migration.md"
OPERATOR = "operator"
"""Who runs the commands of lines that begin with a dollar sign."""
_PLACES = {"$": (OPERATOR,), "db-01#": (HOME,), "db-02#": (STANDBY,), "both#": (HOME, STANDBY)}
_STEP = re.compile(r"^## (\d+)\. (.+)$", re.MULTILINE)
_PART = re.compile(r"^\*\*(Do|Check|Back)\.\*\*(.*?)(?=^\*\*(?:Do|Check|Back)\.\*\*|\Z)", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


class RunbookError(ValueError):
    """The page is not written as the lab reads it; the message says where."""


@dataclass(frozen=True)
class Command:
    place: str
    """A node's name, or OPERATOR."""
    text: str


@dataclass(frozen=True)
class Step:
    number: int
    title: str
    do: tuple[Command, ...]
    check: tuple[Command, ...]
    back: tuple[Command, ...]
    """Empty where the way back is another step's."""


def read_runbook(text: str | None = None) -> tuple[Step, ...]:
    """The steps of the page, in their order. Raises RunbookError."""
    text = PAGE.read_text() if text is None else text
    headings = list(_STEP.finditer(text))
    steps = []
    for position, heading in enumerate(headings, 1):
        rest = text[heading.end() :]
        body = rest[: end.start()] if (end := re.search(r"^## ", rest, re.MULTILINE)) else rest
        parts = {part[1]: tuple(_commands(part[2])) for part in _PART.finditer(body)}
        if (
            int(heading[1]) != position
            or list(parts) != ["Do", "Check", "Back"]
            or not (parts["Do"] and parts["Check"])
        ):
            raise RunbookError(f"Step {heading[1]} of {PAGE.name} is not the next one with its Do, Check and Back.")
        steps.append(Step(position, heading[2], parts["Do"], parts["Check"], parts["Back"]))
    return tuple(steps)


def _commands(part: str) -> Iterator[Command]:
    for fence in _FENCE.finditer(part):
        for line in fence[1].splitlines():
            prompt, _, text = line.partition(" ")
            if prompt not in _PLACES or not text:
                raise RunbookError(f"Nobody knows where this runs: {line}")
            for place in _PLACES[prompt]:
                yield Command(place, text)
