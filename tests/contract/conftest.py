"""The arms, each begun anew for each story."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from node.generate_document import assemble
from tests.contract.hosts import OtherEngineArm, SimulatedArm
from tests.node.conftest import running_cluster
from tests.node.node import OTHER_ENGINE


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedArm]:
    """Takes a second or two to make, and its stories as long as the script takes."""
    with running_cluster(tmp_path_factory.mktemp("contract") / "world") as nodes:
        yield SimulatedArm(nodes)


@pytest.fixture(scope="module")
def other_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherEngineArm]:
    """The script with the engine that is in tests only, on hosts that have that one."""
    world = tmp_path_factory.mktemp("other-engine") / "world"
    with running_cluster(world, {"engine": "mirrorctl"}, assemble(OTHER_ENGINE)) as nodes:
        yield OtherEngineArm(nodes)
