"""boto3 clients, made once per process, and the translation of their errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from failover.errors import CloudUnavailable, Failed
from failover.messages import Message

CALL_THREADS = 16
"""How many calls run at once where a step fans out; the connection pool is as large."""

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    max_pool_connections=CALL_THREADS,
    # Few tries here, many by the workflow, which waits longer and with jitter between them.
    # "standard" backs off exponentially with jitter and knows every throttling code (boto3 guide, "Retries").
    retries={"mode": "standard", "total_max_attempts": 3},
)

# A function that starts anew takes seconds, and one that is asked twice only starts twice.
_OF_A_SERVICE = {"lambda": Config(read_timeout=40)}

_TRANSIENT_CODES = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "TransactionInProgressException",
        "Unavailable",
    }
)

P = ParamSpec("P")
R = TypeVar("R")


_clients: dict[str, Any] = {}
_clients_lock = Lock()
_wrap: ContextVar[Callable[[str, Any], Any] | None] = ContextVar("wrap", default=None)


def client(service: Any) -> Any:
    """The process's client for a service ("ec2", "ssm", ...), made when first asked for."""
    # Threads may share a client but not make one: they would share the session too (boto3 guide, "Session").
    with _clients_lock:
        if service not in _clients:
            _clients[service] = boto3.client(service, config=_CONFIG.merge(_OF_A_SERVICE.get(service, Config())))
        found, wrap = _clients[service], _wrap.get()
    return found if wrap is None else wrap(service, found)


@contextmanager
def wrapped_clients(wrap: Callable[[str, Any], Any]) -> Iterator[None]:
    """Meanwhile every client is what `wrap` makes of it: so the calls of an adapter can be seen without being made.

    For this thread alone: an adapter that makes calls in threads asks for its client before.
    """
    before = _wrap.set(wrap)
    try:
        yield
    finally:
        _wrap.reset(before)


_READING = ("describe_", "get_", "list_")
_OF_THE_CLIENT = ("meta", "exceptions", "can_paginate")


def changes_nothing(method: str) -> bool:
    """Whether the client's method of that name is known to change nothing. What nobody thought of is taken to."""
    return method.startswith(_READING) or method in _OF_THE_CLIENT


def error_code(error: ClientError) -> str:
    """AWS's code of the error, e.g. ConditionalCheckFailedException."""
    return error.response.get("Error", {}).get("Code", "")


def translate_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Lets an adapter's function raise CloudUnavailable and Failed in place of boto3's errors."""

    @wraps(function)
    def translated(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            message = error.response["Error"].get("Message", "")
            operation, code = error.operation_name, error_code(error)
            what = Message("error.aws-answered", operation=operation, code=code, words=message.rstrip("."))
            if error_code(error) in _TRANSIENT_CODES or status >= 500:
                raise CloudUnavailable(what) from error
            raise Failed(what) from error
        except BotoCoreError as error:
            raise CloudUnavailable(Message("error.aws-unreachable", cause=str(error).rstrip("."))) from error

    return translated
