"""Runs the real steps, one call of an AWS API at a time.

A step is a function of the answers that it gets: run from its start with the answers so far, it asks the next question
or ends. So an attempt of a step, stopped between any two of its calls, is nothing but its arguments and those answers,
and can be copied, interleaved and abandoned at will. Clocks stand still, and what the code would do at once it does in
order.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import pkgutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple
from unittest.mock import MagicMock, patch

import failover.adapters
import failover.steps
from botocore.exceptions import ClientError
from failover.adapters import clients
from failover.errors import FailoverError
from failover.runtime import logger, metrics
from failover.settings import LOCK_SECONDS, Settings, read_settings

from testbed.model.world import INSTANCE_IDS, INTERFACE_IDS, NAMES, SUBNET_IDS
from testbed.stack.template import read_template

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EXECUTION_ARN = "arn:aws:states:ap-northeast-1:123456789012:execution:garoon-failover:{}"
_AFTER_EVERY_TIMEOUT_SECONDS = 10_000.0

ISOLATION_ACL_ID = "acl-0de1"
_GIVEN = {
    "CLUSTER_TABLE": "clusters",
    "NODE_A_NAME": NAMES[0],
    "NODE_A_INSTANCE_ID": INSTANCE_IDS[0],
    "NODE_A_ETH0_INTERFACE_ID": INTERFACE_IDS[0],
    "NODE_B_NAME": NAMES[1],
    "NODE_B_INSTANCE_ID": INSTANCE_IDS[1],
    "NODE_B_ETH0_INTERFACE_ID": INTERFACE_IDS[1],
    "NODE_A_ETH0_SUBNET_ID": SUBNET_IDS[0][0],
    "NODE_A_ETH1_SUBNET_ID": SUBNET_IDS[0][1],
    "NODE_B_ETH0_SUBNET_ID": SUBNET_IDS[1][0],
    "NODE_B_ETH1_SUBNET_ID": SUBNET_IDS[1][1],
    "NODE_A_DATA_VOLUME_ID": "vol-0a",
    "NODE_B_DATA_VOLUME_ID": "vol-0b",
    "ISOLATION_ACL_ID": ISOLATION_ACL_ID,
    "ROUTE_TABLE_IDS": "rtb-0a",
    "TARGET_GROUP_ARN": "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/app/1",
}


def read_environment() -> dict[str, str]:
    """The functions' environment as the template gives it: the cluster of the model, and the parameters' defaults."""
    template = read_template()
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    defaults = {name: str(parameter.get("Default", "")) for name, parameter in template["Parameters"].items()}

    def value(name: str, source: Any) -> str:
        parameter = source.get("Ref", "") if isinstance(source, dict) else ""
        return _GIVEN.get(name) or defaults.get(parameter) or "somewhere"

    return {name: value(name, source) for name, source in variables.items()}


class Call(NamedTuple):
    """The next question: a call of an AWS API."""

    service: str
    operation: str
    parameters: str
    """JSON."""


class Ended(NamedTuple):
    """The attempt's end: its result as JSON, or the name of its error."""

    result: str
    error: str = ""
    message: str = ""


class _NextCallError(BaseException):
    """Leaves the step where it asks a question that has no answer yet; no `except` of the step may see it."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self.call = call


class _Client:
    """A boto3 client that answers from the tape."""

    def __init__(self, service: str, tape: Iterator[str]) -> None:
        self._service = service
        self._tape = tape

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            answer = next(self._tape, None)
            if answer is None:
                question = json.dumps(parameters, sort_keys=True, default=str)
                raise _NextCallError(Call(self._service, operation, question))
            content = json.loads(answer, object_hook=_with_times)
            if "errorCode" in content:
                raise ClientError({"Error": {"Code": content["errorCode"], "Message": "modelled"}}, operation)
            return content

        return call

    def get_paginator(self, operation: str) -> _Paginator:
        return _Paginator(getattr(self, operation))


@dataclass(frozen=True)
class _Paginator:
    """Everything comes on one page."""

    ask: Callable[..., Any]

    def paginate(self, **parameters: Any) -> list[Any]:
        return [self.ask(**parameters)]


def _with_times(part: dict[str, Any]) -> dict[str, Any]:
    """As botocore does it."""
    stamps = {name: [datetime.fromisoformat(stamp) for stamp in part[name]] for name in part if name == "Timestamps"}
    return part | stamps


class _StandingDatetime(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return NOW.astimezone(tz)


class _Time:
    """A clock that only sleeping moves, past every time-out that the code knows."""

    def __init__(self) -> None:
        self._now = NOW.timestamp()

    def time(self) -> float:
        return self._now

    monotonic = time

    def sleep(self, _seconds: float) -> None:
        self._now += _AFTER_EVERY_TIMEOUT_SECONDS


class _Serial:
    """A thread pool in which each call is done when it is submitted."""

    def __init__(self, max_workers: int | None = None) -> None:
        pass

    def __enter__(self) -> _Serial:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001 - as a pool does
            future.set_exception(error)
        return future


@dataclass(frozen=True)
class _Step:
    function: Callable[[Any, Settings], Any]
    parse: Callable[[Any], Any]


class Code:
    """The controller's steps, on tapes in place of AWS. Use inside `stand_still`."""

    def __init__(self) -> None:
        self.settings = read_settings(read_environment())
        self._steps: dict[str, _Step] = {}
        self._moves: dict[tuple[str, str, tuple[str, ...]], Call | Ended] = {}

    @property
    def runs(self) -> int:
        """How many different attempts were run."""
        return len(self._moves)

    def next_move(self, step: str, arguments: str, answers: tuple[str, ...]) -> Call | Ended:
        """What the step does after it was given these answers."""
        key = step, arguments, answers
        move = self._moves.get(key)
        if move is None:
            move = self._moves[key] = self._run(step, arguments, answers)
        return move

    def configure(self, **changes: str) -> None:
        """The functions' environment from now on, where it differs from the template's."""
        configured = read_settings(read_environment() | changes)
        if configured != self.settings:
            self.settings = configured
            self.forget()

    def forget(self) -> None:
        """The code was changed: what it did before says nothing any more."""
        self._moves.clear()
        self._steps.clear()

    def _run(self, step: str, arguments: str, answers: tuple[str, ...]) -> Call | Ended:
        tape = iter(answers)
        _Current.client = lambda service: _Client(service, tape)
        _Current.time = _Time()
        real = self._steps.get(step) or self._steps.setdefault(step, _find_step(step))
        try:
            return Ended(json.dumps(real.function(real.parse(json.loads(arguments)), self.settings).to_json()))
        except _NextCallError as next_call:
            return next_call.call
        except FailoverError as error:
            return Ended("", type(error).__name__, str(error))


def _find_step(name: str) -> _Step:
    """The step of that name and the model of its input, which is the type of its first parameter."""
    function = getattr(importlib.import_module(f"failover.steps.{name}"), name)
    first = next(iter(inspect.signature(function, eval_str=True).parameters.values()))
    return _Step(function, first.annotation.model_validate)


class _Current:
    """What the patched modules reach."""

    client: Callable[[str], Any]
    time: _Time


class _CurrentTime:
    def __getattr__(self, name: str) -> Any:
        return getattr(_Current.time, name)


@contextmanager
def stand_still() -> Iterator[None]:
    """Meanwhile the package's clients are tapes, its clocks stand, its pools are serial, and it is silent."""
    for package in (failover.adapters, failover.steps):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    silent = MagicMock()
    stand_ins = {
        "client": (clients.client, lambda service: _Current.client(service)),
        "datetime": (datetime, _StandingDatetime),
        "time": (time, _CurrentTime()),
        "ThreadPoolExecutor": (ThreadPoolExecutor, _Serial),
        "logger": (logger, silent),
        "metrics": (metrics, silent),
    }
    with ExitStack() as patches:
        # States by the hundred thousand, none of them in a circle: looking for circles took a fifth of the time.
        gc.disable()
        patches.callback(gc.enable)
        for name, loaded in list(sys.modules.items()):
            for attribute, (real, stand_in) in stand_ins.items():
                if name.startswith("failover.") and vars(loaded).get(attribute) is real:
                    patches.enter_context(patch.object(loaded, attribute, stand_in))
        yield


def in_an_hour() -> str:
    """A time as the cluster table writes it."""
    return _written(NOW + timedelta(hours=1))


def when_the_lock_ends() -> str:
    """Of a lock that was taken now."""
    return _written(NOW + timedelta(seconds=LOCK_SECONDS))


def an_hour_ago() -> str:
    return _written(NOW - timedelta(hours=1))


def _written(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
