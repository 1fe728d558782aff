"""The order of the tests."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Drills first: a testbed goes with its worker's last drill, and no long drill is alone at the end."""
    items.sort(key=lambda item: "/drill/" not in item.path.as_posix())
