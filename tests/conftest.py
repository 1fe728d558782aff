"""The order of the tests."""

from itertools import islice

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A drill mostly waits and the other tests mostly compute: mixed, they keep the processors busy and no more.

    The others last a little longer, so that no drill is alone at the end.
    """
    drills = [item for item in items if "/drill/" in item.path.as_posix()]
    others = [item for item in items if "/drill/" not in item.path.as_posix()]
    share = 4 * len(others) // (5 * len(drills)) if drills else 0
    rest = iter(others)
    items[:] = [item for drill in drills for item in (drill, *islice(rest, share))]
    items += rest
