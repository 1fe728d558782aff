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
        _end("Interrupted.", "", ExitCode.INTERRUPTED)
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
        print(f"Next step: {next_step}", file=sys.stderr)
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
        return CommandError(str(error), "Correct the command line.", ExitCode.USAGE)
    if isinstance(error, CloudUnavailable):
        return CommandError(str(error), "Try again in a minute.", ExitCode.CLOUD)
    if isinstance(error, Failed):
        return CommandError(str(error), "Correct what the sentence names, then try again.", ExitCode.CLOUD)
    return CommandError(
        f"A fault of garoon-failover's own: {type(error).__name__}: {error}",
        f"Nothing is known to be wrong with the installation. {DEBUG_VARIABLE}=1 shows the trace.",
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
    what = f"AWS answered {error.operation_name} with {code}: {message}."
    if code in _NO_RIGHT:
        return CommandError(
            what,
            "Use credentials with the stack's policies (docs/cli.md, Rights): view to look, operate to act.",
            ExitCode.CLOUD,
        )
    if code in _BAD_KEY:
        return CommandError(what, "Log in anew: AWS does not take these credentials (any more).", ExitCode.CLOUD)
    return CommandError(what, "Try again in a minute; if it stays so, the sentence above says why.", ExitCode.CLOUD)


def _explain_unreachable(error: Exception) -> CommandError:
    name = type(error).__name__
    what = f"AWS could not be asked: {str(error).rstrip('.')}."
    next_step = {
        "NoCredentialsError": "Log in (`aws sso login`, `aws configure`), or name a profile: --profile NAME.",
        "PartialCredentialsError": "Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile.",
        "ProfileNotFound": "`aws configure list-profiles` shows those that there are.",
        "NoRegionError": "Say which region: --region ap-northeast-1.",
        "SSOTokenLoadError": "Log in anew: `aws sso login`.",
        "UnauthorizedSSOTokenError": "Log in anew: `aws sso login`.",
    }
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    where = f"Is {endpoint} (AWS_ENDPOINT_URL) there?" if endpoint else "Check the region and the network."
    return CommandError(what, next_step.get(name, where), ExitCode.CLOUD)
