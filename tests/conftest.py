"""Who runs what: the drills, which mostly wait, stay on some of the test workers; the others compute meanwhile."""

import pytest

_DRILLING_WORKERS = 4  # a testbed each, and two processors have no room for more


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    drills = [item for item in items if "deployed_bed" in getattr(item, "fixturenames", ())]
    for number, drill in enumerate(drills):
        drill.add_marker(pytest.mark.xdist_group(f"drills-{number % _DRILLING_WORKERS}"))
