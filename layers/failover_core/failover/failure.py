"""An error of a step, as it comes back out of Step Functions."""

import json

from failover.errors import as_sentence, read_said
from failover.messages import Message
from failover.models import Value


class Failure(Value):
    """An error that a state caught, as Step Functions hands it on."""

    step: str
    """The state's name."""
    error: str
    """The error's class name, or one of Step Functions' own (States.Timeout)."""
    cause: str

    @property
    def message(self) -> Message:
        """The cause as a sentence. Lambda wraps an exception as JSON (Lambda Developer Guide, "Python errors")."""
        try:
            return as_sentence(read_said(str(json.loads(self.cause)["errorMessage"])))
        except (ValueError, KeyError, TypeError, RecursionError):
            return as_sentence(self.cause or self.error)  # what Step Functions itself says has no full stop
