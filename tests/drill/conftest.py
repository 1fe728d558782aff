"""One testbed for each test worker: deployed once, made as new for each scenario, gone after the last one."""

from collections.abc import Iterator

import pytest
from rich.console import Console

from testbed.run.bed import Testbed, running_testbed
from testbed.world.profiles import load_profile


@pytest.fixture(scope="package")
def deployed_bed() -> Iterator[Testbed]:
    console = Console()
    with running_testbed(load_profile("fast"), console.print) as bed:
        yield bed


@pytest.fixture
def bed(deployed_bed: Testbed) -> Testbed:
    """The testbed as new."""
    deployed_bed.reset()
    return deployed_bed
