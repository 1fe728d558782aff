"""For all tests."""

from __future__ import annotations

import pytest

_LONGEST_FIRST = ("drill", "campaign", "model")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that take long begin first, so that at the end no worker is left alone with one."""

    def turn(item: pytest.Item) -> int:
        folder = item.path.parent.name
        return _LONGEST_FIRST.index(folder) if folder in _LONGEST_FIRST else len(_LONGEST_FIRST)

    items.sort(key=turn)
