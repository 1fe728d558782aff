"""The product's adapters with every changing call written down in place of being made.

What reads goes through. Whatever is not known to read is not made: a call of which nobody thought changes nothing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from failover.adapters.clients import changes_nothing, wrapped_clients
from failover.models import Value

_PLANNED = "planned"


class Call(Value):
    service: str
    operation: str
    """As boto3 names it."""
    arguments: dict[str, Any]


class _Client:
    def __init__(self, service: str, real: Any, calls: list[Call], lock: threading.Lock) -> None:
        self._service, self._real, self._calls, self._lock = service, real, calls, lock

    def __getattr__(self, name: str) -> Any:
        if name == "get_command_invocation":
            return self._read_invocation
        if changes_nothing(name):
            return getattr(self._real, name)

        def write_down(**arguments: Any) -> dict[str, Any]:
            with self._lock:
                self._calls.append(Call(service=self._service, operation=name, arguments=arguments))
            return {"Command": {"CommandId": _PLANNED}, "SnapshotId": _PLANNED}

        return write_down

    def _read_invocation(self, **arguments: Any) -> Any:
        if arguments.get("CommandId") != _PLANNED:
            return self._real.get_command_invocation(**arguments)
        answer = {"verb": "", "result": "done", "code": "done", "message": _PLANNED}
        return {"Status": "Success", "StatusDetails": "Success", "StandardOutputContent": json.dumps(answer)}


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """The calls that would have changed something, in the order in which they would have been made."""
    calls: list[Call] = []
    lock = threading.Lock()
    with wrapped_clients(lambda service, real: _Client(service, real, calls, lock)):
        yield calls
