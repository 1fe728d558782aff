"""Whose account is asked: the options that hold for every command, and AWS's errors as sentences."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from garoon_failover.errors import CommandError, ExitCode
from garoon_failover.words import said, tr

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

DEFAULT_STACK = "garoon-failover"
STACK_VARIABLE = "GAROON_FAILOVER_STACK"
DEBUG_VARIABLE = "GAROON_FAILOVER_DEBUG"

P = ParamSpec("P")
R = TypeVar("R")


def use(profile: str | None, region: str | None, stack: str | None) -> None:
    """What the options say, for this process; boto3 reads the first two from the environment.

    What they leave out comes from samconfig.toml in this directory, then from the environment and ~/.aws.
    """
    written = _samconfig()
    if profile or (written_profile := written.get("profile")):
        os.environ["AWS_PROFILE"] = profile or str(written_profile)
    named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if chosen := region or named or written.get("region"):
        os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"] = str(chosen)
    if chosen_stack := stack or written.get("stack_name"):
        os.environ[STACK_VARIABLE] = str(chosen_stack)


def stack_name() -> str:
    """The stack that the commands are about."""
    return os.environ.get(STACK_VARIABLE, DEFAULT_STACK)


def _samconfig() -> dict[str, object]:
    """stack_name, region and profile as `sam deploy` would take them; empty where there is no such file."""
    try:
        tables = tomllib.loads(Path("samconfig.toml").read_text()).get("default", {})
        found: dict[str, object] = {}
        for command in ("global", "deploy"):
            found |= tables.get(command, {}).get("parameters", {})
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
    return {name: found[name] for name in ("stack_name", "region", "profile") if name in found}


def reported(function: Callable[P, R]) -> Callable[P, R]:
    """Lets a command end with a sentence and an exit code, whatever comes: never with a trace."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with _reporting():
            return function(*args, **kwargs)

    return wrapped


@contextmanager
def _reporting() -> Iterator[None]:
    # The same class that Typer raises for `raise typer.Exit`; what Typer or Click raise is theirs to show.
    try:
        yield
    except CommandError as error:
        _end(str(error), error.next_step, error.code)
    except KeyboardInterrupt:
        _end(tr("interrupted"), "", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # Who reads has seen enough (`| head`). Nothing more is written, not even when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(ExitCode.DONE) from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("typer", "click"):
            raise
        if os.environ.get(DEBUG_VARIABLE):
            raise
        told = _explain(error)
        _end(str(told), told.next_step, told.code)


def _end(message: str, next_step: str, code: ExitCode) -> None:
    print(message, file=sys.stderr)
    if next_step:
        print(tr("next-step", step=next_step), file=sys.stderr)
    raise SystemExit(int(code)) from None


def _explain(error: BaseException) -> CommandError:
    """Anything that was raised, in the words of this command."""
    from botocore.exceptions import BotoCoreError, ClientError
    from failover.errors import CloudUnavailable, Failed, FailoverError, InvalidInput

    cause = error.__cause__ if isinstance(error, FailoverError) else error
    if isinstance(cause, ClientError):
        return explain_refusal(cause)
    if isinstance(cause, BotoCoreError):
        return _explain_unreachable(cause)
    if isinstance(error, InvalidInput):
        return CommandError(said(error.said), tr("correct-the-line"), ExitCode.USAGE)
    if isinstance(error, CloudUnavailable):
        return CommandError(said(error.said), tr("try-in-a-minute"), ExitCode.CLOUD)
    if isinstance(error, Failed):
        return CommandError(said(error.said), tr("correct-and-try"), ExitCode.CLOUD)
    return CommandError(
        tr("own-fault", name=type(error).__name__, words=error),
        tr("own-fault-next", variable=DEBUG_VARIABLE),
        ExitCode.FAULT,
    )


_NO_RIGHT = (
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "Client.UnauthorizedOperation",
)
_BAD_KEY = (
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)


def explain_refusal(error: ClientError) -> CommandError:
    """What AWS answered in place of what was asked."""
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message", "").rstrip(".")
    what = tr("aws-answered", operation=error.operation_name, code=code, words=message)
    if code in _NO_RIGHT:
        return CommandError(
            what,
            tr("use-policies"),
            ExitCode.CLOUD,
        )
    if code in _BAD_KEY:
        return CommandError(what, tr("log-in-anew"), ExitCode.CLOUD)
    return CommandError(what, tr("try-or-read"), ExitCode.CLOUD)


def _explain_unreachable(error: Exception) -> CommandError:
    name = type(error).__name__
    what = tr("aws-not-asked", words=str(error).rstrip("."))
    next_step = {
        "NoCredentialsError": "log-in",
        "PartialCredentialsError": "set-both-keys",
        "ProfileNotFound": "list-profiles",
        "NoRegionError": "say-region",
        "SSOTokenLoadError": "log-in-sso",
        "UnauthorizedSSOTokenError": "log-in-sso",
    }
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    where = tr("is-endpoint-there", endpoint=endpoint) if endpoint else tr("check-network")
    return CommandError(what, tr(next_step[name]) if name in next_step else where, ExitCode.CLOUD)
