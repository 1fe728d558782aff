"""The command as a user calls it, and a local cloud with a Garoon installation in an account of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from failover.adapters import clients as product_clients
from failover.runtime import logger
from garoon_failover.app import app
from typer.testing import CliRunner

from testbed.cloud.launch import RunningCloud, running_cloud
from testbed.garoon.installation import Installation, make_installation
from testbed.stack.endpoint import Clients, Endpoint, make_session
from testbed.world.world import World

_accounts = count(700000000001)


@dataclass(frozen=True)
class Answer:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str, answers: str | None = None) -> Answer:
    """Calls `garoon-failover` in this process, where the functions' log goes on as before."""
    level = logger.log_level
    result = CliRunner().invoke(app, list(arguments), input=answers)
    logger.setLevel(level)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Each test runs in a directory of its own, with an environment and clients of its own."""
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("AWS_", "GAROON_")):
            del os.environ[name]
    monkeypatch.setattr(product_clients, "_clients", {})
    monkeypatch.setattr("boto3.DEFAULT_SESSION", boto3.Session(botocore_session=make_session()))
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    with running_cloud(tmp_path_factory.mktemp("world"), host_factory="tests.cloud.fake_hosts:make_host") as running:
        yield running


@dataclass(frozen=True)
class Place:
    """An account of the local cloud, and what is in it."""

    clients: Clients
    installation: Installation


def _make_place(cloud: RunningCloud) -> Place:
    clients = Clients(Endpoint(cloud.endpoint_url, account=str(next(_accounts))))
    return Place(clients, make_installation(clients, World(201, cloud.world_directory), {"PathPort": "22"}))


@pytest.fixture(scope="session")
def untouched_place(cloud: RunningCloud) -> Place:
    return _make_place(cloud)


@pytest.fixture
def place(cloud: RunningCloud) -> Place:
    """The installation of docs/installation.md in an account of its own, which the command asks."""
    made = _make_place(cloud)
    os.environ.update(made.clients.endpoint.environment())
    return made


@pytest.fixture
def standing(untouched_place: Place) -> Place:
    """The same, for tests that change nothing in it."""
    os.environ.update(untouched_place.clients.endpoint.environment())
    return untouched_place
