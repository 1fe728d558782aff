"""The errors that a workflow tells apart. Class names are the names in the state machines' `ErrorEquals`.

Messages are whole sentences for the operator: what happened, and what state things are in.
"""

import json

from pydantic import ValidationError

from failover.messages import TEXT, Message


class FailoverError(Exception):
    """Base of every error that a step raises on purpose."""

    @property
    def said(self) -> Message:
        """What it says, as data."""
        return Message.of(self.args[0] if self.args and isinstance(self.args[0], str) else str(self))


class NotYet(FailoverError):
    """What the step waits for has not happened yet. The workflow retries the step, for a bounded time."""


class StateUnknown(FailoverError):
    """A node answered, but could not see how it is, so it changed nothing. Says nothing about it; asked again."""


class Recovering(NotYet):
    """A service was begun and is on its way, which takes its time. Retried until RecoveryTimeoutSeconds are over."""


class NotFenced(NotYet):
    """It is not proven that the node which was cut off reaches nobody. Retried for a bounded time; then it halts."""


class CloudUnavailable(FailoverError):
    """An AWS API throttled, timed out or failed inside. Says nothing about a node; the workflow retries with jitter."""


class InvalidInput(FailoverError):
    """The execution's input is not one of those allowed. Nothing was changed."""


class LockHeld(FailoverError):
    """Another execution is changing the cluster. This one must do nothing."""


class LockLost(FailoverError):
    """This execution no longer owns the lock. It must do nothing more."""


class Refused(FailoverError):
    """A promise forbids the step, so it was not done. Not retried."""


class Failed(FailoverError):
    """The step was tried and did not succeed. Not retried."""


class DataNotKept(FailoverError):
    """The node may hold writes that nobody else has: they must be kept before it may follow its peer."""


_PROBLEMS = 5
"""More problems of one value than that nobody reads; an outcome must fit into a notification."""


def with_code(said: Message) -> str:
    """The sentence for people, and in a line of its own the message for programs.

    Of an exception Lambda hands on the class and the text, and nothing else (Lambda Developer Guide, "Python errors").
    """
    if said.code == TEXT:
        return str(said)
    data = {name: value for name, value in said.to_json().items() if name != "text"}
    return f"{said}\n{json.dumps(data, ensure_ascii=False)}"


def read_said(text: str) -> Message:
    """What `with_code` wrote; any other text as it is."""
    sentence, _, data = text.rpartition("\n")
    try:
        return Message.from_json({**json.loads(data), "text": sentence}) if sentence else Message.of(text)
    except (ValueError, TypeError, RecursionError):
        return Message.of(text)


def as_sentence(text: str) -> Message:
    """Somebody's words, with a full stop."""
    stripped = text.rstrip()
    return Message.of(text if text == stripped and text.endswith(".") else f"{stripped.removesuffix('.')}.")


def explain(error: ValidationError) -> str:
    """What is wrong with a value, field by field, e.g. "minutes: Input should be a valid integer"."""
    problems = error.errors()
    told = [
        f"{'.'.join(f'{part!s:.60}' for part in problem['loc'][:5]) or 'input'}: {problem['msg']:.200}"
        for problem in problems[:_PROBLEMS]
    ]
    return "; ".join(told) + (f"; and {len(problems) - _PROBLEMS} more" if len(problems) > _PROBLEMS else "")
