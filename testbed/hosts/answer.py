"""What a command on a simulated host says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """Of a command: its exit code, and what it printed."""

    code: int = 0
    output: str = ""
    errors: str = ""
