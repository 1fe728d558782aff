"""How a command ends when it does not end well: a sentence, the next step, and an exit code."""

from enum import IntEnum


class ExitCode(IntEnum):
    """docs/cli.md has these as a table."""

    DONE = 0
    NO = 1  # the answer is no: not ready, stopped by preflight, an execution that ended badly
    USAGE = 2  # the command line, or something that only the caller can decide
    CLOUD = 3  # AWS could not be reached, or refused
    NOT_FOUND = 4  # no such stack, execution, ...
    FAULT = 70  # a fault of this command's own
    INTERRUPTED = 130


class CommandError(Exception):
    """What went wrong, as one or more sentences, and what to do next."""

    def __init__(self, message: str, next_step: str, code: ExitCode) -> None:
        super().__init__(message)
        self.next_step = next_step
        self.code = code


class UsageError(CommandError):
    """Something must be said by the caller, or what was said cannot be."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message, next_step, ExitCode.USAGE)


class NotFoundError(CommandError):
    """What the command is about does not exist."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message, next_step, ExitCode.NOT_FOUND)
