"""Work of the cloud beside its requests: delayed and repeated calls, each in the account and region it belongs to."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope

logger = logging.getLogger("testbed.background")

_SHORTEST_PAUSE_SECONDS = 0.02


class Background:
    """Threads that end with the cloud."""

    def __init__(self) -> None:
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def sleep(self, seconds: float) -> None:
        """Raises SystemExit, which ends the thread quietly, when the cloud stops meanwhile."""
        if self._stopping.wait(seconds):
            raise SystemExit

    def start(self, function: Callable[..., object], *arguments: object, after_seconds: float = 0.0) -> None:
        """Calls the function in a thread, within the caller's account and region."""
        context = contextvars.copy_context()

        def run() -> None:
            try:
                self.sleep(after_seconds)
                context.run(function, *arguments)
            except Exception:
                logger.exception("%s failed", function.__qualname__)

        threading.Thread(target=run, daemon=True, name=function.__name__).start()

    def repeat(self, function: Callable[[], None], every_seconds: float) -> None:
        """Calls the function again and again, at a steady rhythm even when a call takes long."""

        def run() -> None:
            due = time.monotonic()
            while True:
                due = max(due + every_seconds, time.monotonic() + _SHORTEST_PAUSE_SECONDS)
                self.sleep(due - time.monotonic())
                try:
                    function()
                except Exception:
                    logger.exception("%s failed", function.__qualname__)

        threading.Thread(target=run, daemon=True, name=function.__name__).start()


def each_scoped(store: Any) -> Iterator[tuple[str, Any]]:
    """Each entry of one of the emulator's stores by account and region, with that account and region being current."""
    for (account, region, key), value in store.all_items():
        with request_scope(account, region):
            yield key, value


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"
