"""One testbed for each test worker: deployed once, made as new for each scenario, gone after the last one."""

from collections.abc import Iterator

import pytest
from rich.console import Console

from testbed.garoon.installation import USUAL
from testbed.run.bed import Testbed, running_testbed
from testbed.world.profiles import load_profile


@pytest.fixture(scope="package")
def deployed_bed() -> Iterator[Testbed]:
    console = Console()
    with running_testbed(load_profile("fast"), console.print) as bed:
        yield bed


@pytest.fixture
def bed(deployed_bed: Testbed, request: pytest.FixtureRequest) -> Testbed:
    """The testbed as new, of the shape that the test's scenario has."""
    scenario = getattr(request.node, "callspec", None) and request.node.callspec.params.get("scenario")
    deployed_bed.reset(scenario.shape if scenario else USUAL)
    return deployed_bed
