"""Puts the controller's real code on virtual time, for as long as a campaign runs in this process.

Every module of the package `failover` that has `time`, `datetime` or `ThreadPoolExecutor` is given the virtual one, so
a new step is in the campaign without a word here.
"""

from __future__ import annotations

import concurrent.futures
import datetime
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import botocore.endpoint
from botocore.useragent import UserAgentString
from ministack.services import stepfunctions

from testbed.campaign.engine import Handler, account, install_workflows
from testbed.campaign.stack import Stack, read_stack
from testbed.campaign.virtual_time import VirtualDatetime, VirtualExecutor, VirtualThread, VirtualTime, clock
from testbed.campaign.wire import Clients
from testbed.cloud import workflows
from testbed.world.files import load_module

REPOSITORY = Path(__file__).resolve().parents[2]

_VIRTUAL = (
    (time, VirtualTime),
    (datetime.datetime, VirtualDatetime),
    (concurrent.futures.ThreadPoolExecutor, VirtualExecutor),
)
_IMPOSSIBLE = (concurrent.futures.as_completed, concurrent.futures.wait)


class Controller:
    """The controller's code, ready to work in any number of worlds, one after the other."""

    def __init__(self, stack: Stack, handlers: Mapping[str, Handler], clients: Clients) -> None:
        self.stack = stack
        self.handlers = dict(handlers)
        self.clients = clients
        self._environment = dict(os.environ)

    def deploy(self, changes: Mapping[str, str]) -> None:
        """The functions' environment, with these variables changed."""
        os.environ.update(self._environment)
        os.environ.update(changes)
        sys.modules["failover.settings"].settings.cache_clear()


@contextmanager
def installed(root: Path = REPOSITORY, **parameters: str) -> Iterator[Controller]:
    """The controller of the repository at `root` on virtual time; everything is as before afterwards."""
    stack = read_stack(root, **parameters)
    clients = Clients()
    with ExitStack() as changes:
        changes.enter_context(patch.dict(os.environ, _environment(stack)))
        changes.enter_context(patch.object(sys, "path", [str(root / "layers" / "failover_core"), *sys.path]))
        handlers = {arn: _load_handler(root / one.folder, one.name) for arn, one in stack.functions.items()}
        _check_origin(root)
        for module in _modules_of("failover"):
            for name, value in list(vars(module).items()):
                if any(value is one for one in _IMPOSSIBLE):
                    raise NotImplementedError(f"{module.__name__} uses {name}, which has no virtual stand-in.")
                for real, virtual in _VIRTUAL:
                    if value is real:
                        changes.enter_context(patch.object(module, name, virtual))
        adapters = sys.modules["failover.adapters.clients"]
        changes.enter_context(patch.object(adapters, "boto3", SimpleNamespace(client=clients.client)))
        changes.enter_context(patch.dict(adapters._clients, clear=True))
        settings = sys.modules["failover.settings"].settings
        changes.callback(settings.cache_clear)
        settings.cache_clear()
        _silence(changes)
        changes.enter_context(patch.object(botocore.endpoint, "time", VirtualTime))
        # Put together anew for each request, at a seventh of a case's time.
        changes.enter_context(patch.object(UserAgentString, "to_string", lambda _: "campaign"))
        changes.enter_context(_kept(stepfunctions))
        changes.enter_context(patch.object(workflows, "time", VirtualTime))
        changes.enter_context(patch.object(workflows, "now_iso", _now_iso))
        _virtualise_engine()
        changes.enter_context(account())
        yield Controller(stack, handlers, clients)


def _environment(stack: Stack) -> dict[str, str]:
    """All functions' variables: they differ in nothing but the service's name, and in the document they may send."""
    merged: dict[str, str] = {}
    for function in stack.functions.values():
        for name, value in function.environment.items():
            if merged.setdefault(name, value) != value and name not in ("POWERTOOLS_SERVICE_NAME", "NODE_DOCUMENT"):
                raise NotImplementedError(f"{name} differs between functions.")
    return {
        **merged,
        "POWERTOOLS_TRACE_DISABLED": "true",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }


def _load_handler(folder: Path, name: str) -> Handler:
    handler: Handler = load_module(folder / "app.py", f"campaign_function_{name}").handler
    return handler


def _check_origin(root: Path) -> None:
    origin = Path(str(sys.modules["failover"].__path__[0])).resolve()
    if not origin.is_relative_to(root.resolve()):
        raise RuntimeError(f"The package failover comes from {origin}, not from {root}.")


def _modules_of(package: str) -> list[ModuleType]:
    return [module for name, module in sorted(sys.modules.items()) if name == package or name.startswith(f"{package}.")]


def _silence(changes: ExitStack) -> None:
    """Thousands of failovers would say a lot. The world's own log has what a reader of a broken case needs."""
    runtime = sys.modules["failover.runtime"]
    changes.enter_context(patch.object(runtime.logger._logger, "disabled", True))
    changes.enter_context(patch.object(runtime.metrics, "add_metric", lambda **_: None))
    changes.enter_context(patch.object(stepfunctions.logger, "disabled", True))
    changes.enter_context(patch.object(runtime.metrics.provider, "flush_metrics", lambda **_: None))


@contextmanager
def _kept(module: ModuleType) -> Iterator[None]:
    """What is changed in the module is undone at the end."""
    before = dict(vars(module))
    try:
        yield
    finally:
        vars(module).clear()
        vars(module).update(before)


def _virtualise_engine() -> None:
    install_workflows()
    engine: Any = stepfunctions
    engine.time = VirtualTime
    engine.threading = SimpleNamespace(Thread=VirtualThread)
    engine.ThreadPoolExecutor = VirtualExecutor
    engine.now_iso = _now_iso


def _now_iso() -> str:
    moment = datetime.datetime.fromtimestamp(clock.loop.now, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
