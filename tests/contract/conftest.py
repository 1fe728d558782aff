"""The arms, each begun anew for each story."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.hosts import SimulatedArm
from tests.node.conftest import running_cluster


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedArm]:
    """Takes a second or two to make, and its stories as long as the script takes."""
    with running_cluster(tmp_path_factory.mktemp("contract") / "world") as nodes:
        yield SimulatedArm(nodes)
