"""The order of the tests, and what they say."""

import os
from pathlib import Path

import pytest

from tests import record_messages

if os.environ.get(record_messages.VARIABLE):
    _SEEN = record_messages.begin(Path(os.environ[record_messages.VARIABLE]))


def pytest_sessionfinish() -> None:
    if folder := os.environ.get(record_messages.VARIABLE):
        record_messages.write(_SEEN, Path(folder))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Drills first: a testbed goes with its worker's last drill, and no long drill is alone at the end."""
    items.sort(key=lambda item: "/drill/" not in item.path.as_posix())
