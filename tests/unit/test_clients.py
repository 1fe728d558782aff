"""The clients, which a step's threads share."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from failover.adapters import clients


def test_threads_that_want_a_client_at_once_get_the_same_one_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 may not make two at once from its session."""
    threads = 4
    all_here = Barrier(threads)
    made: list[str] = []

    def make(service: str, config: object) -> object:
        time.sleep(0.05)  # so that all others would begin to make theirs
        made.append(service)
        return object()

    def ask(_thread: int) -> object:
        all_here.wait()
        return clients.client("ec2")

    monkeypatch.setattr(clients, "boto3", SimpleNamespace(client=make))
    with patch.dict(clients._clients, clear=True), ThreadPoolExecutor(threads) as pool:
        assert len({id(client) for client in pool.map(ask, range(threads))}) == 1
    assert made == ["ec2"]
