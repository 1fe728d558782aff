"""WORLD/functions-at-work: how many functions the cloud runs now.

A function that an execution has called works on when the execution is stopped, here as in AWS: whoever wants to start
afresh waits until none does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.world.files import replace_file

_FILE = "functions-at-work"


class FunctionsAtWork:
    """Counts them, for the cloud."""

    def __init__(self, world_directory: Path) -> None:
        self._file = world_directory / _FILE
        self._lock = threading.Lock()
        self._count = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)

    def _change(self, by: int) -> None:
        with self._lock:
            self._count += by
            replace_file(self._file, f"{self._count}\n")


def count_functions_at_work(world_directory: Path) -> int:
    try:
        return int((world_directory / _FILE).read_text())
    except FileNotFoundError:
        return 0
