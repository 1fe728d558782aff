"""What is printed: for people with rich, for programs as one JSON object on standard output."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from garoon_failover.words import tr

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_COLUMNS = 100


def print_json(value: object) -> None:
    """One object, and nothing else."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def console() -> Console:
    """Standard output; without a terminal nothing is coloured, and lines are as long as a file takes them."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 200)


def say(text: str = "", style: str = "") -> None:
    """A line for people, as it is."""
    if sys.stdout.isatty():
        console().print(text, style=style or None, markup=False, soft_wrap=True)
    else:
        print(text)


def warn(text: str) -> None:
    """A line that is no result."""
    print(text, file=sys.stderr)


def is_terminal() -> bool:
    """Somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def confirm(question: str, *, is_agreed: bool) -> bool:
    """Whether the caller agrees: by --yes, or asked at a terminal. Without one it is a no."""
    if is_agreed:
        return True
    if not is_terminal():
        return False
    try:
        return input(tr("yes-or-no", question=question)).strip().lower() in ("y", "yes")
    except EOFError:
        return False


def ask(question: str, choices: list[str]) -> str | None:
    """One of the choices by its number, asked until it is one; None if there is nobody to be asked."""
    if not is_terminal():
        return None
    print(question)
    for number, choice in enumerate(choices, 1):
        print(f"  {number}  {choice}")
    while True:
        try:
            answer = input(tr("one-to", count=len(choices))).strip()
        except EOFError:
            return None
        if answer.isdecimal() and 1 <= int(answer) <= len(choices):
            return choices[int(answer) - 1]


Json = dict[str, Any]
