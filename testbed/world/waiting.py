"""Waiting for a condition: never a fixed sleep, so that a loaded machine only makes things slower."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(
    condition: Callable[[], bool], what: str, deadline_seconds: float, interval_seconds: float = 0.1
) -> None:
    """Looks until `condition` holds. Raises TimeoutError, which names what was waited for."""
    deadline = time.monotonic() + deadline_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {deadline_seconds:g} s in vain for: {what}.")
        time.sleep(interval_seconds)
