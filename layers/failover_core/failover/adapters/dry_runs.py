"""The adapters' changing calls as dry runs: the same code up to the call, which EC2 answers and does not carry out.

"Checks whether you have the required permissions for the operation, without actually making the request, and provides
an error response": DryRunOperation or UnauthorizedOperation (EC2 API Reference, "StopInstances", DryRun). An id that
EC2 does not know, a state or a protection that it looks at on the way are errors as without it.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from failover.adapters.clients import changes_nothing, error_code, translate_errors, wrapped_clients
from failover.errors import Failed
from failover.messages import Message


class _Client:
    def __init__(self, service: str, real: Any) -> None:
        self._service, self._real = service, real

    def __getattr__(self, name: str) -> Any:
        if changes_nothing(name):
            return getattr(self._real, name)

        # Translated here: an adapter that waits for a change to be taken has nothing to wait for.
        @translate_errors
        def make_dry_run(**arguments: Any) -> dict[str, Any]:
            if self._service != "ec2":
                raise Failed(Message("error.no-dry-run", service=self._service, operation=name))
            try:
                getattr(self._real, name)(**arguments, DryRun=True)
            except ClientError as error:
                if error_code(error) != "DryRunOperation":
                    raise
                # EC2 says no more than that: whatever its answer would have held is empty.
                return defaultdict(str)
            raise Failed(Message("error.dry-run-was-none", operation=name))

        return make_dry_run


@contextmanager
def dry_runs() -> Iterator[None]:
    """Meanwhile no call of any adapter changes anything. One that EC2 would not carry out raises Failed."""
    with wrapped_clients(_Client):
        yield
